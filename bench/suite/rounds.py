"""The order of the runs: servers take turns, A B C A B C, so that a drift of the machine strikes all alike."""

import time
from collections.abc import Callable

from measuring import Lengths
from progress import Progress
from servers import Server
from workloads import Workload

MEMORY_ROUNDS = 3  # Memory does not vary as time does.
# A run, as bench.run makes it: of a server, under a workload, for so long.
Run = Callable[[Server, Workload, Lengths], dict]


def turns(servers: list[Server], workloads: list[Workload], current: int) -> list[tuple[Workload, Server]]:
    """The runs of round number `current`, from 1, in order."""
    return [
        (workload, server)
        for workload in workloads
        if workload.is_timed or current <= MEMORY_ROUNDS
        for server in servers
        if server.plays(workload)
    ]


def planned_seconds(servers: list[Server], workloads: list[Workload], rounds: int, lengths: Lengths) -> float:
    return sum(
        lengths.planned_seconds(server, workload)
        for current in range(1, rounds + 1)
        for workload, server in turns(servers, workloads, current)
    )


class Allowance:
    """Of time, for rounds of about the same length. None is no limit."""

    def __init__(self, seconds: float | None):
        self._seconds = seconds
        self._began = self._round_began = time.monotonic()

    def begin_round(self) -> bool:
        """Whether one more round fits, going by the last one."""
        now = time.monotonic()
        last, self._round_began = now - self._round_began, now
        return self._seconds is None or now - self._began + last <= self._seconds


def measure(servers: list[Server], workloads: list[Workload], rounds: int, lengths: Lengths, run: Run,
            within_seconds: float | None = None) -> list[dict]:  # fmt: skip
    """All samples in the order they were taken; each says its round, workload and server.

    With `within_seconds`, no round after the first is begun that is not likely to end within that time.
    """
    progress = Progress(planned_seconds(servers, workloads, rounds, lengths))
    allowance = Allowance(within_seconds)
    samples = []
    for current in range(1, rounds + 1):
        if not allowance.begin_round() and current > 1:
            break
        for workload, server in turns(servers, workloads, current):
            progress.say(f"round {current} of {rounds}: {workload.name}, {server.name}")
            sample = run(server, workload, lengths)
            samples.append({"round": current, "workload": workload.name, "server": server.name, "load": sample})
            progress.did(lengths.planned_seconds(server, workload))
    progress.end()
    return samples
