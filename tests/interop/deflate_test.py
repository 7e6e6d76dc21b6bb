#!/usr/bin/python3
"""The echo server with --deflate, --takeover and --frugal-takeover, with the back end that the build prefers and with
zlib alone: what Autobahn's cases 12 and 13 do with fewer repetitions, python3-websockets, and a bomb. That messages are
compressed is seen on the wire, and each reply is read by a zlib with the window that was agreed, no larger."""

import asyncio
import functools
import hashlib
import json
import os
import pathlib
import sys
import zlib

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from support.cases import run_cases, spoken
from support.deflate_peer import BINARY, FIN, PING, PONG, RSV1, TEXT, Peer, frame, frames_in
from support.server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("TIDEWIRE_BUILD", "build/release")
PREFERRED = BUILD / "examples" / "echo_server"
ZLIB_ONLY = BUILD / "tests" / "interop" / "echo_server_zlib"
MEBIBYTE = 1 << 20
THRESHOLD = 64
# The windows, as powers of two, that the server takes if the client asks for none smaller.
WINDOW_BITS = {"--deflate": 15, "--takeover": 13, "--frugal-takeover": 12}

# Each size of message, and of the frames that it is sent in; 0 for one frame.
SIZES = [(16 << shift, 0) for shift in (0, 2, 4, 6, 8, 9, 10, 11, 12, 13)]
SIZES += [(8192 << shift, 256) for shift in range(5)] + [(131072, size) for size in (1024, 4096, 32768)]

COMMON = "permessage-deflate; client_no_context_takeover; client_max_window_bits"
# By the number of the case 13 that offers it.
OFFERS = {
    1: COMMON,
    2: COMMON + "; server_no_context_takeover",
    3: COMMON + "; server_max_window_bits=9",
    4: COMMON + "; server_max_window_bits=15",
    5: COMMON + "; server_no_context_takeover; server_max_window_bits=9",
    6: COMMON + "; server_no_context_takeover; server_max_window_bits=15",
    7: f"{COMMON}; server_no_context_takeover; server_max_window_bits=9, "
    f"{COMMON}; server_no_context_takeover, {COMMON}",
}


def random_bytes(seed: str, size: int) -> bytes:
    return hashlib.shake_128(seed.encode()).digest(size)


def repeated(text: str, size: int) -> bytes:
    """So many bytes of it, and no half of a character."""
    data = text.encode()
    return (data * (size // len(data) + 1))[:size].decode(errors="ignore").encode().ljust(size, b".")


def json_text(seed: int, size: int) -> bytes:
    digits = random_bytes(f"json {seed}", size // 8 + 8).hex()
    records = [
        {"id": int(digits[at : at + 6], 16), "name": f"name {digits[at]}", "at": digits[at : at + 4], "tags": ["a"]}
        for at in range(0, size // 4, 6)
    ]
    return json.dumps(records).encode()[:size].ljust(size, b" ")


def scripts(seed: int, size: int) -> bytes:
    lines = "The tide turns. Прилив меняется. 潮が変わる。 Η παλίρροια γυρίζει. المد يتحول. 🌊🌊 Die Flut kehrt um. "
    return repeated(lines[seed % 40 :] + str(seed), size)


def page(seed: int, size: int) -> bytes:
    rows = (f'<tr class="row{seed}"><td>{row}</td><td>{row * row % 997}</td></tr>\n' for row in range(size // 32 + 2))
    return f"<!doctype html><table>\n{''.join(rows)}".encode()[:size]


def picture(seed: int, size: int) -> bytes:
    noise = random_bytes(f"picture {seed}", size)
    return bytes(((at >> 4) + (byte & 1)) & 0xFF for at, byte in enumerate(noise))


def noise(seed: int, size: int) -> bytes:
    return random_bytes(f"noise {seed}", size)


# The same ones are asked for again and again.
CONTENTS = tuple(
    (opcode, functools.cache(content))
    for opcode, content in ((TEXT, json_text), (TEXT, scripts), (TEXT, page), (BINARY, picture), (BINARY, noise))
)
INCOMPRESSIBLE = CONTENTS[-1]


def echo(peer: Peer, opcode: int, message: bytes, fragment: int = 0) -> int:
    """The size of the reply on the wire."""
    peer.send(opcode, message, fragment)
    first, payload = peer.next_frame()
    assert first & ~RSV1 == FIN | opcode, hex(first)
    # Only what is too short, or would become longer and is not referred to later, is sent as it is.
    if first & RSV1:
        assert len(message) >= THRESHOLD
        assert peer.inflated(payload) == message
    else:
        assert len(message) < THRESHOLD or not peer.their_takeover, len(message)
        assert payload == message
        assert len(message) < THRESHOLD or len(zlib.compress(message, 9)) > len(message) * 0.9
    return len(payload)


def every_kind_and_size_comes_back_compressed(server):
    """Cases 12.*."""
    for opcode, content in CONTENTS:
        with Peer(server.port, OFFERS[1]) as peer:
            assert peer.answer
            for seed, (size, fragment) in enumerate(SIZES):
                message = content(seed, size)
                assert len(message) == size
                sizes = [echo(peer, opcode, message, fragment) for _ in range(2)]
                if (opcode, content) != INCOMPRESSIBLE and size > 1000:
                    assert max(sizes) < size, (content, size, sizes)
                # The second refers to the first where it may, and that is within the window.
                if peer.their_takeover and 1000 < size < 4000:
                    assert sizes[1] < size / 10, (content, size, sizes)


def each_offer_is_kept_to(server):
    """Cases 13.*."""
    flag = server.command[-1]
    for number, offer in OFFERS.items():
        with Peer(server.port, offer) as peer:
            assert peer.answer, number
            # A server need not tell that it takes less than it may.
            assert peer.their_bits in ((9,) if number in (3, 5, 7) else (WINDOW_BITS[flag], 15)), (number, peer.answer)
            assert number not in (2, 5, 6, 7) or not peer.their_takeover, (number, peer.answer)
            for seed, (size, fragment) in enumerate(SIZES):
                opcode, content = CONTENTS[(seed + number) % len(CONTENTS)]
                for _ in range(2):
                    echo(peer, opcode, content(seed, size), fragment)


def any_window_of_the_clients_is_kept_to(server):
    for bits in range(9, 16):
        offer = f"permessage-deflate; client_max_window_bits={bits}; server_max_window_bits={bits}"
        with Peer(server.port, offer) as peer:
            assert peer.answer and peer.their_bits <= bits and peer.own_bits <= bits, peer.answer
            for seed in range(6):
                echo(peer, TEXT, json_text(seed % 2, 3 << bits >> 2))


def an_offer_that_can_not_be_met_is_declined(server):
    for offer in ("permessage-deflate; server_max_window_bits=8", "permessage-deflate; odd", "x-webkit-deflate-frame"):
        with Peer(server.port, offer) as peer:
            assert peer.answer is None, peer.answer
            message = json_text(1, 1000)
            peer.socket.sendall(frame(FIN | TEXT, message))
            assert peer.next_frame() == (FIN | TEXT, message)
            peer.send(TEXT, message)
            assert peer.close_code() == 1002


def pings_between_fragments_are_answered_uncompressed(server):
    with Peer(server.port, OFFERS[1]) as peer:
        message = json_text(1, 5000)
        payload = peer.compressed(message)
        half = len(payload) // 2
        long_ping = b"p" * 125
        peer.socket.sendall(
            frame(TEXT | RSV1, payload[:half]) + frame(FIN | PING, long_ping) + frame(FIN, payload[half:])
        )
        assert peer.next_frame() == (FIN | PONG, long_ping)
        first, payload = peer.next_frame()
        assert first == FIN | TEXT | RSV1
        assert peer.inflated(payload) == message


def what_is_corrupt_closes_with_1007_and_rsv1_where_it_may_not_be_with_1002(server):
    for wire, code in (
        (frame(FIN | TEXT | RSV1, b"\x06"), 1007),
        (frame(FIN | TEXT | RSV1, b"plain text"), 1007),
        (frame(FIN | TEXT | RSV1, zlib.compress(b"a header of zlib's")), 1007),
        (frame(FIN | BINARY | RSV1, noise(1, 70_000)), 1007),
        (frame(FIN | PING | RSV1, b""), 1002),
        (frame(TEXT | RSV1, b"") + frame(FIN | RSV1, b"\x00"), 1002),
        (frame(FIN | TEXT | RSV1 | 0x20, b"\x00"), 1002),
    ):
        with Peer(server.port, OFFERS[1]) as peer:
            peer.socket.sendall(wire)
            assert peer.close_code() == code, (wire[:20], code)


def a_bomb_of_a_gibibyte_closes_with_1009_and_takes_no_memory(server):
    step = zlib.compressobj(9, zlib.DEFLATED, -15)
    # Each block of zeros refers to zeros alone, so it may be repeated.
    block = step.compress(bytes(16 * MEBIBYTE)) + step.flush(zlib.Z_SYNC_FLUSH)
    bomb = (block * 64)[:-4]
    assert MEBIBYTE // 2 < len(bomb) < 2 * MEBIBYTE, len(bomb)
    with Peer(server.port, OFFERS[1]) as peer:
        for size in (1000, 100_000, MEBIBYTE):
            echo(peer, BINARY, noise(size, size))
    before = server.peak_memory()
    for pieces in (1, 1, 100, 3):
        with Peer(server.port, OFFERS[1]) as peer:
            size = len(bomb) // pieces
            wire = b""
            for index in range(pieces):
                piece = bomb[index * size :] if index == pieces - 1 else bomb[index * size : (index + 1) * size]
                first = BINARY | RSV1 if index == 0 else 0
                wire += frame(first | (FIN if index == pieces - 1 else 0), piece)
            try:
                peer.socket.sendall(wire)
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert peer.close_code() == 1009
    grown = server.peak_memory() - before
    # The limit is 1 MiB, and memory for it may have doubled.
    assert grown < 4 * MEBIBYTE, f"the peak grew by {grown} bytes"
    with Peer(server.port, OFFERS[1]) as peer:
        echo(peer, TEXT, json_text(1, 10_000))


class Tap:
    """Passes bytes between clients and the server on, and keeps them."""

    def __init__(self, port: int):
        self.to = port
        self.sent, self.answered = bytearray(), bytearray()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/echo"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def _serve(self, reader, writer):
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.to)
        await asyncio.gather(
            self._pass(reader, to_writer, self.sent),
            self._pass(to_reader, writer, self.answered),
            return_exceptions=True,
        )

    async def _pass(self, reader, writer, kept):
        while data := await reader.read(65536):
            kept += data
            writer.write(data)
            await writer.drain()
        writer.close()

    def frames(self):
        """Those of the client, and those of the server."""
        return [frames_in(bytes(kept).split(b"\r\n\r\n", 1)[1])[0] for kept in (self.sent, self.answered)]


async def talk(port: int, factory) -> None:
    async with Tap(port) as tap:
        async with websockets.connect(tap.url, max_size=None, compression=None, extensions=[factory]) as client:
            assert [extension.name for extension in client.extensions] == ["permessage-deflate"]
            for seed, (size, _) in enumerate(SIZES[:10]):
                for opcode, content in CONTENTS:
                    message = content(seed, size)
                    message = message.decode() if opcode == TEXT else message
                    await client.send(message)
                    assert await client.recv() == message
            await client.send(["fragments ", "of one ", "", "message" * 100])
            assert await client.recv() == "fragments of one " + "message" * 100
            await asyncio.wait_for(await client.ping(b"payload"), 20)
        for direction in tap.frames():
            messages = [first for first, _ in direction if first & 0xF in (TEXT, BINARY)]
            compressed = [first for first in messages if first & RSV1]
            assert len(messages) == 51, len(messages)
            # All but those below the threshold and, without takeover, the noise.
            assert len(compressed) >= 35, len(compressed)
            assert not [first for first, _ in direction if first & 0xF not in (TEXT, BINARY) and first & RSV1]


def python_websockets_talks_compressed_by_all_terms(server):
    for terms in (
        {},
        {"client_max_window_bits": True},
        {"client_max_window_bits": 10, "server_max_window_bits": 11},
        {"server_no_context_takeover": True, "client_no_context_takeover": True},
        {"server_no_context_takeover": True, "client_max_window_bits": 9},
    ):
        asyncio.run(asyncio.wait_for(talk(server.port, ClientPerMessageDeflateFactory(**terms)), 60))


CASES = (
    every_kind_and_size_comes_back_compressed,
    each_offer_is_kept_to,
    any_window_of_the_clients_is_kept_to,
    an_offer_that_can_not_be_met_is_declined,
    pings_between_fragments_are_answered_uncompressed,
    what_is_corrupt_closes_with_1007_and_rsv1_where_it_may_not_be_with_1002,
    a_bomb_of_a_gibibyte_closes_with_1009_and_takes_no_memory,
    python_websockets_talks_compressed_by_all_terms,
)


def with_server(program, flag: str, case) -> None:
    with Server(program, flag) as server:
        assert program is PREFERRED or not server.has_loaded("libisal"), "this is not zlib alone"
        case(server)


def cases():
    for program in (PREFERRED, ZLIB_ONLY):
        for flag in WINDOW_BITS:
            for case in CASES:
                yield f"{program.name} {flag}: {spoken(case)}", functools.partial(with_server, program, flag, case)


if __name__ == "__main__":
    sys.exit(run_cases(cases()))
