"""The workloads: what bench/workloads.json names, and what each means to the load generator and to the reports."""

import dataclasses
import json
import pathlib

from failure import Failed

FILE = pathlib.Path(__file__).resolve().parents[1] / "workloads.json"
MODES = ("echo", "fanout", "http", "connect", "idle", "slow")
DEFLATE_FLAGS = ("deflate", "takeover")  # by these names, of the load generator and of servers

Flag = str | int | float | bool


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    title: str
    mode: str  # of bench/load
    load: dict[str, Flag] = dataclasses.field(default_factory=dict)  # its flags
    own_flags: list[str] = dataclasses.field(default_factory=list)  # of Tidewire's server alone, beside those that every server is told
    quick: bool = False  # one of the few that --quick runs
    hot_path: str | None = None  # of bench/hot_paths: the one whose instructions tell of this workload

    @property
    def is_timed(self) -> bool:
        """Whether it takes time from a server, rather than memory."""
        return self.mode != "idle"

    @property
    def figure(self) -> str:
        """The key of the one figure that servers are compared by; less is better."""
        if self.is_timed:
            return "server_cpu_ns_per_message"
        # What compressing takes, it takes from the first message on.
        return "resident_bytes_per_connection_after_echoes" if self.deflate_flags else "resident_bytes_per_connection"

    @property
    def deflate_flags(self) -> list[str]:
        """The flags that tell a server to compress, if that is what is measured."""
        return [f"--{name}" for name in DEFLATE_FLAGS if self.load.get(name)]

    @property
    def tls(self) -> bool:
        """Whether server and load speak TLS."""
        return bool(self.load.get("tls"))

    @property
    def unit(self) -> str:
        return "ns" if self.is_timed else "B"

    @property
    def message(self) -> str:
        """What the figure is counted per."""
        return {
            "fanout": "delivery",
            "http": "response",
            "connect": "connection's life",
            "idle": "connection",
        }.get(self.mode, "echo")

    def load_arguments(self, seconds: float, warm_up_seconds: float) -> list[str]:
        words = [self.mode, "--json"]
        for name, value in self.load.items():
            words += flag_words(name, value)
        if self.is_timed:
            words += ["--seconds", f"{seconds:g}", "--warm-up-seconds", f"{warm_up_seconds:g}"]
        return words

    def planned_seconds(self, seconds: float, warm_up_seconds: float) -> float:
        """About how long one run takes, the server's start and end included."""
        connecting = float(self.load.get("connections", 100)) * (0.0008 if self.tls else 0.0001)
        if self.is_timed:
            return seconds + warm_up_seconds + 0.12 + connecting
        return 3 * float(self.load.get("hold-seconds", 2)) + 0.2 + connecting


def flag_words(name: str, value: Flag) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}"] if value else []
    return [f"--{name}", str(value)]


def parsed(entry: dict) -> Workload:
    try:
        workload = Workload(**entry)
    except TypeError as error:
        raise Failed(f"{FILE.name}: {entry.get('name', 'an entry without a name')}: {error}") from error
    if workload.mode not in MODES:
        raise Failed(f"{FILE.name}: {workload.name}: there is no mode '{workload.mode}'")
    return workload


def all_workloads() -> list[Workload]:
    return [parsed(entry) for entry in json.loads(FILE.read_text())["workloads"]]


def chosen(names: list[str], quick: bool) -> list[Workload]:
    """Those with these names, in the order of the file; without names all, or the quick ones."""
    known = all_workloads()
    for name in names:
        if name not in [workload.name for workload in known]:
            raise Failed(f"there is no workload '{name}'; --list names them")
    if names:
        return [workload for workload in known if workload.name in names]
    return [workload for workload in known if workload.quick or not quick]
