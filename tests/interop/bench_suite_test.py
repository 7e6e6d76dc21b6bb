#!/usr/bin/python3
"""The bench suite: its statistics on made-up noise, its reports from made-up results, and the command itself."""

import html.parser
import json
import math
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from support.cases import run_cases, spoken

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("TIDEWIRE_BUILD", "build/release")
SUITE = ROOT / "bench" / "suite"
ECHO_SERVER = BUILD / "examples" / "echo_server"

sys.dont_write_bytecode = True
sys.path.insert(0, str(SUITE))

import comparison  # noqa: E402
import markdown  # noqa: E402
import page  # noqa: E402
import plots  # noqa: E402
import progress  # noqa: E402
import results  # noqa: E402
import rounds  # noqa: E402
import servers  # noqa: E402
import stats  # noqa: E402
import workloads  # noqa: E402
from certificate import Certificate  # noqa: E402
from measuring import Lengths  # noqa: E402
from servers import Server  # noqa: E402

SHORT = Lengths(0.3, 0.1)
BASE, HERE = Server("base", ("base",)), Server("here", ("here",))
TIMED = [workload for workload in workloads.all_workloads() if workload.is_timed]


def close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


# --- statistics ------------------------------------------------------------------------------------------


def the_cut_of_signed_ranks_is_that_of_the_published_tables():
    # Two-sided 5% and one-sided 1%, as every table of Wilcoxon's test has them.
    for count, level, cut in ((6, 0.025, 0), (10, 0.025, 8), (15, 0.025, 25), (20, 0.025, 52), (10, 0.01, 5), (20, 0.01, 43)):
        assert stats.signed_rank_cut(count, level) == cut, (count, level)
    assert stats.signed_rank_cut(5, 0.025) is None


def an_interval_holds_the_centre_and_ignores_one_wild_value():
    values = [0.1 * index for index in range(-10, 11)]
    low, middle, high = stats.signed_rank_interval(values, 0.01)
    assert low < 0 < high and close(middle, 0)
    _, wild, _ = stats.signed_rank_interval([*values[:-1], 1e6], 0.01)
    assert abs(wild) < 0.1, wild
    low, _, high = stats.signed_rank_interval([1.0, 2.0], 0.01)
    assert low == -math.inf and high == math.inf


def spreads_are_of_the_middle_half():
    assert stats.quartiles([7.0]) == (7.0, 7.0)
    assert stats.quartiles([1, 2, 3, 4, 5]) == (2, 4)
    assert close(stats.half_spread([1, 2, 3, 4, 5]), 1 / 3)


class Machine:
    """Makes up samples: a drift, a luck of each process, and now and then a neighbour who disturbs."""

    def __init__(self, seed: int, shifts: dict[str, float]):
        self._random = random.Random(seed)
        self._shifts = shifts
        self._drift = 0.0
        self.runs: list[str] = []

    def run(self, server: Server, workload: workloads.Workload, _: Lengths) -> dict:
        self.runs.append(server.name)
        chance = self._random
        self._drift = 0.95 * self._drift + chance.gauss(0, 0.003)
        noise = chance.gauss(0, 0.012) + self._drift
        if chance.random() < 0.15:
            noise += abs(chance.gauss(0, 1) / (abs(chance.gauss(0, 1)) + 0.05)) * 0.05
        shift = self._shifts.get(workload.name, 0.0) if server is HERE else 0.0
        return {workload.figure: 5000 * math.exp(noise) * (1 + shift)}


def compared(seed: int, shifts: dict[str, float], looks: tuple[int, ...] = comparison.LOOKS) -> list[dict]:
    machine = Machine(seed, shifts)
    trials, _ = comparison.measure((BASE, HERE), TIMED, looks, SHORT, machine.run)
    return [trial.verdict({}) for trial in trials]


def named(verdicts: list[dict], verdict: str) -> list[str]:
    return [each["workload"] for each in verdicts if each["verdict"] == verdict]


def identical_code_raises_no_alarm_in_200_comparisons():
    for seed in range(200):
        verdicts = compared(seed, {})
        assert not comparison.is_slower(verdicts), (seed, named(verdicts, "slower"))


def a_shift_of_5_percent_is_found_in_50_of_50_comparisons_and_named_alone():
    for seed in range(50):
        slow = TIMED[seed % len(TIMED)].name
        verdicts = compared(seed, {slow: 0.05})
        assert named(verdicts, "slower") == [slow], (seed, slow, named(verdicts, "slower"))


def a_gain_of_15_percent_is_called_faster_but_where_it_is_soon_known_to_be_no_loss():
    faster = 0
    for seed in range(20):
        verdicts = compared(seed, {"http": -0.15})
        assert named(verdicts, "faster") in ([], ["http"]) and not comparison.is_slower(verdicts), seed
        faster += named(verdicts, "faster") == ["http"]
    assert faster >= 18, faster


def a_shift_of_1_percent_is_no_alarm():
    for seed in range(20):
        verdicts = compared(seed, {workload.name: 0.01 for workload in TIMED})
        assert not comparison.is_slower(verdicts), (seed, named(verdicts, "slower"))


def pairs_alternate_which_comes_first():
    machine = Machine(1, {})
    comparison.measure((BASE, HERE), TIMED[:1], (4,), SHORT, machine.run)
    assert machine.runs == ["base", "here", "here", "base", "base", "here", "here", "base"], machine.runs


def quiet_workloads_take_fewer_pairs_than_noisy_ones():
    verdicts = compared(3, {"echo-20": 0.03})
    pairs = {each["workload"]: each["pairs"] for each in verdicts}
    assert pairs["echo-20"] > min(pairs.values()), pairs
    assert set(pairs.values()) <= set(comparison.LOOKS), pairs


def counted_instructions_name_what_time_cannot_resolve():
    def verdict(low: float, ratio: float, high: float, instructions: float | None) -> str:
        return comparison.Interval(low, ratio, high).verdict(instructions)

    assert verdict(0.985, 1.0, 1.015, None) == "same"
    assert verdict(0.985, 1.0, 1.015, 1.009) == "same"
    assert verdict(0.985, 1.0, 1.015, 1.011) == "slower"
    assert verdict(0.97, 0.98, 0.99, 1.03) == "same", "more instructions, and still cheaper"
    assert verdict(1.01, 1.04, 1.07, 0.9) == "slower", "fewer instructions, and still dearer"
    assert verdict(0.9, 1.0, 1.2, 1.0) == "not resolved"


def memory_is_slower_when_every_run_takes_more():
    assert comparison.of_memory([448, 450, 451], [470, 472, 473]).is_slower
    assert not comparison.of_memory([448, 450, 470], [470, 472, 473]).is_slower
    assert not comparison.of_memory([448, 450, 451], [448, 450, 451]).is_slower


# --- order and progress ----------------------------------------------------------------------------------


def servers_take_turns_and_memory_is_measured_less_often():
    told = []

    def run(server, workload, _):
        told.append((workload.name, server.name))
        return {workload.figure: 1.0}

    known = {workload.name: workload for workload in workloads.all_workloads()}
    bare = Server("bare", ("bare",), bare=True)
    servers = [bare, BASE, HERE]
    samples = rounds.measure(servers, [known["echo-20"], known["slow-readers"], known["idle"]], 5, SHORT, run)
    assert told[:3] == [("echo-20", "bare"), ("echo-20", "base"), ("echo-20", "here")], told
    assert ("slow-readers", "bare") not in told
    assert told.count(("echo-20", "here")) == 5 and told.count(("idle", "here")) == rounds.MEMORY_ROUNDS
    assert [sample["round"] for sample in samples] == sorted(sample["round"] for sample in samples)


def only_servers_that_compress_play_what_is_compressed_and_are_told_to():
    known = {workload.name: workload for workload in workloads.all_workloads()}
    able = Server("able", ("able", "--port", "{port}", "{deflate}", "now {deflate}"))
    plain, alone, takeover = (known[name] for name in ("echo-1k", "echo-1k-deflate", "echo-1k-takeover"))
    assert BASE.plays(plain) and not BASE.plays(alone) and not BASE.plays(takeover)
    assert able.plays(plain) and able.plays(alone) and able.plays(takeover)
    assert able.command(7, plain) == ["able", "--port", "7", "now "]
    assert able.command(7, alone) == ["able", "--port", "7", "--deflate", "now --deflate"]
    assert able.command(7, takeover)[3:] == ["--deflate", "--takeover", "now --deflate --takeover"]
    assert not Server("bare", ("bare", "{port}"), bare=True).plays(known["idle-takeover"])
    assert known["idle"].figure == "resident_bytes_per_connection"
    assert known["idle-takeover"].figure == "resident_bytes_per_connection_after_echoes"


def what_a_workload_says_of_tidewires_server_alone_others_are_not_told():
    frugal = {workload.name: workload for workload in workloads.all_workloads()}["echo-1k-frugal-takeover"]
    peer = Server("peer", ("peer", "{port}", "{deflate}"))
    ours = Server("ours", ("ours", "{port}", "{deflate}", "{own}"), own=frozenset(["--frugal-takeover", "--more"]))
    older = Server("older", ("older", "{port}", "{deflate}", "{own}"), own=frozenset())
    assert peer.plays(frugal) and ours.plays(frugal) and not older.plays(frugal)
    assert peer.command(7, frugal) == ["peer", "7", "--deflate", "--takeover"]
    assert ours.command(7, frugal) == ["ours", "7", "--deflate", "--takeover", "--frugal-takeover"]
    plain = workloads.parsed({"name": "plain", "title": "", "mode": "echo"})
    assert older.plays(plain) and older.command(7, plain) == ["older", "7"]


def only_servers_that_speak_tls_play_what_wants_it_and_are_given_the_certificate():
    known = {workload.name: workload for workload in workloads.all_workloads()}
    able = Server("able", ("able", "--port", "{port}", "{deflate}", "{tls}", "now {tls}"))
    plain, tls, idle = (known[name] for name in ("echo-20", "echo-20-tls", "idle-tls"))
    assert BASE.plays(plain) and not BASE.plays(tls) and not BASE.plays(idle)
    assert able.plays(plain) and able.plays(tls) and able.plays(idle)
    assert not Server("bare", ("bare", "{port}"), bare=True).plays(tls)
    certificate = Certificate()
    flags = ["--tls-certificate", str(certificate.file), "--tls-key", str(certificate.key)]
    assert able.command(7, plain, certificate) == ["able", "--port", "7", "now "]
    assert able.command(7, tls, certificate) == ["able", "--port", "7", *flags, "now " + " ".join(flags)]
    assert "--tls" in tls.load_arguments(1, 1) and "--resume" in known["connect-tls-resumed"].load_arguments(1, 1)
    assert idle.figure == "resident_bytes_per_connection"


def the_certificate_is_of_localhost_and_goes_with_the_run():
    certificate = Certificate()
    said = subprocess.run(["openssl", "x509", "-in", certificate.file, "-noout", "-text"], capture_output=True, text=True, check=True).stdout
    assert "prime256v1" in said and "DNS:localhost, IP Address:127.0.0.1" in said, said
    folder = certificate.file.parent
    assert folder.exists()
    del certificate
    assert not folder.exists()


class Paper:
    def __init__(self, terminal: bool):
        self.text = ""
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def progress_tells_the_time_left_at_the_pace_so_far():
    now = [0.0]
    terminal, log = Paper(True), Paper(False)
    for paper in (terminal, log):
        now[0] = 0.0
        shown = progress.Progress(100, paper, lambda: now[0])
        shown.say("one")
        shown.did(10)
        now[0] = 20.0
        shown.say("two")
        now[0] = 21.0
        shown.say("three")
        shown.end()
    assert "one, 1 min 40 s left" in terminal.text and "two, 3 min 00 s left" in terminal.text, terminal.text
    assert terminal.text.count("\r") == 4 and "\n" not in terminal.text
    assert log.text.splitlines() == ["one, 1 min 40 s left", "two, 3 min 00 s left"], log.text


# --- reports ---------------------------------------------------------------------------------------------

LATENCY = {"count": 10, "p50_ns": 1e6, "p90_ns": 2e6, "p99_ns": 3e6, "p999_ns": 4e6, "max_ns": 5e6}
CURVE = [[0.0, 5e5], [0.5, 1e6], [0.9, 2e6], [0.99, 3e6], [0.999, 4e6], [0.9999, 4.5e6], [1.0, 5e6]]
HOSTILE = 'a<b>&"c"'
MADE = {
    "source": {"commit": "0123456789abcdef", "dirty": True},
    "build": {"compiler": "g++ 12", "buildtype": "release", "lto": True, "flags": ["-O3"]},
    "machine": {"date": "2026-01-02T03:04:05+00:00", "cpu": "A CPU", "cores": 2, "virtual": False, "kernel": "6.1",
                "libraries": {"libuv": "1.44.2", "openssl": "3.0", "zlib": None}},
}  # fmt: skip


def sample(current: int, workload: workloads.Workload, server: str, cost: float) -> dict:
    load: dict = {workload.figure: cost}
    if workload.is_timed:
        load |= {"messages_per_second": 1e9 / cost, "server_saturated": server != "slow", "disturbed": False}
        load["latency"] = LATENCY | {"curve": CURVE}
    if workload.is_timed and workload.deflate_flags:
        load["deflate"] = {"extension": "e", "text_bytes": 1024, "request_bytes": 400.0, "reply_bytes": 435.6, "reply_to_zlib": 1.1}
    if workload.tls:
        load["tls"] = {"version": "TLSv1.3", "cipher": "A_CIPHER" if current < 3 else "OTHER", "resumed": False}
    return {"round": current, "workload": workload.name, "server": server, "load": load}


def canned_result() -> dict:
    """Three servers, one of them at twice the reference's cost and one at half of it."""
    of = workloads.all_workloads()
    costs = {"tidewire": 1000.0, "slow": 2000.0, HOSTILE: 500.0}
    servers = [Server(name, (name, "--port", "{port}", "{deflate}", "{tls}")) for name in costs]
    samples = [
        sample(current, workload, name, cost * (1 + current / 100))
        for current in (1, 2, 3)
        for workload in of
        for name, cost in costs.items()
    ]
    return {
        "format": results.FORMAT, "made": MADE,
        "settings": {"reference": "tidewire", "rounds": 3, "seconds": 1.0, "runs": "3 rounds"},
        **results.described(of, servers), "summary": results.summary(samples, of, servers, "tidewire"), "samples": samples,
    }  # fmt: skip


def canned_comparison() -> dict:
    slow = compared(5, {"http": 0.05})
    return {
        "format": results.FORMAT, "made": MADE,
        "settings": {"base": "base", "revision": "HEAD", "commit": "base", "seconds": 0.3, "threshold": 0.03, "rule": "a rule", "runs": "pairs"},
        **results.described(TIMED, [BASE, HERE]), "verdicts": slow, "samples": [],
    }  # fmt: skip


def the_summary_has_medians_and_ratios_within_rounds():
    entries = {(each["workload"], each["server"]): each for each in canned_result()["summary"]}
    slow = entries["echo-20", "slow"]
    assert close(slow["median"], 2040) and close(slow["ratio"], 2) and slow["runs"] == 3
    assert slow["not_saturated"] and not entries["echo-20", "tidewire"]["not_saturated"]
    assert entries["idle", "slow"]["unit"] == "B" and "latency" not in entries["idle", "slow"]
    assert slow["latency"]["p99_ns"] == 3e6 and slow["latency"]["curve"] == CURVE


def the_json_reads_back_as_it_was():
    result = canned_result()
    assert json.loads(results.as_json(result)) == json.loads(json.dumps(result))
    assert json.loads(results.as_json(result | {"samples": []}))["samples"] == []


def the_markdown_has_a_row_for_each_workload_and_server():
    text = markdown.report(canned_result())
    for workload in workloads.all_workloads():
        assert re.search(rf"^\| {workload.name} ", text, re.MULTILINE), workload.name
    assert re.search(r"\| slow\* +\| +2,040 ns \|.*\| +2\.000 \|", text), text
    widths = {len(line) for line in text.split("\n\n")[2].splitlines()}
    assert len(widths) == 1, "the table is aligned"


def sizes_on_the_wire_are_told_of_what_is_compressed():
    result = canned_result()
    compressed = [workload.name for workload in TIMED if workload.deflate_flags]
    for text in (markdown.report(result), markdown.for_terminal(result)):
        wire = text.split(markdown.ABOUT_WIRE)[1]
        assert re.findall(r"^\| ([\w-]+) .*\| +1,024 B \| +436 B \| +1\.100 \|$", wire, re.MULTILINE) == compressed, wire
    assert "436 B" in page.report(result)
    few = [entry for entry in result["summary"] if entry["workload"] == "http"]
    assert markdown.ABOUT_WIRE not in markdown.report(result | {"summary": few})


def the_tls_that_servers_agreed_to_is_told_with_them():
    result = canned_result()
    assert "- slow: `slow --port {port} {deflate} {tls}` with TLSv1.3, A_CIPHER and TLSv1.3, OTHER\n" in markdown.report(result)
    assert "slow --port {port} {deflate} {tls}, with TLSv1.3, A_CIPHER and TLSv1.3, OTHER<" in page.report(result)
    clear = [each for each in result["samples"] if each["workload"] == "http"]
    assert "- slow: `slow --port {port} {deflate} {tls}`\n" in markdown.report(result | {"samples": clear})


class Elements(html.parser.HTMLParser):
    """The names of elements and attributes, having checked that the elements close in order."""

    VOID = ("meta", "line", "circle", "rect", "polyline")

    def __init__(self, text: str):
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += attrs
        if tag not in self.VOID or (tag != "meta" and not self.get_starttag_text().endswith("/>")):
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self._open and self._open.pop() == tag, tag


def drawings(text: str) -> list[xml.etree.ElementTree.Element]:
    return [xml.etree.ElementTree.fromstring(each) for each in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def the_page_needs_nothing_else_and_is_well_formed():
    for result in (canned_result(), canned_comparison()):
        text = page.report(result)
        elements = Elements(text)
        assert "script" not in elements.names and "link" not in elements.names and "img" not in elements.names
        assert not [name for name, _ in elements.attributes if name in ("src", "href", "style") and name != "style"]
        assert "://" not in text and "url(" not in text and "<b>" not in text
        assert drawings(text)
        for drawing in drawings(text):
            for element in drawing.iter():
                for name, value in element.attrib.items():
                    assert "nan" not in value and "inf" not in value.split(), (element.tag, name, value)


def every_figure_lies_within_its_drawing():
    for result in (canned_result(), canned_comparison()):
        for drawing in drawings(page.report(result)):
            _, _, width, height = map(float, drawing.get("viewBox").split())
            for element in drawing.iter():
                for name in ("x", "cx", "x1", "x2"):
                    assert 0 <= float(element.get(name, 0)) <= width, (element.tag, element.attrib)
                for name in ("y", "cy", "y1", "y2"):
                    assert 0 <= float(element.get(name, 0)) <= height, (element.tag, element.attrib)


def bars_are_as_long_as_the_ratios():
    rows = [{"name": str(ratio), "colour": "s0", "ratio": ratio, "low": ratio, "high": ratio, "note": "", "marks": ""} for ratio in (1.0, 2.0, 0.5)]
    drawing = xml.etree.ElementTree.fromstring(plots.bars(rows, "bars"))
    widths = [float(element.get("width")) for element in drawing.iter("rect")]
    assert abs(widths[1] / widths[0] - 2) < 0.01 and abs(widths[2] / widths[0] - 0.5) < 0.01, widths


def a_very_slow_server_leaves_the_bars_of_the_others_long_enough():
    rows = [{"name": "n" * 40, "colour": "s0", "ratio": ratio, "low": ratio, "high": ratio, "note": "", "marks": ""} for ratio in (1.0, 3000.0)]
    drawing = xml.etree.ElementTree.fromstring(plots.bars(rows, "bars"))
    widths = [float(element.get("width")) for element in drawing.iter("rect")]
    assert abs(widths[1] / widths[0] - plots.MOST_TIMES) < 0.1 and "n" * 40 not in plots.bars(rows, "bars").replace("<title>" + "n" * 40, "")
    assert any(element.get("class") == "gap" for element in drawing.iter()), "it shows that it is cut off"


def the_report_of_a_comparison_names_what_is_slower():
    result = canned_comparison()
    assert markdown.headline(result) == "slower than base: http"
    assert "Slower than base: http." in page.report(result)
    assert re.search(r"^\| http +\| slower ", markdown.report(result), re.MULTILINE)


def numbers_are_written_as_people_read_them():
    assert [plots.number(value) for value in (12345.6, 123.4, 12.34, 1.234)] == ["12,346", "123", "12.3", "1.23"]
    assert [plots.duration(value) for value in (500, 1500, 25_000, 2e6, 3e9)] == ["500 ns", "1.5 µs", "25 µs", "2 ms", "3 s"]
    assert [markdown.percent(value) for value in (1.05, 0.99, 1.00001)] == ["+5.0%", "-1.0%", "0.0%"]
    assert progress.spoken(61) == "1 min 01 s" and progress.spoken(-3) == "0 s"


# --- the command -----------------------------------------------------------------------------------------


def suite(*arguments: str, prefix: tuple[str, ...] = (), seconds: float = 120) -> subprocess.CompletedProcess:
    command = [*prefix, sys.executable, str(SUITE), "--build", str(BUILD), *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)


def complaint(*arguments: str, prefix: tuple[str, ...] = ()) -> str:
    """The one line that the command ends with, having written no report."""
    with tempfile.TemporaryDirectory() as directory:
        old = pathlib.Path(directory) / "report.json"
        old.write_text("of before")
        words = arguments if "--output" in arguments else (*arguments, "--output", directory)
        ended = suite(*words, prefix=prefix)
        assert ended.returncode in (1, 2), (arguments, ended)
        assert ended.stdout == "", ended.stdout
        assert os.listdir(directory) == ["report.json"] and old.read_text() == "of before", os.listdir(directory)
    lines = [line for line in ended.stderr.splitlines() if not re.match(r"(round|pair) \d", line)]
    assert len(lines) == 1 and lines[0].startswith("bench: "), lines
    return lines[0]


def of_one(server: str) -> tuple[str, ...]:
    """Flags that measure this server alone, shortly."""
    name = server.partition("=")[0]
    alone = ("--without", "bare_epoll", "--without", "bare_libuv", "--without", "tidewire", "--reference", name)
    return ("--server", server, *alone, "--rounds", "1", "--seconds", "2", "--workload", "http")


def bad_flags_are_one_line():
    assert "nope" in complaint("--workload", "nope")
    assert "--nope" in complaint("--nope")
    assert "NAME=COMMAND" in complaint("--server", "just-a-name")
    assert "{port}" in complaint("--server", "name=command")
    assert "no program /nonexistent" in complaint("--server", "gone=/nonexistent --port {port}")
    assert "two servers" in complaint("--server", "tidewire=true {port}")
    assert "no server 'nobody'" in complaint("--reference", "nobody")
    assert "no server 'nobody'" in complaint("--without", "nobody")
    assert "rounds" in complaint("--rounds", "0")
    assert "seconds" in complaint("--seconds", "nan")
    assert "no revision" in complaint("--compare", "no-such-revision")
    assert "--peers" in complaint("--compare", "HEAD", "--peers")
    assert "--output" in complaint("--output")


def one_core_is_too_few():
    core = str(min(os.sched_getaffinity(0)))
    assert "only one here" in complaint(prefix=("taskset", "-c", core))


def a_directory_that_cannot_be_written_is_found_first():
    assert "cannot write to /dev/null/x" in complaint("--output", "/dev/null/x")


def a_server_that_does_not_start_is_named_with_its_last_words():
    said = complaint(*of_one("mute=sh -c 'echo no such luck >&2; exit 3' {port}"))
    assert "mute does not listen" in said and "no such luck" in said, said


def a_server_that_answers_wrongly_is_named():
    said = complaint(*of_one(f"wrong={sys.executable} -m http.server --bind 127.0.0.1 {{port}}"))
    assert "http, wrong: " in said, said


def a_server_that_dies_in_the_middle_is_named():
    said = complaint(*of_one(f"mortal=timeout --signal=KILL 1 {ECHO_SERVER} --port {{port}}"))
    assert "http, mortal: " in said and "SIGKILL" in said, said


def what_no_server_can_do_is_one_line():
    text = complaint("--without", "tidewire", "--reference", "bare_epoll", "--workload", "echo-1k-deflate")
    assert text == "bench: none of these servers plays any of these workloads", text


def without_openssl_there_is_one_line():
    with tempfile.TemporaryDirectory() as directory:
        (pathlib.Path(directory) / "openssl").write_text("#!/bin/sh\necho no entropy >&2\nexit 1\n")
        (pathlib.Path(directory) / "openssl").chmod(0o755)
        text = complaint(*of_one(f"able={ECHO_SERVER} --port {{port}} {{tls}}")[:-1], "echo-20-tls", prefix=("env", f"PATH={directory}:{os.environ['PATH']}"))
    assert text == "bench: openssl made no certificate: no entropy", text


def the_list_names_all_workloads():
    ended = suite("--list")
    assert ended.returncode == 0
    for workload in workloads.all_workloads():
        assert workload.name in ended.stdout


def a_short_run_writes_whole_reports():
    with tempfile.TemporaryDirectory() as directory:
        ended = suite(
            "--workload", "http", "--workload", "echo-20", "--rounds", "2", "--seconds", "0.1", "--output", directory,
            "--server", f"again={ECHO_SERVER} --port {{port}}", "--without", "bare_libuv",
        )  # fmt: skip
        assert ended.returncode == 0, ended
        names = ["report.html", "report.json", "report.md", "report.svg"]
        assert sorted(os.listdir(directory)) == names
        assert all(f"{directory}/{name}" in ended.stdout.splitlines()[-1] for name in names), ended.stdout
        result = json.loads((pathlib.Path(directory) / "report.json").read_text())
        order = [(each["round"], each["workload"], each["server"]) for each in result["samples"]]
        servers = ["bare_epoll", "tidewire", "again"]
        assert order == [(turn, workload, server) for turn in (1, 2) for workload in ("echo-20", "http") for server in servers], order
        assert all(each["load"]["server_cpu_ns_per_message"] > 0 for each in result["samples"])
        assert result["made"]["build"]["buildtype"] and result["made"]["machine"]["libraries"]["libuv"]
        for server in servers:
            assert f"| {server}" in ended.stdout
        Elements((pathlib.Path(directory) / "report.html").read_text())
        picture = (pathlib.Path(directory) / "report.svg").read_text()
        assert picture.startswith("<svg xmlns=") and all(f">{server}<" in picture for server in servers)


def a_short_run_over_tls_tells_what_was_agreed():
    if not servers.tidewire(BUILD).speaks_tls:
        print("skipped: echo_server does not speak TLS")
        return
    with tempfile.TemporaryDirectory() as directory:
        chosen = ("--workload", "echo-20-tls", "--workload", "connect-tls-resumed", "--rounds", "1", "--seconds", "0.1")
        ended = suite(*chosen, "--output", directory)
        assert ended.returncode == 0, ended
        result = json.loads((pathlib.Path(directory) / "report.json").read_text())
        taken = [(each["workload"], each["server"], each["load"]["tls"]["resumed"]) for each in result["samples"]]
        assert taken == [("echo-20-tls", "tidewire", False), ("connect-tls-resumed", "tidewire", True)], taken
        assert "` with TLSv1.3, TLS_" in (pathlib.Path(directory) / "report.md").read_text()


CASES = (
    the_cut_of_signed_ranks_is_that_of_the_published_tables,
    an_interval_holds_the_centre_and_ignores_one_wild_value,
    spreads_are_of_the_middle_half,
    identical_code_raises_no_alarm_in_200_comparisons,
    a_shift_of_5_percent_is_found_in_50_of_50_comparisons_and_named_alone,
    a_gain_of_15_percent_is_called_faster_but_where_it_is_soon_known_to_be_no_loss,
    a_shift_of_1_percent_is_no_alarm,
    pairs_alternate_which_comes_first,
    quiet_workloads_take_fewer_pairs_than_noisy_ones,
    counted_instructions_name_what_time_cannot_resolve,
    memory_is_slower_when_every_run_takes_more,
    servers_take_turns_and_memory_is_measured_less_often,
    only_servers_that_compress_play_what_is_compressed_and_are_told_to,
    what_a_workload_says_of_tidewires_server_alone_others_are_not_told,
    only_servers_that_speak_tls_play_what_wants_it_and_are_given_the_certificate,
    the_certificate_is_of_localhost_and_goes_with_the_run,
    progress_tells_the_time_left_at_the_pace_so_far,
    the_summary_has_medians_and_ratios_within_rounds,
    the_json_reads_back_as_it_was,
    the_markdown_has_a_row_for_each_workload_and_server,
    sizes_on_the_wire_are_told_of_what_is_compressed,
    the_tls_that_servers_agreed_to_is_told_with_them,
    the_page_needs_nothing_else_and_is_well_formed,
    every_figure_lies_within_its_drawing,
    bars_are_as_long_as_the_ratios,
    a_very_slow_server_leaves_the_bars_of_the_others_long_enough,
    the_report_of_a_comparison_names_what_is_slower,
    numbers_are_written_as_people_read_them,
    bad_flags_are_one_line,
    one_core_is_too_few,
    a_directory_that_cannot_be_written_is_found_first,
    a_server_that_does_not_start_is_named_with_its_last_words,
    a_server_that_answers_wrongly_is_named,
    a_server_that_dies_in_the_middle_is_named,
    what_no_server_can_do_is_one_line,
    without_openssl_there_is_one_line,
    the_list_names_all_workloads,
    a_short_run_writes_whole_reports,
    a_short_run_over_tls_tells_what_was_agreed,
)


if __name__ == "__main__":
    sys.exit(run_cases((spoken(case), case) for case in CASES))
