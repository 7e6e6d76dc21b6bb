"""Instructions of the hot paths, which callgrind counts exactly (bench/hot_paths): noise has no part in them.

They see a change of the library's own work that is small beside the system calls of a whole server, and that time cannot
resolve. They do not see what a cache miss or a system call costs, so that they come beside the times and not before.
"""

import pathlib
import shutil
import sys

from machine import ROOT
from workloads import Workload

sys.path.append(str(ROOT / "bench/hot_paths"))

import gate  # noqa: E402

FIGURE = "instructions_per_message"


def can_count(build: pathlib.Path) -> bool:
    return shutil.which("valgrind") is not None and (build / "bench/hot_paths/hot_paths").exists()


def counted(build: pathlib.Path, names: list[str]) -> dict[str, float]:
    """Instructions a message by path, for the paths that this build has."""
    directory = build / "bench/hot_paths"
    known = gate.names(directory)
    figures = gate.measure_all(directory, [name for name in names if name in known])
    return {name: figure[FIGURE] for name, figure in figures.items()}


def ratios(base: pathlib.Path, here: pathlib.Path, workloads: list[Workload]) -> dict[str, float]:
    """By hot path: the instructions here to those of the base. Empty when there is nothing to count with."""
    names = sorted({workload.hot_path for workload in workloads if workload.hot_path})
    if not names or not can_count(base) or not can_count(here):
        return {}
    try:
        old, new = counted(base, names), counted(here, names)
    except gate.GateError as error:
        print(f"instructions are not compared: {error}", file=sys.stderr)
        return {}
    return {name: new[name] / old[name] for name in names if old.get(name) and name in new}
