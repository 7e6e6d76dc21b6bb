#!/usr/bin/python3
"""Ten thousand connections at once: each echoes correctly, and SIGTERM closes them all with 1001.

Fewer, if the limit on open descriptors does not allow so many; the output then says how many.
"""

import os
import pathlib
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER = ROOT / os.environ.get("TIDEWIRE_BUILD", "build/release") / "examples" / "echo_server"
WANTED = 10_000
SPARE = 100  # Descriptors for all else.
SECONDS = 240
HANDSHAKE = (
    b"GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
CLOSE_1001 = b"\x88\x02\x03\xe9"


def connections_allowed() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = WANTED + SPARE
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, WANTED + SPARE), hard))
    return min(WANTED, hard - SPARE)


def masked(payload: bytes, key: bytes = b"\x12\x34\x56\x78", first_byte: int = 0x81) -> bytes:
    body = bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
    return bytes((first_byte, 0x80 | len(payload))) + key + body


class Crowd:
    """Sockets, and what has come from each."""

    def __init__(self, port: int, count: int, deadline: float):
        self.deadline = deadline
        self.poll = select.epoll()
        self.sockets = {}
        self.received = {}
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", port), timeout=60)
            client.setblocking(False)
            self.sockets[client.fileno()] = client
            self.received[client.fileno()] = bytearray()
            self.poll.register(client, select.EPOLLIN)

    def send(self, bytes_for) -> None:
        for index, (descriptor, client) in enumerate(self.sockets.items()):
            message = bytes_for(index)
            if client.send(message) != len(message):
                raise AssertionError("a short write")
            self.received[descriptor].clear()

    def collect(self, done) -> None:
        """Reads until `done(index, bytes, ended)` holds for each."""
        waiting = {descriptor: index for index, descriptor in enumerate(self.sockets)}
        while waiting:
            if time.monotonic() > self.deadline:
                raise AssertionError(f"{len(waiting)} connections are still without an answer")
            for descriptor, _ in self.poll.poll(1):
                try:
                    data = self.sockets[descriptor].recv(65536)
                except BlockingIOError:
                    continue
                self.received[descriptor] += data
                if not data:
                    # The server closes first (RFC 6455 7.1.1), and then we do.
                    self.poll.unregister(descriptor)
                    self.sockets[descriptor].shutdown(socket.SHUT_WR)
                if descriptor in waiting and done(waiting[descriptor], self.received[descriptor], not data):
                    del waiting[descriptor]
                elif not data and descriptor in waiting:
                    raise AssertionError("a connection ended early")

    def close(self) -> None:
        for client in self.sockets.values():
            client.close()
        self.poll.close()


def message(index: int) -> bytes:
    return f"connection {index}".encode()


def echoed(index: int, received: bytearray, _: bool) -> bool:
    expected = bytes((0x81, len(message(index)))) + message(index)
    if not expected.startswith(received):
        raise AssertionError(f"a wrong echo: {bytes(received)!r}")
    return received == expected


def shaken(_: int, received: bytearray, __: bool) -> bool:
    if not b"HTTP/1.1 101 ".startswith(received[:13]):
        raise AssertionError(f"no handshake: {bytes(received)!r}")
    if not received.endswith(b"\r\n\r\n"):
        return False
    if ACCEPT not in received:
        raise AssertionError("a wrong Sec-WebSocket-Accept")
    return True


def main() -> int:
    count = connections_allowed()
    if count < WANTED:
        print(f"the limit on descriptors allows {count} connections, not {WANTED}")
    server = subprocess.Popen([SERVER, "--port", "0"], stdout=subprocess.PIPE, text=True)
    steps = 0
    crowd = None
    try:
        port = int(re.search(r":(\d+)$", server.stdout.readline().strip()).group(1))
        crowd = Crowd(port, count, time.monotonic() + SECONDS)
        crowd.send(lambda _: HANDSHAKE)
        crowd.collect(shaken)
        steps += 1
        print(f"ok: {count} handshakes")

        for _ in range(3):
            crowd.send(lambda index: masked(message(index)))
            crowd.collect(echoed)
        steps += 1
        print(f"ok: {count} connections echo what each sent")

        for received in crowd.received.values():
            received.clear()
        server.send_signal(signal.SIGTERM)
        crowd.collect(lambda _, received, __: received == CLOSE_1001)
        steps += 1
        print("ok: SIGTERM closes all with 1001")

        started = time.monotonic()
        crowd.send(lambda _: masked(b"\x03\xe9", first_byte=0x88))
        crowd.collect(lambda _, __, ended: ended)
        status = server.wait(60)
        if status != 0:
            raise AssertionError(f"the server ended with status {status}")
        steps += 1
        print(f"ok: the process ends with 0, {time.monotonic() - started:.1f} s after the answers")
    except (AssertionError, AttributeError, OSError, subprocess.TimeoutExpired) as error:
        print(f"FAILED: {error!r}")
    finally:
        if crowd:
            crowd.close()
        if server.poll() is None:
            server.kill()
        server.wait()
        server.stdout.close()
    print(f"{steps} passed, {4 - steps} failed")
    return 0 if steps == 4 else 1


if __name__ == "__main__":
    sys.exit(main())
