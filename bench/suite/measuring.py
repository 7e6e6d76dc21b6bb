"""One run: a fresh process of a server on one core, the load generator on another, and what that one reported."""

import dataclasses
import json
import pathlib
import subprocess

from certificate import Certificate
from failure import Failed
from servers import Process, Server, running
from workloads import Workload

PATIENCE_SECONDS = 60  # Beyond the time that a run should take.


@dataclasses.dataclass(frozen=True)
class Lengths:
    """Of a run, in seconds."""

    measured: float
    warm_up: float
    most_warm_up: float = 10.0  # for a server that needs longer

    def for_server(self, server: Server) -> "Lengths":
        return dataclasses.replace(self, warm_up=max(self.warm_up, min(server.warm_up_seconds, self.most_warm_up)))

    def planned_seconds(self, server: Server, workload: Workload) -> float:
        """About how long a run takes."""
        return workload.planned_seconds(self.measured, self.for_server(server).warm_up)


@dataclasses.dataclass(frozen=True)
class Bench:
    """What all runs have in common."""

    load: pathlib.Path
    server_core: int
    load_core: int
    certificate: Certificate | None  # where there are workloads with TLS

    def run(self, server: Server, workload: Workload, lengths: Lengths) -> dict:
        with running(server, workload, self.server_core, self.certificate) as process:
            command = ["taskset", "-c", str(self.load_core), str(self.load)]
            command += workload.load_arguments(lengths.measured, lengths.for_server(server).warm_up)
            command += ["--port", str(process.port), "--pid", str(process.pid)]
            patience = PATIENCE_SECONDS + lengths.planned_seconds(server, workload)
            return self._reported(command, process, workload, patience)

    def _reported(self, command: list[str], process: Process, workload: Workload, patience: float) -> dict:
        about = f"{workload.name}, {process.name}"
        try:
            result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patience)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{about}: no end within {patience:.0f} s") from error
        died = process.has_died() if result.returncode != 0 else None
        if died:
            raise Failed(f"{about}: {died}")
        if result.returncode != 0:
            raise Failed(f"{about}: {last_line(result.stderr) or f'the load ended with status {result.returncode}'}")
        return checked(result.stdout, workload, about)


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def checked(text: str, workload: Workload, about: str) -> dict:
    """The load generator's report; it must hold the figure."""
    try:
        sample = json.loads(text)
        figure = float(sample[workload.figure])
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(f"{about}: the load reported no {workload.figure}") from error
    if not figure > 0:
        raise Failed(f"{about}: {workload.figure} is {figure}")
    return sample
