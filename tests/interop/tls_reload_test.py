#!/usr/bin/python3
"""SIGHUP and certificates that have been replaced, while two hundred connections echo."""

import asyncio
import contextlib
import functools
import os
import signal
import ssl
import sys

from support.cases import run_cases, spoken
from support.tls import TlsServer, made

CONNECTIONS = 200
PAUSE = 0.1  # Of each between its messages: Python takes most of a core for two thousand a second.


class Crowd:
    """WebSockets that echo one message after the other, and count."""

    def __init__(self, clients):
        self.clients = clients
        self.counts = [0] * len(clients)
        self.tasks = [asyncio.create_task(self._echo(index)) for index in range(len(clients))]

    async def _echo(self, index):
        client = self.clients[index]
        while True:
            message = os.urandom(1 + self.counts[index] * 7919 % 3000)
            await client.send(message)
            assert await client.recv() == message
            self.counts[index] += 1
            await asyncio.sleep(PAUSE)

    async def go_on(self, rounds: int):
        """Waits until every connection has echoed so many messages more."""
        wanted = [count + rounds for count in self.counts]
        while any(count < least for count, least in zip(self.counts, wanted)):
            lost = [task for task in self.tasks if task.done()]
            assert not lost, f"{len(lost)} connections were lost: {lost[0].exception()!r}"
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def crowd(server):
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(server.connect()) for _ in range(CONNECTIONS)]
        echoing = Crowd(clients)
        try:
            await echoing.go_on(3)
            yield echoing
            await echoing.go_on(3)
        finally:
            for task in echoing.tasks:
                task.cancel()
            await asyncio.wait(echoing.tasks)


def certificate(name: str) -> bytes:
    """The first certificate of a file that was made."""
    first, end, _ = made(name).read_text().partition("-----END CERTIFICATE-----")
    return ssl.PEM_cert_to_DER_cert(first + end)


async def shown(server) -> bytes:
    """The certificate that a new connection sees; that it was verified and echoes goes with it."""
    async with server.connect() as client:
        await client.send("new")
        assert await client.recv() == "new"
        return client.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)


async def reload(server, *texts: str) -> str:
    """Sends SIGHUP; the line of the log about it."""
    server.process.send_signal(signal.SIGHUP)
    return await asyncio.to_thread(server.line, *texts)


async def new_connections_see_the_new_certificate_and_none_is_lost(server):
    async with crowd(server) as echoing:
        assert await shown(server) == certificate("leaf.pem")
        server.install("second.pem", "second.key")
        await echoing.go_on(3)
        assert await shown(server) == certificate("leaf.pem")
        await reload(server, "read anew")
        await echoing.go_on(3)
        assert await shown(server) == certificate("second.pem")


async def a_broken_file_changes_nothing_and_the_log_says_why(server):
    breakages = (
        ("not a certificate", lambda: server.certificate.write_text("nonsense\n"), server.certificate),
        ("no file", lambda: server.certificate.unlink(), server.certificate),
        ("another key", lambda: server.install("leaf.pem", "second.key"), server.key),
        ("expired", lambda: server.install("expired.pem", "leaf.key"), server.certificate),
        ("DER", lambda: server.install("leaf.der", "leaf.key"), server.certificate),
        ("encrypted key", lambda: server.install("leaf.pem", "encrypted.key"), server.key),
        ("half a file", lambda: os.truncate(server.certificate, 300), server.certificate),
    )
    async with crowd(server) as echoing:
        for count, (what, breaks, file) in enumerate(breakages, 1):
            server.install("leaf.pem", "leaf.key")
            breaks()
            server.process.send_signal(signal.SIGHUP)
            lines = await asyncio.to_thread(server.several, count, "stays")
            assert " error " in lines[-1] and file.name in lines[-1], (what, lines)
            await echoing.go_on(1)
            assert await shown(server) == certificate("leaf.pem"), what
        # And what is repaired is taken.
        server.install("second.pem", "second.key")
        await reload(server, "read anew")
        assert await shown(server) == certificate("second.pem")


async def many_reloads_in_a_row_lose_nothing(server):
    names = ("second", "leaf")
    async with crowd(server) as echoing:
        for count in range(1, 21):
            name = names[count % 2]
            server.install(f"{name}.pem", f"{name}.key")
            server.process.send_signal(signal.SIGHUP)
            await asyncio.to_thread(server.several, count, "read anew")
            assert await shown(server) == certificate(f"{name}.pem"), count
        await echoing.go_on(3)


CASES = (
    new_connections_see_the_new_certificate_and_none_is_lost,
    a_broken_file_changes_nothing_and_the_log_says_why,
    many_reloads_in_a_row_lose_nothing,
)


def with_server(case) -> None:
    with TlsServer() as server:
        asyncio.run(asyncio.wait_for(case(server), 240))


if __name__ == "__main__":
    sys.exit(run_cases((spoken(case), functools.partial(with_server, case)) for case in CASES))
