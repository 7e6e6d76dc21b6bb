"""The servers that take part, and a process of one.

A server that can be measured takes a port, prints a line when it listens on 127.0.0.1, serves /echo, /broadcast and
GET /plaintext, and ends on SIGTERM. One that can compress is told by flags whether to: `--deflate`, to which `--takeover`
comes if messages may refer to earlier ones. One that can speak TLS is given `--tls-certificate FILE --tls-key FILE` where it
is to. A bare server parses nothing, and is told what it will get: its flags are those of
the workload that say so. Tidewire's own is also told what a workload says of it alone.
"""

import contextlib
import dataclasses
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

from certificate import Certificate
from failure import Failed
from machine import ROOT, said_by
from workloads import Workload, flag_words

START_SECONDS = 10
END_SECONDS = 15
# The bare servers' names for the load generator's modes; they cannot play the others.
BARE_MODES = {"echo": "echo", "fanout": "broadcast", "http": "http", "connect": "upgrade", "idle": "echo"}
BARE_FLAGS = ("content", "payload-bytes", "depth")
BARE = ("bare_epoll", "bare_libuv")
PORT, DEFLATE, TLS, OWN = "{port}", "{deflate}", "{tls}", "{own}"
WS_SERVER = ROOT / "bench/peers/ws_server.mjs"


@dataclasses.dataclass(frozen=True)
class Server:
    name: str
    words: tuple[str, ...]  # the command, with {port} where the port goes, and {deflate} and {tls} where the flags for these do
    bare: bool = False
    own: frozenset[str] | None = None  # Tidewire's: the flags that it knows, of which a workload's stand for {own}
    cannot: tuple[str, ...] = ()  # modes of the load generator that it has no answer to
    warm_up_seconds: float = 0.0  # that it needs at least to be as fast as it gets

    @property
    def deflates(self) -> bool:
        return any(DEFLATE in word for word in self.words)

    @property
    def speaks_tls(self) -> bool:
        return any(TLS in word for word in self.words)

    def plays(self, workload: Workload) -> bool:
        if (workload.deflate_flags and not self.deflates) or (workload.tls and not self.speaks_tls):
            return False
        if self.own is not None and not self.own.issuperset(workload.own_flags):
            return False
        return workload.mode not in self.cannot and (not self.bare or workload.mode in BARE_MODES)

    def command(self, port: int, workload: Workload, certificate: Certificate | None = None) -> list[str]:
        """The certificate is that of all servers, which only some workloads want."""
        flags = {
            DEFLATE: workload.deflate_flags,
            TLS: certificate.flags if certificate and workload.tls else [],
            OWN: workload.own_flags,
        }
        words = []
        for word in self.words:
            in_word = word.replace(PORT, str(port))
            for name, its in flags.items():
                in_word = in_word.replace(name, " ".join(its))
            words += flags.get(word, [in_word])
        if self.bare:
            words += ["--mode", BARE_MODES[workload.mode]]
            for name in BARE_FLAGS:
                if name in workload.load:
                    words += flag_words(name, workload.load[name])
        return words


def tidewire(build: pathlib.Path, name: str = "tidewire") -> Server:
    """Of this revision or of another, which may not compress yet, or speak TLS."""
    server = str(build / "examples/echo_server")
    flags = frozenset(re.findall(r"--[\w-]+", said_by(server, "--help") or ""))
    can = [word for word, flag in ((DEFLATE, "--deflate"), (TLS, "--tls-certificate")) if flag in flags]
    return Server(name, (server, "--port", PORT, *can, OWN), own=flags)


def bare(build: pathlib.Path) -> list[Server]:
    return [Server(name, (str(build / "bench/peers" / name), "--port", PORT), bare=True) for name in BARE]


def peers(build: pathlib.Path) -> list[Server]:
    """Servers on other libraries; all of them."""

    def compiled(name: str, *can: str, cannot: tuple[str, ...] = ()) -> Server:
        return Server(name, (str(build / f"bench/peers/{name}_server"), "--port", PORT, *can), cannot=cannot)

    return [
        compiled("beast", DEFLATE, TLS),
        # It ends each connection after one response.
        compiled("websocketpp", DEFLATE, cannot=("http",)),
        compiled("libwebsockets", DEFLATE, TLS),
        Server("ws", ("node", str(WS_SERVER), "--port", PORT, DEFLATE, TLS), warm_up_seconds=2.0),
    ]


def from_flag(text: str) -> Server:
    """NAME=COMMAND."""
    name, separator, command = text.partition("=")
    if not separator or not name or PORT not in command:
        raise Failed(f"--server '{text}' is not NAME=COMMAND with {{port}} in the command")
    try:
        return Server(name, tuple(shlex.split(command)))
    except ValueError as error:
        raise Failed(f"--server {name}: {error}") from error


def check(servers: list[Server]) -> None:
    """That they can be told apart, and are there."""
    names = [server.name for server in servers]
    for name in names:
        if names.count(name) > 1:
            raise Failed(f"two servers have the name {name}")
    for server in servers:
        if str(WS_SERVER) in server.words and not (WS_SERVER.parent / "node_modules").exists():
            raise Failed(f"{server.name}: its npm packages are not installed; `./dev bench --peers` does that")
        if shutil.which(server.words[0]) is None:
            raise Failed(f"{server.name}: there is no program {server.words[0]}; `./dev bench` builds those of ours")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A server that listens on `port`, on one core, from start to end."""

    def __init__(self, server: Server, workload: Workload, core: int, certificate: Certificate | None):
        self.name = server.name
        self.port = free_port()
        self._output = tempfile.TemporaryFile()
        # taskset becomes the server: the process has one pid throughout.
        command = ["taskset", "-c", str(core), *server.command(self.port, workload, certificate)]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._output, stderr=self._output)
        except OSError as error:
            raise Failed(f"{server.name}: {error}") from error
        self.pid = self._process.pid

    def last_words(self) -> str:
        self._output.seek(0)
        lines = self._output.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""

    def wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.005)
        raise Failed(f"{self.name} does not listen on port {self.port}{self.last_words()}")

    def has_died(self) -> str | None:
        """How, if it has ended by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(timeout=0.2)
            how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
            return f"it ended {how}{self.last_words()}"
        return None

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{self.name} did not end within {END_SECONDS} s of SIGTERM") from error
        if status not in (0, -signal.SIGTERM, 128 + signal.SIGTERM):
            raise Failed(f"{self.name} ended with status {status} on SIGTERM{self.last_words()}")

    def discard(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._output.close()


@contextlib.contextmanager
def running(server: Server, workload: Workload, core: int, certificate: Certificate | None) -> Iterator[Process]:
    process = Process(server, workload, core, certificate)
    try:
        process.wait_until_it_listens()
        yield process
        process.end()
    finally:
        process.discard()
