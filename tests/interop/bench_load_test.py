#!/usr/bin/python3
"""The load generator measures Tidewire in every mode, and says in one line what is wrong with a server or a flag."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib

from support.cases import run_cases, spoken

ROOT = pathlib.Path(__file__).resolve().parents[2]

sys.dont_write_bytecode = True
sys.path.append(str(ROOT / "bench" / "suite"))

from certificate import Certificate  # noqa: E402

BUILD = ROOT / os.environ.get("TIDEWIRE_BUILD", "build/release")
LOAD = BUILD / "bench" / "load"
SECONDS = 60
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
EMPTY_REQUEST_BYTES = 6  # A masked frame without payload,
EMPTY_REPLY = b"\x81\0"  # and what answers it.
EMPTY = ["--payload-bytes", "0"]
MASK = b"\0\0\0\0"
CERTIFICATE = Certificate()
SHORT = ["--seconds", "0.3", "--warm-up-seconds", "0.1", "--json"]


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def run(mode: str, port: int, *flags: str) -> subprocess.CompletedProcess:
    command = [str(LOAD), mode, "--port", str(port), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)


def good(mode: str, port: int, *flags: str) -> str:
    done = run(mode, port, *flags)
    expect(done.returncode == 0, f"{mode} {' '.join(flags)}: {done.stderr.strip()}")
    expect(done.stderr == "", f"{mode} {' '.join(flags)} said {done.stderr!r}")
    return done.stdout


def bad(mode: str, port: int, *flags: str, status: int = 1, saying: str = "") -> None:
    done = run(mode, port, *flags)
    expect(done.returncode == status, f"{mode} {' '.join(flags)} ended with {done.returncode}: {done.stderr.strip()}")
    one_line = done.stderr.startswith("load: ") and done.stderr.count("\n") == 1 and done.stderr.endswith("\n")
    expect(done.stdout == "" and one_line, f"{mode} {' '.join(flags)} said {done.stdout!r} and {done.stderr!r}")
    expect(saying in done.stderr, f"{mode} {' '.join(flags)} said {done.stderr!r}, and not {saying!r}")


@contextlib.contextmanager
def echo_server(*flags: str):
    """(port, pid) of one that has to end well."""
    command = [str(BUILD / "examples" / "echo_server"), "--port", "0", "--max-message-size", str(16 << 20), *flags]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()
        listening = re.search(r":(\d+)$", line.strip())
        expect(listening is not None, f"echo_server printed {line!r}")
        yield int(listening.group(1)), server.pid
        server.send_signal(signal.SIGTERM)
        expect(server.wait(SECONDS) == 0, f"echo_server ended with {server.returncode}")
    finally:
        if server.poll() is None:
            server.kill()
        server.wait()
        server.stdout.close()


@contextlib.contextmanager
def scripted(converse, tls=lambda: None):
    """The port of a server that does what `converse(socket)` does with each connection, in a thread of its own.

    With `tls`, over TLS with the context that it gives for each.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def attend(client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(SECONDS)
            context = tls()
            if context is None:
                return converse(client)
            with context.wrap_socket(client, server_side=True) as secured:
                converse(secured)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=attend, args=[listener.accept()[0]], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def read_head(client: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        more = client.recv(65536)
        if not more:
            raise OSError("the end")
        head += more
    return head


def answering(answer: bytes):
    """A server that says this to the first request, and stays."""

    def converse(client: socket.socket) -> None:
        read_head(client)
        client.sendall(answer)
        while client.recv(65536):
            pass

    return converse


def opened(then):
    """A server that accepts WebSocket connections and goes on as `then(socket)`."""

    def converse(client: socket.socket) -> None:
        read_head(client)
        client.sendall(ACCEPTED)
        then(client)

    return converse


def empty_echo(client: socket.socket, instead=lambda client, count: False) -> None:
    """Echoes messages without payload, as long as `instead(client, how many came so far)` does nothing else."""
    received = 0
    while data := client.recv(65536):
        before = received // EMPTY_REQUEST_BYTES
        received += len(data)
        count = received // EMPTY_REQUEST_BYTES
        if instead(client, count):
            return
        client.sendall(EMPTY_REPLY * (count - before))


class DeflatedEcho:
    """A server that inflates each message, within windows of so many bits, and deflates it again."""

    def __init__(self, takeover: bool, *, client_bits: int = 15, frames: int = 1, answer: bytes = b""):
        self._takeover = takeover
        self._client_bits = client_bits
        self._frames = frames
        self._answer = answer or b"permessage-deflate" + (b"" if takeover else b"; server_no_context_takeover")

    def __call__(self, client: socket.socket) -> None:
        read_head(client)
        client.sendall(ACCEPTED[:-2] + b"Sec-WebSocket-Extensions: " + self._answer + b"\r\n\r\n")
        inflater, deflater = self._new()
        data, count = b"", 0
        while more := client.recv(65536):
            data += more
            while frame := cut_frame(data):
                first, payload, data = frame
                if first not in (0xC1, 0xC2):
                    return
                if not self._takeover:
                    inflater, deflater = self._new()
                text = inflater.decompress(payload + b"\0\0\xff\xff")
                client.sendall(self.reply(first, text, deflater, count))
                count += 1

    def _new(self):
        return zlib.decompressobj(-self._client_bits), zlib.compressobj(6, zlib.DEFLATED, -15)

    def changed(self, text: bytes, count: int) -> bytes:
        return text

    def reply(self, first: int, text: bytes, deflater, count: int) -> bytes:
        payload = deflater.compress(self.changed(text, count)) + deflater.flush(zlib.Z_SYNC_FLUSH)
        payload = payload[:-4] if text else b"\0"
        ends = [len(payload) * index // self._frames for index in range(self._frames + 1)]
        reply = b""
        for index, (begin, end) in enumerate(zip(ends, ends[1:])):
            opcode = (first & 0x7F if index == 0 else 0) | (0x80 if index + 1 == self._frames else 0)
            reply += bytes([opcode]) + shortest_length(end - begin) + payload[begin:end]
        return reply


def shortest_length(size: int) -> bytes:
    if size < 126:
        return bytes([size])
    return b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")


def cut_frame(data: bytes):
    """(first byte, unmasked payload, what is behind it) of a client's frame, if there is all of it."""
    if len(data) < 2:
        return None
    size, at = data[1] & 0x7F, 2
    if size >= 126:
        at = 4 if size == 126 else 10
        size = int.from_bytes(data[2:at], "big")
    if len(data) < at + 4 + size:
        return None
    mask, payload = data[at : at + 4], data[at + 4 : at + 4 + size]
    return data[0], bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload)), data[at + 4 + size :]


def once_in_every_mode() -> None:
    with echo_server() as (port, _):
        for flags in [
            [],
            ["--connections", "1", *EMPTY],
            ["--content", "mixed", "--payload-bytes", "16384", "--depth", "5"],
            ["--content", "binary", "--payload-bytes", "70000", "--depth", "3", "--connections", "20"],
            ["--content", "mixed", "--payload-bytes", str(16 << 20), "--connections", "2"],
            ["--rate", "1000", "--depth", "4"],
        ]:
            good("echo", port, "--once", *flags)
        expect(good("echo", port, "--once", "--depth", "7") == "echo: 100 connections, 700 right echoes\n", "the count")
        for flags in [[], ["--depth", "16"], ["--content", "mixed", "--payload-bytes", "3000"]]:
            good("fanout", port, "--once", "--connections", "50", *flags)
        for headers in "minimal", "browser":
            good("http", port, "--once", "--headers", headers, "--depth", "16")
        good("connect", port, "--once", "--connections", "300")
        said = good("slow", port, "--once", "--connections", "20", "--payload-bytes", "1000")
        expect("18 right echoes" in said and "2 slow connections" in said, f"slow said {said!r}")


def check_report(text: str, workload: str, *more: str) -> dict:
    report = json.loads(text)
    expect(text.count("\n") == 1 and report["workload"] == workload, f"{text!r}")
    for key in "connections", "depth", "request_bytes", "reply_bytes", "messages", "elapsed_ns", "messages_per_second":
        expect(report[key] > 0, f"{workload}: {key} is {report[key]}")
    for key in "load_cpu_share", "load_wait_share", "server_cpu_ns_per_message", "server_cpu_share", "disturbed", *more:
        expect(key in report, f"{workload} has no {key}")
    latency = report["latency"]
    curve = latency["curve"]
    expect(latency["count"] > 0, f"{workload}: no latencies")
    order = [latency[f"{name}_ns"] for name in ("p50", "p90", "p99", "p999", "max")]
    expect(order == sorted(order) and order[0] > 0, f"{workload}: {order}")
    expect(len(curve) == 40 and curve == sorted(curve), f"{workload}: a curve of {curve}")
    expect(curve[0][0] == 0 and curve[-1] == [1, latency["max_ns"]], f"{workload}: a curve of {curve}")
    return report


def measured_in_every_mode() -> None:
    with echo_server() as (port, pid):
        short = [*SHORT, "--pid", str(pid)]
        for mode in "echo", "fanout", "http", "connect", "slow":
            check_report(good(mode, port, *short), mode, "server_saturated")
        check_report(good("fanout", port, *short, "--connections", "1000", "--depth", "16"), "fanout")
        report = check_report(good("slow", port, *short, "--payload-bytes", "10000", "--slow-share", "0.3"), "slow", "slow")
        expect(report["slow"]["connections"] == 30 and report["slow"]["closed"] == 0, f"slow: {report['slow']}")
        expect(report["slow"]["messages"] > 30, f"slow: {report['slow']}")
        for mode in "echo", "http":
            report = check_report(good(mode, port, *short, "--rate", "500", "--depth", "5"), mode, "rate", "unanswered")
            expect(report["rate"] == 500 and report["unanswered"] == 0, f"{mode}: {report}")
            expect("server_saturated" not in report, "an open loop is not meant to saturate")
        text = good("idle", port, "--pid", str(pid), "--hold-seconds", "0.1", "--connections", "300", "--json")
        expect(json.loads(text)["connections"] == 300 and "resident_bytes_per_connection" in text, f"{text!r}")


def compressed_once() -> None:
    for takeover in [], ["--takeover"]:
        with echo_server("--deflate", *takeover) as (port, _):
            for flags in [
                ["--content", "json", "--payload-bytes", "1024"],
                ["--content", "json", "--payload-bytes", "1024", "--depth", "200", "--connections", "3"],
                ["--content", "mixed", "--payload-bytes", "16384", "--depth", "5"],
                ["--content", "ascii", "--payload-bytes", "70000", "--depth", "3", "--connections", "20"],
                ["--content", "json", "--payload-bytes", str(1 << 20), "--connections", "2"],
                ["--content", "json", "--payload-bytes", "200", "--depth", "1024", "--rate", "10000"],
            ]:
                good("echo", port, "--once", "--deflate", *takeover, *flags)
            # It does not compress what is shorter than 64 bytes.
            short = ["--payload-bytes", "63", "--once", "--deflate", *takeover]
            bad("echo", port, *short, saying="or one that is not compressed, after 0 right ones")


def compressed_and_measured() -> None:
    json_text = ["--content", "json", "--payload-bytes", "1024", "--deflate"]
    for takeover in [], ["--takeover"]:
        with echo_server("--deflate", *takeover) as (port, pid):
            flags = [*SHORT, "--pid", str(pid), *json_text, *takeover]
            for more in [], ["--depth", "8"], ["--rate", "2000", "--depth", "3"]:
                report = check_report(good("echo", port, *flags, *more), "echo", "deflate")
                deflate = report["deflate"]
                expect(deflate["text_bytes"] == 1024 and "permessage-deflate" in deflate["extension"], f"{deflate}")
                expect(report["reply_bytes"] == round(deflate["reply_bytes"]) < 500, f"replies of {deflate}")
                expect(report["request_bytes"] == round(deflate["request_bytes"]) < 500, f"requests of {deflate}")
                expect(0.8 < deflate["reply_to_zlib"] < 1.5, f"{deflate}")
                expect(("no_context_takeover" in deflate["extension"]) != bool(takeover), f"{deflate}")
            said = good("echo", port, *json_text, *takeover, "--seconds", "0.1", "--warm-up-seconds", "0")
            expect("compressed from 1024 bytes" in said and "agreed: permessage-deflate" in said, f"{said!r}")
        # One that has freed nothing yet: what it would take from there is memory that it had before.
        with echo_server("--deflate", *takeover) as (port, pid):
            idle = ["--pid", str(pid), "--hold-seconds", "0.1", "--connections", "200", "--json", *json_text, *takeover]
            report = json.loads(good("idle", port, *idle, "--depth", "40"))
            expect(report["echoes"] == 40, f"{report}")
            memory = report["resident_bytes_per_connection_after_echoes"]
            expect(memory > 7_000 if takeover else memory < 7_000, f"{report}")


def compressed_as_agreed() -> None:
    """By any server that keeps to RFC 7692; what the client sends keeps to the window that it is left."""
    flags = ["--once", "--connections", "2", "--deflate", "--content", "json", "--payload-bytes", "700", "--depth", "99"]
    for takeover in [], ["--takeover"]:
        for frames in 1, 3, 40:
            with scripted(DeflatedEcho(bool(takeover), frames=frames)) as port:
                good("echo", port, *flags, *takeover)
                good("echo", port, "--once", "--connections", "1", "--deflate", "--payload-bytes", "0", *takeover)
    for bits in 9, 12:
        answer = b'permessage-deflate;server_max_window_bits=15 ; client_max_window_bits="%d"' % bits
        with scripted(DeflatedEcho(True, client_bits=bits, answer=answer)) as port:
            good("echo", port, *flags, "--takeover")


def compressed_texts_that_differ_from_connection_to_connection() -> None:
    connections = 20

    class Counting(DeflatedEcho):
        def __init__(self):
            super().__init__(False)
            self.counts = {}
            self.most = 0  # Messages on a connection, when all have had their second.

        def reply(self, first: int, text: bytes, deflater, count: int) -> bytes:
            self.counts[threading.get_ident()] = count + 1
            counts = list(self.counts.values())
            if self.most == 0 and len(counts) == connections and min(counts) == 2:
                self.most = max(counts)
            return super().reply(first, text, deflater, count)

    server = Counting()
    with scripted(server) as port:
        flags = ["--connections", str(connections), "--deflate", "--content", "json", "--payload-bytes", "100"]
        good("echo", port, *flags, "--seconds", "0.1", "--warm-up-seconds", "0")
    expect(server.most >= connections, f"the first was {server.most} messages ahead")


def compressed_wrongly() -> None:
    class Changed(DeflatedEcho):
        def changed(self, text: bytes, count: int) -> bytes:
            return text[:-1] + b"?" if count == 5 else text

    class Longer(DeflatedEcho):
        def changed(self, text: bytes, count: int) -> bytes:
            return text * 1000

    class Corrupt(DeflatedEcho):
        def reply(self, first: int, text: bytes, deflater, count: int) -> bytes:
            return bytes([first, 3]) + b"\xff\xff\xff"

    class Masked(DeflatedEcho):
        def reply(self, first: int, text: bytes, deflater, count: int) -> bytes:
            return bytes([first, 0x81]) + MASK + b"\0"

    class Plain(DeflatedEcho):
        def reply(self, first: int, text: bytes, deflater, count: int) -> bytes:
            return bytes([first & 0xBF, len(text)]) + text

    class Forgetful(DeflatedEcho):
        def reply(self, first: int, text: bytes, deflater, count: int) -> bytes:
            deflater.compress(b"what the client has never seen" * 20)
            deflater.flush(zlib.Z_SYNC_FLUSH)
            return super().reply(first, text, deflater, count)

    flags = ["--connections", "1", "--deflate", "--content", "json", "--payload-bytes", "100", "--depth", "8"]
    for takeover in [], ["--takeover"]:
        for kind, after in (Changed, 5), (Longer, 0), (Corrupt, 0), (Masked, 0), (Plain, 0):
            with scripted(kind(bool(takeover))) as port:
                bad("echo", port, "--once", *flags, *takeover, saying=f"after {after} right ones")
    with scripted(Forgetful(True)) as port:
        bad("echo", port, "--once", *flags, "--takeover", saying="a wrong reply")


def wrong_answers_to_an_offer() -> None:
    for takeover, answer, saying in [
        ("", b"permessage-deflate", "answered otherwise about takeover"),
        ("--takeover", b"permessage-deflate; server_no_context_takeover", "answered otherwise about takeover"),
        ("--takeover", b"permessage-deflate; client_no_context_takeover", "permits no takeover"),
        ("--takeover", b"permessage-deflate; client_max_window_bits=8", "wants a window of 8 bits"),
        ("--takeover", b"permessage-deflate; client_max_window_bits=16", "window bits that are none"),
        ("--takeover", b"permessage-deflate; client_max_window_bits", "window bits that are none"),
        ("--takeover", b"permessage-deflate; speed=11", "an unknown parameter"),
        ("--takeover", b"permessage-deflate, permessage-deflate", "something else than permessage-deflate"),
        ("--takeover", b"x-webkit-deflate-frame", "something else than permessage-deflate"),
    ]:
        with scripted(DeflatedEcho(bool(takeover), answer=answer)) as port:
            bad("echo", port, "--once", "--deflate", *takeover.split(), saying=saying)
    with echo_server() as (port, pid):
        bad("echo", port, "--once", "--deflate", saying="the server does not compress")
        bad("idle", port, "--deflate", "--pid", str(pid), saying="the server does not compress")


def tls_context(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, tickets: int = 2) -> ssl.SSLContext:
    """Of a server that speaks this version alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.num_tickets = tickets
    context.load_cert_chain(CERTIFICATE.file, CERTIFICATE.key)
    return context


TLS_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def echo_server_speaks_tls() -> bool:
    told = subprocess.run([str(BUILD / "examples" / "echo_server"), "--help"], capture_output=True, text=True, timeout=SECONDS)
    if "--tls-certificate" in told.stdout:
        return True
    print("skipped: echo_server does not speak TLS")
    return False


def tls_once_in_every_mode() -> None:
    if not echo_server_speaks_tls():
        return
    with echo_server("--deflate", *CERTIFICATE.flags) as (port, _):
        for version in TLS_VERSIONS:
            tls = ["--once", "--tls", "--tls-version", version]
            for flags in [
                [],
                ["--connections", "1", *EMPTY],
                ["--depth", "1000"],
                ["--content", "mixed", "--payload-bytes", "16384", "--depth", "5"],
                ["--content", "binary", "--payload-bytes", "70000", "--depth", "30", "--connections", "20"],
                ["--content", "mixed", "--payload-bytes", str(16 << 20), "--connections", "2"],
                ["--rate", "1000", "--depth", "4"],
                ["--deflate", "--content", "json", "--payload-bytes", "1024", "--depth", "8"],
            ]:
                good("echo", port, *tls, *flags)
            for flags in [[], ["--depth", "16"], ["--content", "mixed", "--payload-bytes", "3000"]]:
                good("fanout", port, *tls, "--connections", "50", *flags)
            good("http", port, *tls, "--headers", "browser", "--depth", "16")
            said = good("connect", port, *tls, "--connections", "300")
            expect(said == "connect: 300 connections, 300 right connections opened and closed\n", f"{said!r}")
            said = good("connect", port, *tls, "--connections", "300", "--resume")
            expect(said == "connect: 300 connections, 600 right connections opened and closed\n", f"{said!r}")
            said = good("slow", port, *tls, "--connections", "20", "--payload-bytes", "1000")
            expect("18 right echoes" in said and "2 slow connections" in said, f"slow said {said!r}")


def tls_measured_in_every_mode() -> None:
    if not echo_server_speaks_tls():
        return
    with echo_server(*CERTIFICATE.flags) as (port, pid):
        tls = ["--pid", str(pid), "--tls"]
        for mode, *flags in [
            ["echo"], ["echo", "--rate", "500"], ["fanout"], ["http"], ["connect"], ["connect", "--resume"], ["slow"],
        ]:  # fmt: skip
            report = check_report(good(mode, port, *SHORT, *tls, *flags), mode, "tls")
            expect(report["tls"]["version"] == "TLSv1.3", f"{mode}: {report['tls']}")
            expect(report["tls"]["cipher"].startswith("TLS_"), f"{mode}: {report['tls']}")
            expect(report["tls"]["resumed"] == ("--resume" in flags), f"{mode} {flags}: {report['tls']}")
        idle = [*tls, "--tls-version", "1.2", "--hold-seconds", "0.1", "--connections", "300", "--json"]
        report = json.loads(good("idle", port, *idle))
        expect(report["tls"]["version"] == "TLSv1.2", f"{report['tls']}")
        expect(report["resident_bytes_per_connection"] > 5_000, f"{report}")


def tls_to_any_server() -> None:
    """To one of Python's ssl, in both versions; what comes with a record's end, and beyond it, is told apart."""

    def in_pieces(client: socket.socket) -> None:
        def instead(client: socket.socket, count: int) -> bool:
            client.sendall(EMPTY_REPLY[:1])
            client.sendall(EMPTY_REPLY[1:] + EMPTY_REPLY * (count - 1))
            return client.recv(65536) == b""

        empty_echo(client, instead)

    for name, version in TLS_VERSIONS.items():
        for then in empty_echo, in_pieces:
            with scripted(opened(then), lambda version=version: tls_context(version)) as port:
                tls = ["--tls", "--tls-version", name, "--connections", "3", *EMPTY]
                good("echo", port, "--once", *tls)
                good("echo", port, "--once", "--depth", "1000", *tls)
    with scripted(opened(empty_echo), tls_context) as port:
        said = good("echo", port, "--tls", "--connections", "2", "--seconds", "0.1", "--warm-up-seconds", "0", *EMPTY)
        expect(re.search(r"^  TLSv1\.3, TLS_\w+$", said, re.MULTILINE) is not None, f"{said!r}")


def closes(client: socket.socket) -> None:
    """As a server does that waits for the client's close_notify."""
    expect(len(client.recv(8)) == 8, "no close frame")
    client.sendall(b"\x88\x02\x03\xe8")
    client.unwrap()


def sessions_are_resumed() -> None:
    for name, version in TLS_VERSIONS.items():
        context = tls_context(version)
        resumed = []

        def then(client: ssl.SSLSocket, resumed=resumed) -> None:
            resumed.append(client.session_reused)
            closes(client)

        with scripted(opened(then), lambda context=context: context) as port:
            flags = ["--once", "--tls", "--tls-version", name, "--connections", "5"]
            good("connect", port, *flags)
            expect(resumed == [False] * 5, f"TLS {name}: {resumed}")
            good("connect", port, *flags, "--resume")
            expect(resumed == [False] * 10 + [True] * 5, f"TLS {name}: {resumed}")
            said = good("connect", port, *flags[1:], "--resume", "--seconds", "0.1", "--warm-up-seconds", "0")
            expect("sessions resumed\n" in said and all(resumed[20:]), f"TLS {name}: {said!r}, {resumed}")


def sessions_that_are_not_resumed() -> None:
    flags = ["--once", "--tls", "--resume", "--connections", "3"]
    with scripted(opened(closes), lambda: tls_context(tickets=0)) as port:
        bad("connect", port, *flags, saying="TLS: the server gave no session to resume")
    # Each context has a key of its own for its tickets.
    with scripted(opened(closes), tls_context) as port:
        bad("connect", port, *flags, saying="TLS: the server did not resume a session")


def no_tls_there() -> None:
    def hear_out(client: socket.socket) -> None:
        while client.recv(65536):
            pass

    def in_the_clear(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        hear_out(client)

    def deaf(client: socket.socket) -> None:
        client.recv(65536)

    modes = ["echo", "fanout", "http", "connect", "slow"]
    for converse, tls, saying in [
        (in_the_clear, lambda: None, "does the server speak TLS on this port?"),
        (deaf, lambda: None, "TLS: the server ended a connection in the handshake"),
        (hear_out, lambda: tls_context(ssl.TLSVersion.TLSv1_2), "TLS: the handshake failed"),
    ]:
        with scripted(converse, tls) as port:
            for mode in modes:
                bad(mode, port, "--once", "--tls", "--connections", "2", saying=saying)
    with echo_server() as (port, pid):
        for mode in modes:
            bad(mode, port, "--once", "--tls", "--connections", "2", saying="TLS")
        bad("idle", port, "--tls", "--pid", str(pid), saying="TLS")
    with scripted(opened(empty_echo), tls_context) as port:
        for mode in modes:
            bad(mode, port, "--once", "--connections", "2")


def tls_servers_that_err() -> None:
    def ends_after(count: int):
        return opened(lambda client: empty_echo(client, lambda _, received: received >= count))

    for notice in False, True:

        def leave(client: ssl.SSLSocket, notice=notice) -> None:
            client.recv(65536)
            if notice:
                client.unwrap()

        with scripted(opened(leave), tls_context) as port:
            for mode in "echo", "fanout", "slow":
                bad(mode, port, "--once", "--tls", "--connections", "2", saying="the server ended a connection")
            bad("connect", port, "--once", "--tls", "--connections", "2", saying="without a closing handshake")
    with scripted(ends_after(5), tls_context) as port:
        bad("echo", port, *SHORT, *EMPTY, "--tls", "--connections", "2", saying="onnection")

    def garbles(client: ssl.SSLSocket) -> None:
        client.recv(65536)
        os.write(client.fileno(), b"\x17\x03\x03\x00\x20" + b"x" * 32)
        client.recv(1)

    with scripted(opened(garbles), tls_context) as port:
        bad("echo", port, "--once", "--tls", "--connections", "2", saying="TLS: decryption failed or bad record mac")
    with scripted(opened(lambda client: (client.recv(26), client.sendall(b"\x81\x14" + b"x" * 20))), tls_context) as port:
        bad("echo", port, "--once", "--tls", "--connections", "1", saying="a wrong reply")


def text_without_a_process() -> None:
    with echo_server() as (port, _):
        said = good("echo", port, "--seconds", "0.1", "--warm-up-seconds", "0")
        expect("latency: median" in said and "needs --pid" in said, f"{said!r}")


def waiting_counts_in_an_open_loop() -> None:
    """For 0.7 of 1 s nothing is answered: all that was due meanwhile is counted, with the time since it was due."""

    def pause(_, count: int) -> bool:
        if count == 2:
            time.sleep(0.7)
        return False

    with scripted(opened(lambda client: empty_echo(client, pause))) as port:
        flags = ["--connections", "1", "--rate", "100", "--seconds", "1", "--warm-up-seconds", "0", "--json", *EMPTY]
        latency = json.loads(good("echo", port, *flags))["latency"]
    expect(latency["count"] >= 80, f"{latency['count']} latencies of 100 messages")
    expect(latency["p50_ns"] >= 150e6, f"a median of {latency['p50_ns']} ns")


def slow_connections_that_the_server_closes() -> None:
    def at_the_limit(farewell: bytes):
        def instead(client: socket.socket, count: int) -> bool:
            if count > 20_000:
                client.sendall(farewell)
            return count > 20_000

        return instead

    for tls, flags in (lambda: None, []), (tls_context, ["--tls"]):
        for farewell in b"", b"\x88\x02\x03\xf0":
            instead = at_the_limit(farewell)
            with scripted(opened(lambda client, instead=instead: empty_echo(client, instead)), tls) as port:
                said = good("slow", port, "--once", "--connections", "10", "--slow-share", "0.3", *flags, *EMPTY)
            expect("3 slow connections, of which the server closed 3" in said, f"{said!r}")


def no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as once_taken:
        port = once_taken.getsockname()[1]
    for mode in "echo", "fanout", "http", "connect", "slow":
        bad(mode, port, "--once", saying="Connection refused")


def wrong_handshakes() -> None:
    for answer, saying in [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404 Not Found"),
        (ACCEPTED.replace(b"s3pP", b"XXXX"), "a wrong Sec-WebSocket-Accept"),
        (ACCEPTED[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "extensions that nobody asked for"),
        (ACCEPTED + b"\x81\x00", "right after the handshake"),
    ]:
        with scripted(answering(answer)) as port:
            for mode in "echo", "fanout", "connect", "slow":
                bad(mode, port, "--once", "--connections", "2", saying=saying)


def wrong_answers() -> None:
    def one_wrong(client: socket.socket, count: int) -> bool:
        if count >= 5:
            client.sendall(b"\x82\x00")
        return False

    def one_too_many(client: socket.socket, _) -> bool:
        client.sendall(EMPTY_REPLY * 2)
        return False

    with scripted(opened(lambda client: empty_echo(client, one_wrong))) as port:
        bad("echo", port, *SHORT, *EMPTY, "--connections", "2", saying="a wrong reply, after ")
        bad("echo", port, *SHORT, *EMPTY, "--connections", "2", "--rate", "1000", saying="a wrong reply, after ")
    with scripted(opened(lambda client: empty_echo(client, one_too_many))) as port:
        bad("echo", port, "--once", *EMPTY, saying="a wrong reply")
        bad("fanout", port, "--once", *EMPTY, "--connections", "1", saying="a wrong reply")
        bad("slow", port, "--once", *EMPTY, "--connections", "2", saying="a wrong reply")
    with scripted(opened(lambda client: (client.recv(8), client.sendall(b"\x88\x02\x03\xe9")))) as port:
        bad("connect", port, "--once", saying="a wrong answer to a close frame")
    # The right size and start, but other content: found because everything is compared at first.
    with scripted(opened(lambda client: (client.recv(26), client.sendall(b"\x81\x14" + b"x" * 20)))) as port:
        bad("echo", port, "--once", "--connections", "1", saying="a wrong reply")


def wrong_http_answers() -> None:
    for answer, saying in [
        (b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", "answered HTTP/1.1 500 Internal"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "without a usable Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", "longer than its Content-Length"),
    ]:
        with scripted(answering(answer)) as port:
            bad("http", port, "--once", saying=saying)
    served = 0

    def other_later(client: socket.socket) -> None:
        nonlocal served
        read_head(client)
        served += 1
        body = b"yes" if served == 1 else b"no!"
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + body)
        client.recv(1)

    with scripted(other_later) as port:
        bad("http", port, "--once", saying="a wrong reply, after 0 right ones")


def servers_that_close_midway() -> None:
    with scripted(opened(lambda client: empty_echo(client, lambda _, count: count >= 5))) as port:
        # A connection that is closed with requests unread is reset.
        for flags in ["echo"], ["slow"], ["echo", "--rate", "1000"]:
            bad(flags[0], port, *SHORT, *EMPTY, "--connections", "2", *flags[1:], saying="onnection")
    with scripted(opened(lambda client: empty_echo(client, lambda _, count: count >= 1))) as port:
        bad("fanout", port, *SHORT, *EMPTY, "--connections", "2", saying="the server ended a connection")
    with scripted(lambda client: read_head(client)) as port:
        for mode in "echo", "http", "connect":
            bad(mode, port, "--once", "--connections", "2", saying="the server ended a connection")
    with scripted(opened(lambda client: client.shutdown(socket.SHUT_WR))) as port:
        bad("connect", port, "--once", saying="without a closing handshake")


def servers_that_say_nothing() -> None:
    def wait(client: socket.socket) -> None:
        while client.recv(65536):
            pass

    cases = [
        (wait, "echo --tls", "TLS handshake: deadline passed"),
        (wait, "connect --tls", "got no answer in 5 s"),
        (wait, "echo", "deadline passed"),
        (wait, "connect", "got no answer in 5 s"),
        (opened(wait), "echo", "no reply for 5 s"),
        (opened(wait), "fanout", "no delivery for 5 s"),
        (opened(wait), "connect", "not closed by the server in 5 s"),
    ]
    failures = []

    def attempt(converse, mode: str, saying: str) -> None:
        try:
            with scripted(converse) as port:
                bad(*mode.split()[:1], port, "--once", "--connections", "2", *mode.split()[1:], saying=saying)
        except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
            failures.append(str(error))

    attempts = [threading.Thread(target=attempt, args=case) for case in cases]
    for each in attempts:
        each.start()
    for each in attempts:
        each.join()
    expect(not failures, "; ".join(failures))


def bad_flags() -> None:
    for words in [
        ["echo", "--binary"],
        ["echo", "--content", "latin"],
        ["echo", "--payload-bytes", str((16 << 20) + 1)],
        ["echo", "--connections", "0"],
        ["echo", "--depth", "0"],
        ["echo", "--rate", "0"],
        ["echo", "--takeover"],
        ["fanout", "--deflate"],
        ["echo", "--tls-version", "1.3"],
        ["echo", "--tls", "--tls-version", "1.1"],
        ["echo", "--tls", "--resume"],
        ["connect", "--resume"],
        ["echo", "--seconds", "60"],
        ["echo", "--headers", "browser"],
        ["echo", "more"],
        ["fanout", "--rate", "10"],
        ["http", "--headers", "all"],
        ["http", "--payload-bytes", "20"],
        ["connect", "--depth", "2"],
        ["slow", "--slow-share", "1"],
        ["slow", "--connections", "1"],
        ["idle"],
        ["fast"],
        ["--port", "70000", "echo"],
        [],
    ]:
        done = subprocess.run([str(LOAD), *words], capture_output=True, text=True, timeout=SECONDS)
        expect(done.returncode == 2, f"{words} ended with {done.returncode}")
        one_line = done.stderr.startswith("load: ") and done.stderr.count("\n") == 1
        expect(done.stdout == "" and one_line, f"{words} said {done.stdout!r} and {done.stderr!r}")


def impossible_wishes() -> None:
    bad("echo", 9, "--host", "192.0.2.1", saying="only servers on this machine")
    bad("echo", 9, "--payload-bytes", str(16 << 20), "--depth", "5", saying="a batch of over 64 MiB")
    bad("idle", 9, "--pid", str(2**22 + 1), saying="process 4194305")
    with echo_server() as (port, _):
        bad("echo", port, "--path", "/nowhere", "--once", saying="handshake answered HTTP/1.1 404")
        bad("http", port, "--path", "/nowhere", "--once", saying="GET /nowhere answered HTTP/1.1 404")


CASES = [
    once_in_every_mode,
    measured_in_every_mode,
    compressed_once,
    compressed_and_measured,
    compressed_as_agreed,
    compressed_texts_that_differ_from_connection_to_connection,
    compressed_wrongly,
    wrong_answers_to_an_offer,
    tls_once_in_every_mode,
    tls_measured_in_every_mode,
    tls_to_any_server,
    sessions_are_resumed,
    sessions_that_are_not_resumed,
    no_tls_there,
    tls_servers_that_err,
    text_without_a_process,
    waiting_counts_in_an_open_loop,
    slow_connections_that_the_server_closes,
    no_server,
    wrong_handshakes,
    wrong_answers,
    wrong_http_answers,
    servers_that_close_midway,
    servers_that_say_nothing,
    bad_flags,
    impossible_wishes,
]


if __name__ == "__main__":
    sys.exit(run_cases((spoken(case), case) for case in CASES))
