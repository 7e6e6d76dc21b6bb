"""What the TLS tests have in common: certificates, a server that uses them, and openssl's client."""

import asyncio
import contextlib
import functools
import os
import pathlib
import re
import select
import shutil
import ssl
import subprocess
import tempfile
import time

import websockets
from support.server import Server

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = ROOT / os.environ.get("TIDEWIRE_BUILD", "build/release")
ECHO_SERVER = BUILD / "examples" / "echo_server"
PATIENCE = 60
HEX = re.compile(r"^    ([0-9a-f]{2} ?)+\n", re.MULTILINE)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    folder = tempfile.TemporaryDirectory(prefix="tidewire-tls-")
    subprocess.run([pathlib.Path(__file__).with_name("certificates.sh"), folder.name], check=True)
    return folder


def made(name: str) -> pathlib.Path:
    """A file that certificates.sh made; it is gone when the test ends."""
    return pathlib.Path(_folder().name) / name


class TlsServer(Server):
    """The echo server with the leaf certificate, in copies of its own that a test may replace, and with its log."""

    def __init__(self, *flags):
        self.folder = tempfile.TemporaryDirectory(prefix="tidewire-tls-")
        self.certificate = pathlib.Path(self.folder.name) / "certificate.pem"
        self.key = pathlib.Path(self.folder.name) / "key.pem"
        self.install("leaf.pem", "leaf.key")
        log = open(pathlib.Path(self.folder.name) / "log", "w+", encoding="utf-8")
        flags = ("--tls-certificate", self.certificate, "--tls-key", self.key, *flags)
        super().__init__(ECHO_SERVER, *flags, log=log)

    def __exit__(self, *reason):
        super().__exit__(*reason)
        self.log.close()
        self.folder.cleanup()

    def install(self, certificate: str, key: str) -> None:
        """Puts these where the server's files are, each at once, as renewals do."""
        for source, to in ((certificate, self.certificate), (key, self.key)):
            shutil.copy(made(source), f"{to}.new")
            os.replace(f"{to}.new", to)

    def lines(self, *texts: str) -> list[str]:
        """The lines of the log that have all of these."""
        log = pathlib.Path(self.log.name).read_text(encoding="utf-8")
        return [line for line in log.splitlines() if all(text in line for text in texts)]

    def several(self, count: int, *texts: str) -> list[str]:
        """So many lines of the log that have these, when they have come; no more."""
        end = time.monotonic() + PATIENCE
        while len(found := self.lines(*texts)) < count:
            assert time.monotonic() < end, f"{count} lines with {texts}? {self.lines()}"
            time.sleep(0.02)
        assert len(found) == count, found
        return found

    def line(self, *texts: str) -> str:
        """The only line of the log that has these, when it has come."""
        return self.several(1, *texts)[0]

    def connect(self, path="/echo", **options):
        """A WebSocket, and the certificate is verified."""
        options = {"compression": None, "max_size": None, "ssl": trusting(), **options}
        return websockets.connect(f"wss://localhost:{self.port}{path}", **options)

    @contextlib.asynccontextmanager
    async def beside(self):
        """A client whose messages come back for as long as the `async with` lasts, whatever else goes on."""
        count = 0

        async def echo():
            nonlocal count
            while True:
                await client.send(f"message {count}")
                assert await client.recv() == f"message {count}"
                count += 1
                await asyncio.sleep(0.005)

        async def goes_on():
            before = count
            while count == before:
                assert not echoing.done(), echoing.exception()
                await asyncio.sleep(0.005)

        async with self.connect() as client:
            echoing = asyncio.create_task(echo())
            try:
                await goes_on()
                yield
                await goes_on()
            finally:
                echoing.cancel()
                await asyncio.wait([echoing])
        assert client.close_code == 1000, client.close_code


@functools.cache
def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=made("ca.pem"))


class OpenSsl:
    """`openssl s_client`, which says on its output what is agreed and what goes over the wire."""

    def __init__(self, port: int, *flags):
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost"]
        command += ["-CAfile", made("ca.pem"), "-verify_return_error", "-verify_hostname", "localhost", "-msg", *flags]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.output = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _read(self) -> bool:
        """Whether there was more to read before its end."""
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        assert ready, f"s_client says nothing more: {self.output}"
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        self.output = HEX.sub("", self.output + data.decode(errors="replace"))
        return bool(data)

    def until(self, pattern: str) -> re.Match:
        """Reads until its output has this."""
        while not (found := re.search(pattern, self.output, re.MULTILINE)):
            assert self._read(), f"s_client ended without {pattern!r}: {self.output}"
        return found

    def say(self, text: str) -> None:
        """Types something. A line of one letter can be a command."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def get(self, path: str, connection: str = "keep-alive") -> None:
        self.say(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n\r\n")

    def end(self) -> int:
        """Waits for its end; its exit status."""
        while self._read():
            pass
        return self.process.wait(PATIENCE)
