#!/usr/bin/python3
"""The echo server, spoken to by python3-websockets."""

import asyncio
import functools
import os
import pathlib
import re
import signal
import subprocess
import sys

import websockets
from support.cases import run_cases, spoken
from support.server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER = ROOT / os.environ.get("TIDEWIRE_BUILD", "build/release") / "examples" / "echo_server"
MEBIBYTE = 1 << 20


class Echo(Server):
    def __init__(self):
        super().__init__(SERVER)

    def connect(self, path="/echo", **options):
        return websockets.connect(f"ws://127.0.0.1:{self.port}{path}", max_size=None, **options)


async def messages_of_every_length_come_back(server):
    async with server.connect(compression=None) as client:
        for size in (0, 1, 125, 126, 65535, 65536, MEBIBYTE):
            for message in ("ü" * (size // 2) + "x" * (size % 2), os.urandom(size)):
                await client.send(message)
                assert await client.recv() == message, size


async def a_message_over_the_limit_closes_with_1009(server):
    async with server.connect(compression=None) as client:
        try:
            await client.send(bytes(MEBIBYTE + 1))
            await client.recv()
        except websockets.ConnectionClosed:
            pass
        await client.wait_closed()
        assert client.close_code == 1009, client.close_code


async def fragments_become_one_message(server):
    async with server.connect(compression=None) as client:
        await client.send(["one ", "two ", "", "three"])
        assert await client.recv() == "one two three"


async def compression_is_offered_and_not_negotiated(server):
    async with server.connect() as client:
        assert client.extensions == [], client.extensions
        await client.send("plain" * 1000)
        assert await client.recv() == "plain" * 1000


async def pings_are_answered(server):
    async with server.connect(compression=None) as client:
        for payload in (b"", b"payload", bytes(125)):
            await asyncio.wait_for(await client.ping(payload), 20)


async def close_codes_come_back(server):
    for code in (1000, 1001, 1011, 3999, 4000):
        async with server.connect(compression=None) as client:
            await client.close(code, "reason")
            assert client.close_code == code, (client.close_code, code)


async def a_subprotocol_is_not_chosen(server):
    async with server.connect(compression=None, subprotocols=["chat"]) as client:
        assert client.subprotocol is None


async def another_origin_is_refused_with_403(server):
    try:
        async with server.connect(origin="https://elsewhere.example"):
            raise AssertionError("accepted")
    except websockets.InvalidStatusCode as refused:
        assert refused.status_code == 403, refused.status_code


async def fifty_connections_echo_at_once(server):
    async def one(index):
        async with server.connect(compression=None) as client:
            for round_ in range(20):
                message = f"{index}:{round_}:" + "x" * index * 11
                await client.send(message)
                assert await client.recv() == message

    await asyncio.gather(*(one(index) for index in range(50)))


async def a_broadcast_reaches_everyone(server):
    async with server.connect("/broadcast") as first, server.connect("/broadcast") as second:
        await first.send("to all")
        assert await first.recv() == "to all"
        assert await second.recv() == "to all"


async def sigterm_closes_with_1001_and_ends_with_0(server):
    async with server.connect(compression=None) as client:
        await client.send("hello")
        assert await client.recv() == "hello"
        server.process.send_signal(signal.SIGTERM)
        await client.wait_closed()
        assert client.close_code == 1001, client.close_code
    status = await asyncio.get_running_loop().run_in_executor(None, server.process.wait)
    assert status == 0, status


CASES = (
    messages_of_every_length_come_back,
    a_message_over_the_limit_closes_with_1009,
    fragments_become_one_message,
    compression_is_offered_and_not_negotiated,
    pings_are_answered,
    close_codes_come_back,
    a_subprotocol_is_not_chosen,
    another_origin_is_refused_with_403,
    fifty_connections_echo_at_once,
    a_broadcast_reaches_everyone,
    sigterm_closes_with_1001_and_ends_with_0,
)


def with_server(case) -> None:
    with Echo() as server:
        asyncio.run(asyncio.wait_for(case(server), 120))


if __name__ == "__main__":
    sys.exit(run_cases((spoken(case), functools.partial(with_server, case)) for case in CASES))
