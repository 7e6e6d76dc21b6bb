"""The result: one JSON document that holds all that the readable reports are made of, every raw sample included.

    made        when, of which sources, how built, on which machine
    settings    reference, rounds, seconds
    workloads   name, title, mode, flags of the load generator
    servers     name, command
    summary     one entry for each workload and server: see `summary`
    samples     each run: round, workload, server, and `load`, which is what the load generator reported

A comparison of two revisions has `verdicts` instead of a summary (see comparison.py).
"""

import contextlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator

import stats
from failure import Failed
from servers import Server
from workloads import Workload

FORMAT = 1
DEFLATE_FIGURES = ("text_bytes", "reply_bytes", "reply_to_zlib")
LATENCIES = ("p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns")


def figures(samples: list[dict], workload: Workload, server: str) -> dict[int, float]:
    """The workload's figure by round."""
    return {
        sample["round"]: sample["load"][workload.figure]
        for sample in samples
        if sample["workload"] == workload.name and sample["server"] == server
    }


def median_latency(loads: list[dict]) -> dict | None:
    """The median over the runs, quantile by quantile; None when the load reports no latency."""
    taken = [load["latency"] for load in loads if load.get("latency")]
    if not taken:
        return None
    latency: dict = {key: stats.median([each[key] for each in taken]) for key in LATENCIES if all(key in each for each in taken)}
    curves = [each["curve"] for each in taken if each.get("curve")]
    if curves:
        latency["curve"] = [[points[0][0], stats.median([value for _, value in points])] for points in zip(*curves)]
    return latency


def mostly(flags: list[bool]) -> bool:
    return sum(flags) * 2 > len(flags)


def row(samples: list[dict], workload: Workload, server: str, reference: str) -> dict:
    loads = [sample["load"] for sample in samples if sample["workload"] == workload.name and sample["server"] == server]
    mine, base = figures(samples, workload, server), figures(samples, workload, reference)
    values = list(mine.values())
    low, high = stats.quartiles(values)
    entry = {"workload": workload.name, "server": server, "figure": workload.figure, "unit": workload.unit}
    entry |= {"runs": len(values), "median": stats.median(values), "quartiles": [low, high]}
    entry |= {"spread": stats.half_spread(values), "ratio": None, "ratio_quartiles": None}
    ratios = [mine[turn] / base[turn] for turn in mine if turn in base]
    if ratios:
        entry |= {"ratio": stats.median(ratios), "ratio_quartiles": list(stats.quartiles(ratios))}
    if workload.is_timed:
        entry["messages_per_second"] = stats.median([load["messages_per_second"] for load in loads])
        entry["latency"] = median_latency(loads)
        entry["not_saturated"] = mostly([not load.get("server_saturated", True) for load in loads])
        deflated = [load["deflate"] for load in loads if load.get("deflate")]
        if deflated:
            entry["deflate"] = {key: stats.median([each[key] for each in deflated]) for key in DEFLATE_FIGURES}
        entry["disturbed"] = mostly([bool(load.get("disturbed", False)) for load in loads])
    return entry


def summary(samples: list[dict], workloads: list[Workload], servers: list[Server], reference: str) -> list[dict]:
    """Median and quartiles of the figure over the rounds, and of its ratios to the reference within each round."""
    return [
        row(samples, workload, server.name, reference)
        for workload in workloads
        for server in servers
        if server.plays(workload)
    ]  # fmt: skip


def described(workloads: list[Workload], servers: list[Server]) -> dict:
    return {
        "workloads": [
            {"name": each.name, "title": each.title, "mode": each.mode, "load": each.load, "unit": each.unit, "message": each.message}
            for each in workloads
        ],
        "servers": [{"name": server.name, "command": " ".join(server.words), "bare": server.bare} for server in servers],
    }


def as_json(result: dict) -> str:
    """Indented, but for the samples, which take a line each."""
    rest = {key: value for key, value in result.items() if key != "samples"}
    lines = ",\n".join("  " + json.dumps(sample) for sample in result["samples"])
    return json.dumps(rest, indent=1).removesuffix("\n}") + ',\n "samples": [\n' + lines + "\n ]\n}\n"


def prepare(directory: pathlib.Path) -> None:
    """Finds out before all work that the reports can be written at its end."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise Failed(f"cannot write to {directory}: {error.strerror or error}") from error


@contextlib.contextmanager
def discarded(paths: list[pathlib.Path]) -> Iterator[None]:
    try:
        yield
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


def write_all(directory: pathlib.Path, texts: dict[str, str]) -> list[pathlib.Path]:
    """Writes each text under its name. None replaces an older file before all are on the disk whole."""
    drafts = {name: directory / f".{name}.{os.getpid()}" for name in texts}
    try:
        with discarded(list(drafts.values())):
            for name, text in texts.items():
                drafts[name].write_text(text)
            for name, draft in drafts.items():
                draft.replace(directory / name)
    except OSError as error:
        raise Failed(f"cannot write to {directory}: {error.strerror or error}") from error
    return [directory / name for name in texts]
