#!/usr/bin/python3
"""What the TLS port of the echo server makes of peers that mean ill or speak nonsense: a line in the log that names
each, and nothing that the client beside them would notice."""

import asyncio
import contextlib
import functools
import random
import resource
import signal
import socket
import ssl
import struct
import sys

from support.cases import run_cases, spoken
from support.tls import PATIENCE, TlsServer, trusting

ENDLESS = 1000
MOST_EACH = 64 * 1024  # What an unfinished handshake may cost the server: far more than it does.


async def connected(server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """Without TLS; with the address by which the server knows us."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    address, port = writer.get_extra_info("sockname")
    return reader, writer, f"{address}:{port} "


class Hello:
    """A TLS client that is fed by hand: what it wants to send stands in `sent`."""

    def __init__(self, version=None):
        self.received, self.sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = trusting()
        if version:
            context = ssl.create_default_context()
            context.minimum_version = context.maximum_version = version
        self.tls = context.wrap_bio(self.received, self.sent, server_hostname="localhost")
        self.go_on()

    def go_on(self) -> bool:
        """Whether the handshake is over."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True


async def refused(server, *pieces: bytes) -> bytes:
    """Sends these on a connection of their own, which the server has to end, with one line in its log."""
    reader, writer, address = await connected(server)
    answer = b""
    with contextlib.suppress(ConnectionError):  # It need not read all of this.
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    await logged(server, address)
    return answer


async def logged(server, address: str) -> str:
    line = await asyncio.to_thread(server.line, address)
    assert "TLS" in line, line
    return line


async def garbage_of_16_kib_is_refused(server):
    numbers = random.Random(5)
    async with server.beside():
        for first in (0x00, 0x14, 0x15, 0x16, 0x17, 0x80, 0xFF):
            await refused(server, bytes((first,)) + numbers.randbytes(16 * 1024 - 1))
        # The start of a ClientHello, and then nonsense.
        hello = Hello().sent.read()
        await refused(server, hello[:40] + numbers.randbytes(16 * 1024 - 40))


async def a_record_of_65535_bytes_is_refused(server):
    async with server.beside():
        answer = await refused(server, b"\x16\x03\x01\xff\xff")
        assert answer[:1] == b"\x15", answer  # An alert.
        await refused(server, b"\x16\x03\x01\xff\xff", bytes(65535))


async def a_client_hello_in_single_bytes_is_taken(server):
    async with server.beside():
        reader, writer, address = await connected(server)
        client = Hello()
        for byte in client.sent.read():
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0)
        while not client.go_on():
            client.received.write(await asyncio.wait_for(reader.read(1), PATIENCE))
        client.tls.write(b"GET /plaintext HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        for byte in client.sent.read():
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0)
        client.received.write(await asyncio.wait_for(reader.read(), PATIENCE))
        assert b"Hello, World!" in client.tls.read(10_000)
        writer.close()
        assert not server.lines(address), server.lines(address)


async def a_client_that_goes_in_the_handshake_is_logged(server):
    hello = Hello().sent.read()
    async with server.beside():
        for count in (1, 5, 100, len(hello)):
            reader, writer, address = await connected(server)
            writer.write(hello[:count])
            writer.write_eof()
            await asyncio.wait_for(reader.read(), PATIENCE)
            writer.close()
            await logged(server, address)


async def a_client_that_resets_in_the_handshake_is_logged(server):
    hello = Hello().sent.read()
    async with server.beside():
        reader, writer, _ = await connected(server)
        writer.write(hello)
        await reader.readexactly(5)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        # Where it came from the system can't say any more.
        assert "reset" in await asyncio.to_thread(server.line, "TLS handshake")


async def nonsense_in_the_middle_of_a_handshake_is_refused(server):
    async with server.beside():
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            hello = Hello(version).sent.read()
            # The same again; application data; an alert without meaning; a record of a type that there is not.
            data, alert, other = ((23, bytes(32)), (21, b"\x02\xfe"), (99, b"\0"))
            for record in (hello, *(bytes((type_, 3, 3, 0, len(body))) + body for type_, body in (data, alert, other))):
                await refused(server, hello, record)


async def endless_empty_records_are_refused(server):
    async with server.beside():
        await refused(server, Hello().sent.read(), b"\x14\x03\x03\x00\x01\x01" * 10_000)
        await refused(server, b"\x16\x03\x01\x00\x00" * 10_000)


async def a_record_that_was_tampered_with_ends_the_connection(server):
    async with server.beside():
        reader, writer, _ = await connected(server)
        client = Hello()
        writer.write(client.sent.read())
        while not client.go_on():
            client.received.write(await asyncio.wait_for(reader.read(1), PATIENCE))
        client.tls.write(b"GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n")
        records = bytearray(client.sent.read())
        records[-1] ^= 1
        writer.write(records)
        client.received.write(await asyncio.wait_for(reader.read(), PATIENCE))
        try:
            client.tls.read(1000)
            raise AssertionError("no alert")
        except ssl.SSLError as alert:
            assert "BAD_RECORD_MAC" in str(alert), alert
        writer.close()


async def a_thousand_endless_handshakes_leave_others_served_and_sigterm_ends_them(server):
    hello = Hello().sent.read()
    async with server.beside():
        before = server.peak_memory()
        # Some say nothing, some a part, some all and then nothing.
        beginnings = (b"", hello[:1], hello[: len(hello) // 2], hello)
        clients = []
        for index in range(ENDLESS):
            reader, writer, _ = await connected(server)
            writer.write(beginnings[index % len(beginnings)])
            await writer.drain()
            clients.append((reader, writer))
        async with server.connect() as another:
            await another.send("hello")
            assert await another.recv() == "hello"
        each = (server.peak_memory() - before) / ENDLESS
        assert each < MOST_EACH, f"{each:.0f} bytes each"
    server.process.send_signal(signal.SIGTERM)
    status = await asyncio.to_thread(server.process.wait, PATIENCE)
    assert status == 0, status
    for reader, writer in clients:
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()


CASES = (
    garbage_of_16_kib_is_refused,
    a_record_of_65535_bytes_is_refused,
    a_client_hello_in_single_bytes_is_taken,
    a_client_that_goes_in_the_handshake_is_logged,
    a_client_that_resets_in_the_handshake_is_logged,
    nonsense_in_the_middle_of_a_handshake_is_refused,
    endless_empty_records_are_refused,
    a_record_that_was_tampered_with_ends_the_connection,
    a_thousand_endless_handshakes_leave_others_served_and_sigterm_ends_them,
)


def with_server(case) -> None:
    with TlsServer() as server:
        asyncio.run(asyncio.wait_for(case(server), 120))


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sys.exit(run_cases((spoken(case), functools.partial(with_server, case)) for case in CASES))
