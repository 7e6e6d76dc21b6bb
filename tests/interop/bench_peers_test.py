#!/usr/bin/python3
"""The servers of bench/peers answer the load generator rightly, and say in one line why they do not start.

The bare ones in each of their modes; of those on other libraries, the ones that are there: a line names the others.
"""

import contextlib
import functools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from support.cases import run_cases, spoken

ROOT = pathlib.Path(__file__).resolve().parents[2]

sys.dont_write_bytecode = True
sys.path.append(str(ROOT / "bench" / "suite"))

from certificate import Certificate  # noqa: E402

BENCH = ROOT / os.environ.get("TIDEWIRE_BUILD", "build/release") / "bench"
SECONDS = 30
HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
MASK = b"\0\0\0\0"


# websocketpp ends a connection after each response, so that no load can be kept up.
PEERS_WITHOUT_HTTP = ("websocketpp_server",)
PEERS_WITHOUT_TLS = ("websocketpp_server",)
# With libwebsockets 4.1, compressed messages of some 256 KiB and more at times stop coming. Whether the library or our
# server on it is at fault is not known.
PEERS_WITHOUT_LONG_DEFLATE = ("libwebsockets_server",)


def program(name: str) -> list[str]:
    return [str(BENCH / "peers" / name)]


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


@contextlib.contextmanager
def serving(command: list[str], *flags: str):
    """The port of a server that has to end on SIGTERM with status 0."""
    server = subprocess.Popen([*command, "--port", "0", *flags], stdout=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()
        listening = re.search(r":(\d+)$", line.strip())
        expect(listening is not None, f"it printed {line!r}")
        yield int(listening.group(1))
        server.send_signal(signal.SIGTERM)
        expect(server.wait(SECONDS) == 0, f"it ended with {server.returncode}")
    finally:
        if server.poll() is None:
            server.kill()
        server.wait()
        server.stdout.close()


def load(port: int, mode: str, *flags: str) -> None:
    """One batch on each connection, every byte of the answers compared."""
    command = [str(BENCH / "load"), mode, "--port", str(port), "--once", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    expect(done.returncode == 0, f"{' '.join(command[1:])}: {done.stderr.strip()}")


def connected(port: int, request: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
    client.sendall(request)
    return client


def received(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        expect(bool(more), "the connection ended early")
        data += more
    return data


def websocket(port: int, path: bytes = b"/broadcast") -> socket.socket:
    """A connection whose handshake came in small pieces."""
    request = HANDSHAKE % path
    client = connected(port)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for start in range(0, len(request), 50):
        client.sendall(request[start : start + 50])
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += received(client, 1)
    expect(head.startswith(b"HTTP/1.1 101 ") and ACCEPT in head, f"no handshake: {head!r}")
    return client


def bare_echoes(command: list[str]) -> None:
    for size, content, depth, connections in [
        (0, "ascii", 1, 10),
        (20, "ascii", 1, 100),
        (20, "ascii", 1000, 10),
        (125, "mixed", 16, 10),
        (126, "ascii", 64, 10),
        (1024, "mixed", 16, 10),
        (16 * 1024, "binary", 64, 4),
        (65536, "binary", 1, 4),
        (1 << 20, "mixed", 3, 8),
        (16 << 20, "binary", 2, 2),
    ]:
        told = ["--payload-bytes", str(size), "--content", content, "--depth", str(depth)]
        with serving(command, "--mode", "echo", *told) as port:
            load(port, "echo", "--connections", str(connections), *told)


def bare_fans_out(command: list[str]) -> None:
    for size, content, depth, connections in [
        (0, "ascii", 1, 3),
        (100, "ascii", 1, 500),
        (100, "mixed", 16, 500),
        (1 << 20, "binary", 4, 10),
    ]:
        told = ["--payload-bytes", str(size), "--content", content, "--depth", str(depth)]
        with serving(command, "--mode", "broadcast", *told) as port:
            load(port, "fanout", "--connections", str(connections), *told)


def bare_broadcasts(command: list[str]) -> None:
    frame = b"\x82\x85" + MASK + b"hello"
    with serving(command, "--mode", "broadcast", "--content", "binary", "--payload-bytes", "5", "--depth", "3") as port:
        clients = [websocket(port) for _ in range(50)]
        # The third publication comes in two pieces; the other nine with its second.
        clients[0].sendall(frame * 2 + frame[:4])
        clients[0].sendall(frame[4:] + frame * 9)
        streams = {received(client, 12 * 7) for client in clients}
        expect(len(streams) == 1, "subscribers got different bytes")
        stream = streams.pop()
        expect(stream == stream[:7] * 12 and stream[:2] == b"\x82\x05", f"wrong deliveries: {stream!r}")
        # Those that go away take nothing from the others.
        for client in clients[1:40:3]:
            client.close()
        clients[0].sendall(frame * 3)
        for client in clients:
            expect(client.fileno() < 0 or received(client, 3 * 7) == stream[:21], "a wrong delivery")
        for client in clients:
            client.close()


def bare_answers_http(command: list[str]) -> None:
    with serving(command, "--mode", "http") as port:
        for depth in 1, 16, 1000:
            for headers in "minimal", "browser":
                load(port, "http", "--connections", "50", "--depth", str(depth), "--headers", headers)
        for field_bytes in 1, 700:
            request = b"GET / HTTP/1.1\r\nX: " + b"x" * field_bytes + b"\r\n\r\n"
            client = connected(port, request[:-2])
            client.sendall(request[-2:] + request * 2)
            answers = b""
            while answers.count(b"Hello, World!") < 3:
                answers += received(client, 1)
            expect(answers.count(b"HTTP/1.1 200 OK\r\n") == 3, f"wrong responses: {answers!r}")
            client.close()


def bare_upgrades(command: list[str]) -> None:
    with serving(command, "--mode", "upgrade") as port:
        load(port, "connect", "--connections", "50")
        for _ in range(20):
            client = websocket(port)
            client.sendall(b"\x88\x82" + MASK + b"\x03\xe8")
            expect(received(client, 4) == b"\x88\x02\x03\xe8", "no close frame")
            expect(client.recv(1) == b"", "the connection stays open")
            client.close()


def peer_echoes(command: list[str]) -> None:
    with serving(command) as port:
        for size, content, depth, connections in [
            (0, "ascii", 1, 2),
            (20, "ascii", 64, 50),
            (1024, "mixed", 16, 50),
            (16 * 1024, "mixed", 4, 10),
            (65536, "binary", 1, 4),
            (1 << 20, "binary", 2, 4),
            (16 << 20, "binary", 1, 1),
        ]:
            flags = ["--payload-bytes", str(size), "--content", content, "--depth", str(depth)]
            load(port, "echo", "--connections", str(connections), *flags)


def peer_deflates(command: list[str]) -> None:
    """As it was asked to, and only then: with takeover only if told so, and not without an offer."""
    shapes = [(1024, "json", 1, 50), (1024, "json", 40, 50), (16 * 1024, "json", 8, 10), (100_000, "mixed", 3, 4)]
    if pathlib.Path(command[-1]).name not in PEERS_WITHOUT_LONG_DEFLATE:
        shapes.append((1 << 20, "json", 2, 4))
    for takeover in [], ["--takeover"]:
        with serving(command, "--deflate", *takeover) as port:
            for size, content, depth, connections in shapes:
                flags = ["--payload-bytes", str(size), "--content", content, "--depth", str(depth)]
                load(port, "echo", "--connections", str(connections), "--deflate", *takeover, *flags)
            load(port, "echo", "--connections", "10", "--depth", "8")
            load(port, "fanout", "--connections", "50", "--payload-bytes", "1000")
    refused(command, ["--takeover"], 2)


def peer_broadcasts(command: list[str]) -> None:
    """Each subscriber gets all that any sends, in one order; binary stays binary, and text text."""
    with serving(command) as port:
        for flags in ["--depth", "1"], ["--depth", "16", "--content", "mixed"]:
            load(port, "fanout", "--connections", "500", "--payload-bytes", "100", *flags)
        clients = [websocket(port) for _ in range(50)]
        clients[3].sendall((b"\x82\x85" + MASK + b"hello" + b"\x81\x83" + MASK + b"abc") * 5)
        for client in clients:
            expect(received(client, 12 * 5) == b"\x82\x05hello\x81\x03abc" * 5, "a wrong delivery")
        for client in clients[::2]:
            client.close()
        payload = bytes(range(250)) * 400
        clients[1].sendall(b"\x82\xff" + len(payload).to_bytes(8, "big") + MASK + payload)
        for client in clients[1::2]:
            frame = received(client, 10 + len(payload))
            expect(frame == b"\x82\x7f" + len(payload).to_bytes(8, "big") + payload, "a wrong long delivery")
            client.close()


def peer_answers_http(command: list[str]) -> None:
    with serving(command) as port:
        for depth in 1, 16:
            for headers in "minimal", "browser":
                load(port, "http", "--connections", "50", "--depth", str(depth), "--headers", headers)


def peer_closes(command: list[str]) -> None:
    """As a load of short lives wants it: the close frame comes back, and the server ends the connection."""
    with serving(command) as port:
        load(port, "connect", "--connections", "50")
        for _ in range(20):
            client = websocket(port, b"/echo")
            client.sendall(b"\x88\x82" + MASK + b"\x03\xe8")
            expect(received(client, 4) == b"\x88\x02\x03\xe8", "no close frame")
            expect(client.recv(1) == b"", "the connection stays open")
            client.close()


def peer_speaks_tls(command: list[str]) -> None:
    """All that it does in the clear, in both versions; and it resumes sessions."""
    certificate = Certificate()
    for version in "1.2", "1.3":
        tls = ["--tls", "--tls-version", version]
        with serving(command, "--deflate", *certificate.flags) as port:
            for size, content, depth, connections in [
                (0, "ascii", 1, 2),
                (20, "ascii", 64, 50),
                (16 * 1024, "mixed", 4, 10),
                (1 << 20, "binary", 2, 4),
            ]:
                flags = ["--payload-bytes", str(size), "--content", content, "--depth", str(depth)]
                load(port, "echo", "--connections", str(connections), *flags, *tls)
            load(port, "echo", "--content", "json", "--payload-bytes", "1024", "--depth", "8", "--deflate", *tls)
            load(port, "fanout", "--connections", "50", "--payload-bytes", "1000", *tls)
            load(port, "http", "--connections", "50", "--depth", "16", *tls)
            load(port, "slow", "--connections", "10", "--payload-bytes", "1000", *tls)
            for resume in [], ["--resume"]:
                load(port, "connect", "--connections", "50", *tls, *resume)
            # One who speaks no TLS, and one who goes away in the handshake, leave it as it was.
            with connected(port, HANDSHAKE % b"/echo"), connected(port, b"\x16\x03\x01"):
                load(port, "echo", *tls)
    with tempfile.TemporaryDirectory() as directory:
        flags = ["--port", "0", "--tls-certificate", f"{directory}/none.pem", "--tls-key", str(certificate.key)]
        refused(command, flags, 1)
    refused(command, ["--tls-certificate", str(certificate.file)], 2)
    refused(command, ["--tls-key", str(certificate.key)], 2)


def refused(command: list[str], flags: list[str], status: int) -> None:
    done = subprocess.run([*command, *flags], capture_output=True, text=True, timeout=SECONDS)
    expect(done.returncode == status, f"{flags} ended with {done.returncode}, not {status}")
    expect(done.stdout == "" and done.stderr.count("\n") == 1, f"{flags} said {done.stdout!r} and {done.stderr!r}")


def wants_good_flags(command: list[str]) -> None:
    for flags in [["--no-such-flag"], ["--port", "70000"], ["--port", "x"], ["--port"]]:
        refused(command, flags, 2)


def wants_a_free_port(command: list[str]) -> None:
    with serving(command) as port:
        refused(command, ["--port", str(port)], 1)


def peers():
    """(name, command) of those that are there; prints a line for each that is not."""
    for name in "beast_server", "websocketpp_server", "libwebsockets_server":
        if pathlib.Path(*program(name)).exists():
            yield name, program(name)
        else:
            print(f"skipped: {name} is not built (-Dbench_peers=enabled)")
    folder = ROOT / "bench" / "peers"
    if (folder / "node_modules" / "ws").exists() and shutil.which("node"):
        yield "ws_server", ["node", str(folder / "ws_server.mjs")]
    else:
        print("skipped: ws_server has no node_modules (npm ci --prefix bench/peers)")


def cases():
    """(name, what is run)"""
    for_all = [wants_good_flags, wants_a_free_port]
    for name in "bare_libuv", "bare_epoll":
        for case in [bare_echoes, bare_fans_out, bare_broadcasts, bare_answers_http, bare_upgrades, *for_all]:
            yield f"{name} {spoken(case)}", functools.partial(case, program(name))
    for name, command in peers():
        without = {peer_answers_http: PEERS_WITHOUT_HTTP, peer_speaks_tls: PEERS_WITHOUT_TLS}
        for case in [peer_echoes, peer_deflates, peer_broadcasts, peer_answers_http, peer_closes, peer_speaks_tls, *for_all]:
            if name not in without.get(case, ()):
                yield f"{name} {spoken(case)}", functools.partial(case, command)


if __name__ == "__main__":
    sys.exit(run_cases(cases()))
