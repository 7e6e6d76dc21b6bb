#!/usr/bin/env python3
"""The regression gate of the hot paths: its verdicts on canned figures, its command line, and a path counted twice."""

import contextlib
import copy
import importlib.util
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from support.cases import run_cases, spoken

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("TIDEWIRE_BUILD", "build/release")).resolve()
PROGRAM = BUILD / "bench" / "hot_paths" / "hot_paths"
GATE = ROOT / "bench" / "hot_paths" / "gate.py"

specification = importlib.util.spec_from_file_location("gate", GATE)
gate = importlib.util.module_from_spec(specification)
specification.loader.exec_module(gate)

HERE = {
    "distribution": "debian 12",
    "compiler": "gcc 12.2.0",
    "libuv": "1.44.2",
    "libcrypto": "3.0.19",
    "cpu": ["sse4.2", "avx2"],
    "cpu_level": "avx2",
    "flags": {"optimization": "3"},
}
OLD = {
    "echo": {"instructions_per_message": 1000.0, "allocations_per_message": 0.0},
    "idle": {"bytes_per_connection": 400.0},
}


def verdict(changed: dict, in_ci: bool = False, **surroundings) -> tuple[int, str]:
    """The status and output for figures that differ so from the old ones: {"echo": {"instructions_per_message": 1}}."""
    now = copy.deepcopy(OLD)
    for name, figures in changed.items():
        now.setdefault(name, {}).update(figures)
    return verdict_on(now, in_ci, **surroundings)


def verdict_on(now: dict, in_ci: bool = False, **surroundings) -> tuple[int, str]:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        status = gate.verdict_on({"environment": HERE, "figures": OLD}, now, {**HERE, **surroundings}, in_ci)
    return status, output.getvalue()


def failures(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("FAILED")]


def last_line(output: str) -> str:
    return output.rstrip("\n").rpartition("\n")[2]


def run(*arguments, program=GATE, **environment) -> subprocess.CompletedProcess:
    variables = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [program, *map(str, arguments)],
        env={**variables, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# --- verdicts --------------------------------------------------------------------------------------------


def the_same_figures_pass():
    status, output = verdict({})
    assert (status, last_line(output), failures(output)) == (0, "3 passed, 0 failed", []), output
    assert "better" not in output


def a_figure_that_got_worse_fails_in_a_line_of_its_own():
    status, output = verdict({"echo": {"instructions_per_message": 1100.0}})
    assert (status, last_line(output)) == (1, "2 passed, 1 failed"), output
    assert failures(output) == ["FAILED: echo: 1,100 instructions a message, 1,000 in the baseline (+10.00%)"], output


def each_figure_that_got_worse_is_named():
    status, output = verdict({"echo": {"instructions_per_message": 1100.0}, "idle": {"bytes_per_connection": 500.0}})
    assert (status, len(failures(output)), last_line(output)) == (1, 2, "1 passed, 2 failed"), output


def two_percent_are_tolerated_and_a_hair_more_is_not():
    for value, wanted in ((1020.0, 0), (1020.01, 1), (980.0, 0)):
        status, output = verdict({"echo": {"instructions_per_message": value}})
        assert status == wanted, output
        assert "better" not in output, output


def a_better_figure_passes_and_asks_for_a_new_baseline():
    status, output = verdict({"echo": {"instructions_per_message": 979.0}})
    assert (status, last_line(output)) == (0, "3 passed, 0 failed"), output
    assert "./dev bench --update-baseline" in output, output


def an_allocation_where_there_was_none_fails():
    status, output = verdict({"echo": {"allocations_per_message": 0.001}})
    assert (status, len(failures(output))) == (1, 1), output


def a_figure_that_is_not_measured_any_more_fails():
    status, output = verdict_on({"echo": OLD["echo"]})
    assert (status, last_line(output)) == (1, "2 passed, 1 failed"), output
    assert "idle" in failures(output)[0], output


def a_figure_that_the_baseline_lacks_fails():
    status, output = verdict({"another": {"instructions_per_message": 1.0}})
    assert (status, last_line(output)) == (1, "3 passed, 1 failed"), output
    assert "another" in failures(output)[0] and "--update-baseline" in failures(output)[0], output


# --- other surroundings ----------------------------------------------------------------------------------

WORSE = {"echo": {"instructions_per_message": 2000.0}}


def another_toolchain_is_told_and_not_judged():
    for changed in ({"compiler": "clang 14.0.6"}, {"libuv": "1.48.0"}, {"flags": {"optimization": "0"}}):
        status, output = verdict(WORSE, **changed)
        assert (status, last_line(output), failures(output)) == (0, "0 passed, 0 failed", []), output
        assert f"not comparable: {next(iter(changed))} is" in output, output


def another_toolchain_where_the_baseline_was_made_fails_in_ci():
    status, output = verdict({}, in_ci=True, compiler="gcc 12.3.0")
    assert (status, last_line(output)) == (1, "0 passed, 1 failed"), output
    assert "--update-baseline" in failures(output)[0], output


def a_baseline_that_does_not_say_enough_fails_in_ci():
    for missing in HERE:
        old = {key: value for key, value in HERE.items() if key != missing}
        different = gate.differences(old, HERE)
        assert len(different) == 1 and missing in different[0], different
        if missing != "libcrypto":
            assert gate.comparable(different, old, HERE, True) == (False, True), missing


def another_distribution_or_cpu_is_not_judged_in_ci_either():
    for changed in ({"distribution": "debian 13", "compiler": "gcc 14.2.0"}, {"cpu": ["sse4.2"], "cpu_level": "base"}):
        status, output = verdict(WORSE, in_ci=True, **changed)
        assert (status, last_line(output)) == (0, "0 passed, 0 failed"), output
        assert "not comparable: " in output, output


def a_patch_of_openssl_is_told_and_judged():
    status, output = verdict(WORSE, libcrypto="3.0.20")
    assert status == 1 and "note: libcrypto is" in output and len(failures(output)) == 1, output


# --- the command -----------------------------------------------------------------------------------------


def bad_flags_have_status_2():
    for arguments in (["--no-such"], ["--only", "no-such"], ["--profile", "idle"], ["--profile", "http", "--update"]):
        ended = run("--build", BUILD, *arguments)
        assert ended.returncode == 2 and ended.stdout == "" and "gate.py: error: " in ended.stderr, (arguments, ended)


def a_build_that_is_not_there_fails_in_one_line():
    with tempfile.TemporaryDirectory() as nothing:
        ended = run("--build", nothing)
    assert ended.returncode == 1 and last_line(ended.stdout) == "0 passed, 1 failed", ended
    assert ended.stderr.startswith("gate: ") and ended.stderr.count("\n") == 1, ended.stderr


def a_baseline_that_is_missing_or_broken_fails_in_one_line():
    with tempfile.TemporaryDirectory() as directory:
        baseline = pathlib.Path(directory) / "baseline.json"
        for content in (None, "", "[]", '{"figures": 1, "environment": {}}'):
            if content is not None:
                baseline.write_text(content, encoding="utf-8")
            ended = run("--build", BUILD, "--baseline", baseline)
            assert ended.returncode == 1 and last_line(ended.stdout) == "0 passed, 1 failed", ended
            assert "--update-baseline" in ended.stderr and ended.stderr.count("\n") == 1, ended.stderr


def the_repository_has_a_baseline_of_all_paths():
    baseline = gate.load_baseline(gate.BASELINE)
    assert sorted(baseline["figures"]) == sorted([*gate.names(PROGRAM.parent), *gate.IDLE])


# --- counting --------------------------------------------------------------------------------------------


def every_path_is_answered_rightly():
    for name in gate.names(PROGRAM.parent):
        ended = run(name, "--messages", 1, program=PROGRAM)
        assert ended.returncode == 0, (name, ended.stderr)
        report = json.loads(ended.stdout)
        assert report["path"] == name and report["messages"] >= 1, report


def takeover_costs_an_idle_connection_its_compressor_or_its_windows_and_silence_frees_ours():
    memory = PROGRAM.with_name("idle_memory")
    figures = {}
    for flags in ([], ["--takeover"], ["--takeover", "--frugal"]):
        ended = run("--deflate", *flags, "--connections", 60, program=memory)
        assert ended.returncode == 0, ended.stderr
        figures[len(flags)] = json.loads(ended.stdout)
    window, slack = 4 * 1024, 1024
    compressor = 36 * 1024
    each = {name.removeprefix("bytes_per_connection"): value for name, value in figures[1].items()}
    assert each[""] < slack < compressor - slack < each["_after_echo"] < compressor + window + slack, each
    assert window - slack < each["_after_silence"] < window + slack, each
    each = {name.removeprefix("bytes_per_connection"): value for name, value in figures[2].items()}
    assert each[""] < slack < 2 * window - slack < each["_after_many"] < 2 * window + slack, each
    assert window - slack < each["_after_silence"] < window + slack, each
    without = [value for name, value in figures[0].items() if name.startswith("bytes")]
    assert len(without) == 3 and max(without) < slack, without
    for flags in (["--takeover"], ["--deflate", "--frugal"]):
        ended = run(*flags, program=memory)
        assert ended.returncode == 2 and ended.stderr.startswith("idle_memory: "), ended


def hot_paths_refuses_names_and_flags_that_it_does_not_know():
    for arguments in (["no-such"], ["--no-such"], ["http", "--messages", "0"], ["http", "--list"], []):
        ended = run(*arguments, program=PROGRAM)
        assert ended.returncode == 2 and ended.stdout == "" and ended.stderr.startswith("hot_paths: "), ended


def a_path_counted_twice_gives_the_same_within_a_thousandth():
    counts = []
    for padding in ("", "x" * 333):  # A larger environment moves the stack.
        os.environ["TIDEWIRE_PADDING"] = padding
        counts.append(gate.measure(PROGRAM.parent, "http")["instructions_per_message"])
    assert 100 < counts[0] < 100_000 and abs(counts[1] - counts[0]) <= counts[0] / 1000, counts


def what_was_counted_and_got_worse_fails_and_a_new_baseline_ends_that():
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "baseline.json"
        baseline = {"environment": gate.surroundings(BUILD, PROGRAM.parent), "figures": {}}
        counted = ["--build", BUILD, "--baseline", path, "--only", "echo-20"]
        path.write_text(json.dumps(baseline), encoding="utf-8")
        assert run(*counted).returncode == 1, "a figure that the baseline lacks"
        assert run(*counted, "--update").returncode == 0
        baseline = gate.load_baseline(path)
        ended = run(*counted)
        assert ended.returncode == 0 and last_line(ended.stdout) == "2 passed, 0 failed", ended
        baseline["figures"]["echo-20"]["instructions_per_message"] *= 0.9
        path.write_text(json.dumps(baseline), encoding="utf-8")
        ended = run(*counted)
        assert ended.returncode == 1 and last_line(ended.stdout) == "1 passed, 1 failed", ended


def a_part_of_the_baseline_of_other_surroundings_is_not_updated():
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "baseline.json"
        text = json.dumps({"environment": HERE, "figures": OLD})
        path.write_text(text, encoding="utf-8")
        ended = run("--build", BUILD, "--baseline", path, "--only", "idle", "--update")
        assert ended.returncode == 1 and ended.stderr.startswith("gate: "), ended
        assert path.read_text(encoding="utf-8") == text


def a_profile_names_the_functions():
    ended = run("--build", BUILD, "--profile", "http", "--lines", 10)
    assert ended.returncode == 0 and "tidewire::http::" in ended.stdout, ended
    assert ended.stdout.count("%") == 20, ended.stdout


CASES = [
    the_same_figures_pass,
    a_figure_that_got_worse_fails_in_a_line_of_its_own,
    each_figure_that_got_worse_is_named,
    two_percent_are_tolerated_and_a_hair_more_is_not,
    a_better_figure_passes_and_asks_for_a_new_baseline,
    an_allocation_where_there_was_none_fails,
    a_figure_that_is_not_measured_any_more_fails,
    a_figure_that_the_baseline_lacks_fails,
    another_toolchain_is_told_and_not_judged,
    another_toolchain_where_the_baseline_was_made_fails_in_ci,
    a_baseline_that_does_not_say_enough_fails_in_ci,
    another_distribution_or_cpu_is_not_judged_in_ci_either,
    a_patch_of_openssl_is_told_and_judged,
    bad_flags_have_status_2,
    a_build_that_is_not_there_fails_in_one_line,
    a_baseline_that_is_missing_or_broken_fails_in_one_line,
    the_repository_has_a_baseline_of_all_paths,
    every_path_is_answered_rightly,
    takeover_costs_an_idle_connection_its_compressor_or_its_windows_and_silence_frees_ours,
    hot_paths_refuses_names_and_flags_that_it_does_not_know,
    a_path_counted_twice_gives_the_same_within_a_thousandth,
    what_was_counted_and_got_worse_fails_and_a_new_baseline_ends_that,
    a_part_of_the_baseline_of_other_surroundings_is_not_updated,
    a_profile_names_the_functions,
]


if __name__ == "__main__":
    sys.exit(run_cases((spoken(case), case) for case in CASES))
