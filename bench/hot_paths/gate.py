#!/usr/bin/env python3
"""Counts what the hot paths take, and compares it with bench/baseline.json.

A figure that is more than 2% worse than the baseline's fails. Instructions are counted by callgrind and allocations by
hot_paths itself, over memory streams and with a clock that stands still; an idle connection's memory by idle_memory.
The same binary gives the same figures on a busy machine as on a quiet one, so nothing is repeated or averaged.

The last line is `N passed, N failed`, in figures; the exit status is 1 when one failed.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASELINE = ROOT / "bench" / "baseline.json"
UPDATE = "./dev bench --update-baseline"
TOLERANCE = 0.02
SECONDS = 300
# A `rep movsb` would count as an instruction a byte: what glibc copies is to count as it does on vectors.
COPIES = "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold=1073741824"
# What malloc's caches hold is free, but counts as handed out.
NO_CACHES = "glibc.malloc.tcache_count=0"
# What idle_memory measures, beside the paths, with its flags.
IDLE = {
    "idle": [],
    "idle-deflate": ["--deflate"],
    "idle-takeover": ["--deflate", "--takeover"],
    "idle-frugal-takeover": ["--deflate", "--takeover", "--frugal"],
}
COUNTED = "hot_path_counted"  # main.cc's function, calls included; the start and the warm-up are not counted.
UNITS = {
    "instructions_per_message": "instructions a message",
    "allocations_per_message": "allocations a message",
    "bytes_per_connection": "bytes a connection",
    "bytes_per_connection_after_echo": "bytes after an echo",
    "bytes_per_connection_after_many": "bytes after 40 echoes",
    "bytes_per_connection_after_silence": "bytes after a silence",
}
# Options of the build that change what is compiled.
FLAGS = ("optimization", "debug", "b_lto", "b_ndebug", "b_sanitize", "b_pgo", "cpp_std", "cpp_args")


class GateError(Exception):
    """Something is missing or broken, so that there is no figure; not a worse figure."""


# --- counting --------------------------------------------------------------------------------------------


def run(command: list[str], directory: pathlib.Path, tunables: str = COPIES) -> str:
    """Runs a program with always the same variables: they lie on its stack, and shift what lies above them."""
    program = directory / command[0] if command[0].startswith("./") else shutil.which(command[0])
    if program is None:
        raise GateError(f"{command[0]} is not installed")
    try:
        ended = subprocess.run(
            command,
            executable=program,
            cwd=directory,
            env={"LC_ALL": "C", "GLIBC_TUNABLES": tunables},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise GateError(f"no end within {SECONDS} s: {' '.join(command)}") from None
    if ended.returncode != 0:
        said = [line for line in ended.stderr.splitlines() if line and not line.startswith("==")]
        raise GateError(said[-1] if said else f"status {ended.returncode}: {' '.join(command)}")
    return ended.stdout


def directory_of(build: pathlib.Path) -> pathlib.Path:
    directory = build / "bench" / "hot_paths"
    for program in (directory / "hot_paths", directory / "idle_memory"):
        if not program.exists():
            raise GateError(f"{program} is not built")
    return directory


def names(directory: pathlib.Path) -> list[str]:
    return [line.split()[0] for line in run(["./hot_paths", "--list"], directory).splitlines()]


def callgrind(directory: pathlib.Path, name: str, profile: str) -> tuple[dict, int]:
    """What the program reports of a path, and how many instructions it counted; leaves callgrind's `profile`."""
    command = ["valgrind", "--tool=callgrind", f"--toggle-collect={COUNTED}*", f"--callgrind-out-file={profile}"]
    report = json.loads(run([*command, "./hot_paths", name], directory))
    with open(profile, encoding="utf-8") as lines:
        totals = [int(line.split()[1]) for line in lines if line.startswith("totals:")]
    if not totals or totals[0] == 0:
        raise GateError(f"callgrind does not find {COUNTED} in hot_paths")
    return report, totals[0]


def measure(directory: pathlib.Path, name: str) -> dict[str, float]:
    if name in IDLE:
        report = json.loads(run(["./idle_memory", *IDLE[name]], directory, NO_CACHES))
        return {figure: round(report[figure], 1) for figure in report if figure in UNITS}
    with tempfile.TemporaryDirectory() as temporary:
        report, instructions = callgrind(directory, name, f"{temporary}/profile")
    return {
        "instructions_per_message": round(instructions / report["messages"], 2),
        "allocations_per_message": round(report["allocations_per_message"], 4),
    }


def measure_all(directory: pathlib.Path, wanted: list[str]) -> dict[str, dict[str, float]]:
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return dict(zip(wanted, pool.map(lambda name: measure(directory, name), wanted)))


def distribution() -> str:
    try:
        lines = pathlib.Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    fields = dict(line.replace('"', "").split("=", 1) for line in lines if "=" in line)
    return f"{fields.get('ID', 'unknown')} {fields.get('VERSION_ID', '')}".strip()


def surroundings(build: pathlib.Path, directory: pathlib.Path) -> dict:
    """All that the figures depend on, other than the sources."""
    try:
        options = json.loads((build / "meson-info" / "intro-buildoptions.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise GateError(f"{build} is no build directory of Meson's: {error.strerror}") from None
    values = {option["name"]: option["value"] for option in options}
    return {
        "distribution": distribution(),
        # Under valgrind, because its CPU is the one that code is chosen for.
        **json.loads(run(["valgrind", "--tool=none", "./hot_paths", "--environment"], directory)),
        "valgrind": run(["valgrind", "--version"], ROOT).strip().removeprefix("valgrind-"),
        "flags": {name: values[name] for name in FLAGS if name in values},
    }


# --- judging ---------------------------------------------------------------------------------------------


def differences(old: dict, new: dict) -> list[str]:
    """In what the baseline's surroundings are others than these, a line each."""
    return [
        f"{key} is {json.dumps(new.get(key))}, the baseline's {json.dumps(old.get(key))}"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    ]


def comparable(different: list[str], old: dict, new: dict, in_ci: bool) -> tuple[bool, bool]:
    """Whether figures of these surroundings can be held against the baseline's; and if not, whether that is a failure.

    OpenSSL's patches leave the paths alone but for the one hash of a handshake, so its version is told and forgiven.
    Elsewhere than the baseline was made nothing can be said, and on another CPU neither. But where CI runs as the
    baseline was made, an upgraded compiler must not disarm the gate unnoticed.
    """
    if all(line.startswith("libcrypto ") for line in different):
        return True, False
    elsewhere = any(key in old and old[key] != new.get(key) for key in ("distribution", "cpu", "cpu_level"))
    return False, in_ci and not elsewhere


def judge(old: float | None, new: float | None) -> tuple[str, str]:
    """A verdict ("worse", "better", "same", "gone" or "new") and the change as people read it."""
    if new is None:
        return "gone", ""
    if old is None:
        return "new", ""
    change = f"{100 * (new - old) / old:+.2f}%" if old else ("+0.00%" if new == old else "was none")
    # What lies on the edge is within.
    edge = 1e-9 * abs(old)
    if new > old * (1 + TOLERANCE) + edge:
        return "worse", change
    if new < old * (1 - TOLERANCE) - edge:
        return "better", change
    return "same", change


def compare(old: dict, new: dict) -> list[tuple[str, str, float | None, float | None, str, str]]:
    """Rows of path, figure, old, new, verdict, change."""
    rows = []
    for name in dict.fromkeys([*new, *old]):
        before, after = old.get(name, {}), new.get(name, {})
        for figure in dict.fromkeys([*after, *before]):
            verdict, change = judge(before.get(figure), after.get(figure))
            rows.append((name, figure, before.get(figure), after.get(figure), verdict, change))
    return rows


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:,.10g}"


def table(rows) -> None:
    width = max([len(row[0]) for row in rows] + [4])
    print(f"{'path':<{width}}  {'figure':<24}{'baseline':>14}{'now':>14}{'change':>10}")
    for name, figure, old, new, verdict, change in rows:
        mark = "" if verdict == "same" else f"  {verdict}"
        print(f"{name:<{width}}  {UNITS.get(figure, figure):<24}{shown(old):>14}{shown(new):>14}{change:>10}{mark}")


def total(passed: int, failed: int) -> int:
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def verdict_on(baseline: dict, figures: dict, now: dict, in_ci: bool) -> int:
    """Prints how the figures compare, and returns the exit status."""
    rows = compare(baseline["figures"], figures)
    table(rows)
    print()
    different = differences(baseline["environment"], now)
    can_compare, is_failure = comparable(different, baseline["environment"], now, in_ci)
    for line in different:
        print(f"note: {line}" if can_compare else f"not comparable: {line}")
    if not can_compare and is_failure:
        print(f"FAILED: the baseline is of another toolchain; {UPDATE} makes a new one, in a commit of its own")
        return total(0, 1)
    if not can_compare:
        print("no judgement: figures are compared only where the baseline was made in the same surroundings")
        return total(0, 0)

    failed = 0
    for name, figure, old, new, verdict, change in rows:
        if verdict == "worse":
            print(f"FAILED: {name}: {shown(new)} {UNITS.get(figure, figure)}, {shown(old)} in the baseline ({change})")
        elif verdict == "gone":
            print(f"FAILED: {name}: {UNITS.get(figure, figure)} are in the baseline, and not measured any more")
        elif verdict == "new":
            print(f"FAILED: {name}: {UNITS.get(figure, figure)} are not in the baseline; {UPDATE} puts them there")
        failed += verdict in ("worse", "gone", "new")
    if any(row[4] == "better" for row in rows):
        print(f"better than the baseline: {UPDATE} keeps it so")
    return total(len(rows) - failed, failed)


# --- the rest --------------------------------------------------------------------------------------------


def load_baseline(path: pathlib.Path) -> dict:
    try:
        baseline = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(baseline["figures"], dict) or not isinstance(baseline["environment"], dict):
            raise TypeError
    except FileNotFoundError:
        raise GateError(f"there is no {path}; {UPDATE} makes it") from None
    except (ValueError, KeyError, TypeError):
        raise GateError(f"{path} is no baseline; {UPDATE} makes a new one") from None
    return baseline


def update(path: pathlib.Path, figures: dict, now: dict, is_part: bool) -> None:
    if is_part:
        baseline = load_baseline(path)
        if different := differences(baseline["environment"], now):
            raise GateError(f"all has to be updated, not a part: {different[0]}")
        figures = {**baseline["figures"], **figures}
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"environment": now, "figures": figures}, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)
    print(f"updated {path}")


def show_profile(directory: pathlib.Path, name: str, lines: int) -> None:
    """Where a path's instructions go. What the compiler inlined counts as the function that it stands in now."""
    with tempfile.TemporaryDirectory() as temporary:
        profile = f"{temporary}/profile"
        report, instructions = callgrind(directory, name, profile)
        messages = report["messages"]
        print(f"{name}: {instructions / messages:,.1f} instructions a message, {messages} messages")
        for title, inclusive in (("in the function itself", "no"), ("with all that it calls", "yes")):
            print(f"\n{title}:")
            # Two percent signs or none: versions of the tool differ.
            row = re.compile(r"^\s*([\d,]+)\s+(?:\([\s\d.]+%\)\s+)?\S*?:(.+?)(?:\s+\[[^]]*\])?$")
            said = run(
                ["callgrind_annotate", "--auto=no", "--threshold=100", f"--inclusive={inclusive}", profile], directory
            )
            found = [match for match in map(row.match, said.splitlines()) if match]
            for match in found[:lines]:
                count = int(match.group(1).replace(",", "")) / messages
                print(f"{count:12,.1f} {100 * count * messages / instructions:6.1f}%  {match.group(2)[:150]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release", help="a release build")
    parser.add_argument("--baseline", type=pathlib.Path, default=BASELINE, help="instead of bench/baseline.json")
    parser.add_argument("--only", metavar="NAME", action="append", help="this path alone; may be repeated")
    parser.add_argument("--update", action="store_true", help="make the figures of now the baseline")
    parser.add_argument("--profile", metavar="NAME", help="where the instructions of this path go, and nothing else")
    parser.add_argument("--lines", type=int, default=25, help="of each list of --profile")
    arguments = parser.parse_args()
    if arguments.profile and (arguments.only or arguments.update):
        parser.error("--profile goes alone")
    try:
        build = arguments.build.resolve()
        directory = directory_of(build)
        known = [*names(directory), *IDLE]
        for name in [*(arguments.only or []), *([arguments.profile] if arguments.profile else [])]:
            if name not in known:
                parser.error(f"there is no path {name}: {', '.join(known)}")
        if arguments.profile in IDLE:
            parser.error(f"{arguments.profile} is about memory, not about instructions")
        if arguments.profile:
            show_profile(directory, arguments.profile, arguments.lines)
            return 0
        wanted = [name for name in known if not arguments.only or name in arguments.only]
        # Before the counting, which takes a while.
        baseline = None if arguments.update else load_baseline(arguments.baseline)
        now = surroundings(build, directory)
        figures = measure_all(directory, wanted)
        if baseline is None:
            update(arguments.baseline, figures, now, is_part=bool(arguments.only))
            return 0
        if arguments.only:
            baseline["figures"] = {name: baseline["figures"][name] for name in wanted if name in baseline["figures"]}
        return verdict_on(baseline, figures, now, bool(os.environ.get("CI")))
    except GateError as error:
        print(f"gate: {error}", file=sys.stderr)
        return total(0, 1)


if __name__ == "__main__":
    sys.exit(main())
