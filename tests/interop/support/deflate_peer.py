"""A WebSocket client with permessage-deflate (RFC 7692) on a bare socket, which compresses with Python's zlib alone and
sees every frame as it was on the wire."""

import os
import re
import socket
import subprocess
import zlib

HANDSHAKE = (
    "GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
FIN, RSV1 = 0x80, 0x40
TAIL = b"\x00\x00\xff\xff"
PATIENCE = 60


def masked(payload: bytes) -> bytes:
    key = os.urandom(4)
    size = len(payload)
    keys = (key * (size // 4 + 1))[:size]
    return key + (int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")


def frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 65536:
        head = bytes((first, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + masked(payload)


def frames_in(data: bytes):
    """The whole frames at the front, unmasked, as (first byte, payload), and how many bytes they are."""
    found, at = [], 0
    while len(data) - at >= 2:
        size, head = data[at + 1] & 0x7F, 2
        if size > 125:
            head = 4 if size == 126 else 10
            size = int.from_bytes(data[at + 2 : at + head], "big")
        key = b""
        if data[at + 1] & 0x80:
            key, head = data[at + head : at + head + 4], head + 4
        if len(data) - at < head + size:
            break
        payload = data[at + head : at + head + size]
        if key:
            payload = bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
        found.append((data[at], payload))
        at += head + size
    return found, at


class Peer:
    """Offers, and keeps to what the server answers: both windows, and whether they reach over messages."""

    def __init__(self, port: int, offer: str | None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        field = f"Sec-WebSocket-Extensions: {offer}\r\n" if offer else ""
        self.socket.sendall((HANDSHAKE + field + "\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self._receive()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101 "), head
        answer = re.search(rb"^Sec-WebSocket-Extensions: (.*?)\r?$", head, re.MULTILINE)
        self.answer = answer.group(1).decode() if answer else None
        terms = dict(re.findall(r"; (\w+)(?:=(\d+))?", self.answer or ""))
        self.own_bits = int(terms.get("client_max_window_bits") or 15)
        self.their_bits = int(terms.get("server_max_window_bits") or 15)
        self.own_takeover = "client_no_context_takeover" not in terms
        self.their_takeover = "server_no_context_takeover" not in terms
        self.deflater = self.inflater = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _receive(self) -> None:
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError("the server ended")
        self.buffer += data

    def compressed(self, message: bytes) -> bytes:
        if self.deflater is None or not self.own_takeover:
            self.deflater = zlib.compressobj(6, zlib.DEFLATED, -self.own_bits)
        payload = self.deflater.compress(message) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        assert payload.endswith(TAIL)
        return payload[:-4]

    def inflated(self, payload: bytes) -> bytes:
        if self.inflater is None or not self.their_takeover:
            self.inflater = zlib.decompressobj(-self.their_bits)
        message = self.inflater.decompress(payload + TAIL)
        assert not self.inflater.unused_data and not self.inflater.eof
        return message

    def send(self, opcode: int, message: bytes, fragment: int = 0) -> None:
        """Compressed, in frames of so many bytes."""
        payload = self.compressed(message)
        step = fragment or max(len(payload), 1)
        pieces = [payload[at : at + step] for at in range(0, len(payload), step)]
        wire = b""
        for index, piece in enumerate(pieces):
            first = opcode | RSV1 if index == 0 else 0
            wire += frame(first | (FIN if index == len(pieces) - 1 else 0), piece)
        self.socket.sendall(wire)

    def next_frame(self) -> tuple[int, bytes]:
        while True:
            found, _ = frames_in(self.buffer)
            if found:
                first, payload = found[0]
                head = 2 if len(payload) < 126 else 4 if len(payload) < 65536 else 10
                self.buffer = self.buffer[head + len(payload) :]
                return first, payload
            self._receive()

    def close_code(self) -> int:
        """That of the server's Close, which must be what comes next."""
        first, payload = self.next_frame()
        assert first == FIN | CLOSE, (hex(first), payload[:100])
        return int.from_bytes(payload[:2], "big")
