#!/usr/bin/env python3
"""Compares servers on this machine: CPU time per message, and memory per idle connection.

The server runs on one core and the load on another. Servers take turns, A B C A B C, a fresh process each time, so
that a drift of the machine and the luck of one process's memory layout strike all alike. What is printed is the median
over the rounds, the spread of its middle half, and the median of the ratios to the reference within each round.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import resource
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
IDLE_CONNECTIONS = 10_000


class Failed(Exception):
    """What is said in one line before the script ends with status 1."""


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    mode: str  # of bench/load
    payload_bytes: int = 20
    depth: int = 1
    content: str = "ascii"

    def load_arguments(self, seconds: float) -> list[str]:
        if self.mode == "idle":
            return ["--connections", str(IDLE_CONNECTIONS), "--hold-seconds", "1"]
        arguments = ["--depth", str(self.depth), "--seconds", str(seconds)]
        if self.mode == "echo":
            arguments += ["--payload-bytes", str(self.payload_bytes), "--content", self.content]
        return arguments

    @property
    def figure(self) -> str:
        return "resident_bytes_per_connection" if self.mode == "idle" else "server_cpu_ns_per_message"

    @property
    def unit(self) -> str:
        return "bytes" if self.mode == "idle" else "ns"


WORKLOADS = [
    Workload("echo-20", "echo"),
    Workload("echo-20-deep-64", "echo", depth=64),
    Workload("echo-1k", "echo", payload_bytes=1024),
    Workload("echo-1k-deep-16", "echo", payload_bytes=1024, depth=16),
    Workload("echo-16k-binary", "echo", payload_bytes=16 * 1024, content="binary"),
    Workload("http", "http"),
    Workload("http-deep-16", "http", depth=16),
    Workload("idle", "idle"),
]


@dataclasses.dataclass(frozen=True)
class Server:
    name: str
    command: str  # with {port}, and {payload} for the bare server, which has to know what it will get
    modes: tuple[str, ...] = ("echo", "http", "idle")

    def words(self, port: int, workload: Workload) -> list[str]:
        payload = f"--payload-bytes {workload.payload_bytes} --content {workload.content}"
        return shlex.split(self.command.replace("{port}", str(port)).replace("{payload}", payload))


def default_servers(build: pathlib.Path) -> list[Server]:
    return [
        Server("bare_libuv", f"{build}/bench/peers/bare_libuv --port {{port}} {{payload}}", ("echo", "idle")),
        Server("tidewire", f"{build}/examples/echo_server --port {{port}}"),
    ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_it_listens(server: Server, process: subprocess.Popen, port: int, output) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    output.seek(0)
    said = output.read().decode(errors="replace").strip().splitlines()
    raise Failed(f"{server.name} does not listen on port {port}" + (f": {said[-1]}" if said else ""))


@contextlib.contextmanager
def running(server: Server, workload: Workload, core: int):
    """A process of the server that listens: (its pid, its port). It is ended by SIGTERM, and has to end well."""
    port = free_port()
    with tempfile.TemporaryFile() as output:
        try:
            # taskset becomes the server: the process has one pid throughout.
            process = subprocess.Popen(
                ["taskset", "-c", str(core), *server.words(port, workload)], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        except OSError as error:
            raise Failed(f"{server.name}: {error}") from error
        try:
            wait_until_it_listens(server, process, port, output)
            yield process.pid, port
            process.send_signal(signal.SIGTERM)
            status = process.wait(timeout=15)
            if status not in (0, -signal.SIGTERM):
                raise Failed(f"{server.name} ended with status {status}")
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{server.name} did not end within 15 s of SIGTERM") from error
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def measure(server: Server, workload: Workload, load: pathlib.Path, cores: list[int], seconds: float) -> dict:
    with running(server, workload, cores[0]) as (pid, port):
        command = ["taskset", "-c", str(cores[1]), str(load), workload.mode, "--json", "--pid", str(pid), "--port", str(port)]
        result = subprocess.run(command + workload.load_arguments(seconds), capture_output=True, text=True, timeout=60)
    if result.returncode != 0:
        raise Failed(f"{server.name}, {workload.name}: {result.stderr.strip()}")
    return json.loads(result.stdout)


def say_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure_all(servers: list[Server], workloads: list[Workload], arguments, cores: list[int]) -> dict:
    """Samples by workload and server, in the order of the rounds."""
    samples = {workload.name: {server.name: [] for server in servers if workload.mode in server.modes} for workload in workloads}
    for current in range(1, arguments.rounds + 1):
        for workload in workloads:
            if workload.mode == "idle" and current > 1:
                continue  # Memory does not vary as time does.
            for server in servers:
                if workload.mode not in server.modes:
                    continue
                say_progress(f"round {current} of {arguments.rounds}: {workload.name}, {server.name}")
                sample = measure(server, workload, arguments.build / "bench/load", cores, arguments.seconds)
                samples[workload.name][server.name].append(sample)
    say_progress("")
    return samples


def half_spread(values: list[float]) -> float:
    """Half the distance between the quartiles, as a share of the median."""
    if len(values) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / 2 / middle


def summarise(samples: dict, workloads: list[Workload], reference: str) -> list[dict]:
    rows = []
    for workload in workloads:
        figures = {name: [sample[workload.figure] for sample in taken] for name, taken in samples[workload.name].items()}
        base = figures.get(reference)
        for name, values in figures.items():
            taken = samples[workload.name][name]
            row = {"workload": workload.name, "server": name, "unit": workload.unit}
            row |= {"median": statistics.median(values), "spread": half_spread(values)}
            row["ratio"] = statistics.median(mine / other for mine, other in zip(values, base)) if base else None
            row["runs"] = len(taken)
            row["not_saturated"] = sum(not sample.get("server_saturated", True) for sample in taken)
            row["disturbed"] = sum(sample.get("disturbed", False) for sample in taken)
            rows.append(row)
    return rows


def print_table(rows: list[dict], reference: str) -> None:
    print(f"{'workload':<16} {'server':<14} {'median':>9}       {'spread':>7} {'to ' + reference:>14}")
    marks = {
        "not_saturated": ("*", "the server lacked work in most runs: its time includes waiting and waking"),
        "disturbed": ("+", "other processes used the same cores in most runs: the figure is noisy"),
    }
    last, used = None, set()
    for row in rows:
        name = row["workload"] if row["workload"] != last else ""
        last = row["workload"]
        ratio = f"{row['ratio']:.3f}" if row["ratio"] is not None else "-"
        here = [trouble for trouble in marks if row[trouble] * 2 > row["runs"]]
        used.update(here)
        shown = "".join(marks[trouble][0] for trouble in here)
        print(f"{name:<16} {row['server']:<14} {row['median']:>9,.1f} {row['unit']:<5} {row['spread']:>6.1%} {ratio:>14} {shown}".rstrip())
    for trouble, (mark, meaning) in marks.items():
        if trouble in used:
            print(f"{mark} {meaning}")


def processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def named_command(text: str) -> Server:
    name, separator, command = text.partition("=")
    if not separator or not name or "{port}" not in command:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=COMMAND with {{port}} in the command")
    return Server(name, command)


def round_count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of rounds from 1 to 1000")
    return int(text)


def measured_seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0.1 <= float(text) <= 10:
            return float(text)
    raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds from 0.1 to 10")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release", help="build directory [build/release]")
    parser.add_argument(
        "--server", type=named_command, action="append", default=[], metavar="NAME=COMMAND",
        help="one more server: its command, in which {port} becomes the port; it serves /echo and GET /plaintext",
    )  # fmt: skip
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="leave out bare_libuv or tidewire")
    parser.add_argument("--workload", action="append", choices=[workload.name for workload in WORKLOADS], help="only this; may be repeated [all]")
    parser.add_argument("--rounds", type=round_count, default=5, help="[5]")
    parser.add_argument("--seconds", type=measured_seconds, default=1.0, help="measured in each round, 0.1 to 10 [1]")
    parser.add_argument("--reference", default="bare_libuv", metavar="NAME", help="what ratios are taken to [bare_libuv]")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the samples and the summary there")
    return parser.parse_args()


def chosen_servers(arguments) -> list[Server]:
    servers = [server for server in default_servers(arguments.build) if server.name not in arguments.without] + arguments.server
    for server in servers:
        program = shlex.split(server.command)[0]
        if "/" in program and not pathlib.Path(program).exists():
            raise Failed(f"{server.name}: there is no {program}; build it, or leave {server.name} out")
    names = [server.name for server in servers]
    if len(set(names)) != len(names):
        raise Failed("two servers have the same name")
    if arguments.reference not in names:
        raise Failed(f"the reference {arguments.reference} is not among the servers: {', '.join(names)}")
    return servers


def main() -> None:
    arguments = parse_arguments()
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise Failed("server and load need a core each, and this machine has one")
    servers = chosen_servers(arguments)
    if not (arguments.build / "bench/load").exists():
        raise Failed(f"there is no {arguments.build}/bench/load; build it first")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))  # Servers inherit it.
    workloads = [workload for workload in WORKLOADS if not arguments.workload or workload.name in arguments.workload]

    samples = measure_all(servers, workloads, arguments, cores)
    rows = summarise(samples, workloads, arguments.reference)
    print_table(rows, arguments.reference)
    if arguments.json:
        report = {
            "processor": processor(),
            "kernel": platform.release(),
            "rounds": arguments.rounds,
            "seconds": arguments.seconds,
            "reference": arguments.reference,
            "servers": {server.name: server.command for server in servers},
            "summary": rows,
            "samples": samples,
        }
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"compare.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
