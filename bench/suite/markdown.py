"""The report as Markdown, which is also what a terminal shows of it."""

from collections.abc import Sequence

import plots

REMARKS = {
    "not_saturated": ("*", "the server lacked work in most runs: its time includes falling asleep and waking"),
    "disturbed": ("+", "other processes used the same cores in most runs: the figure is noisier"),
}
ABOUT_RATIOS = "Ratios are medians of those within each round; the spread is that of the middle half, to each side."


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """The first `left` columns are words, the others figures. Aligned to be read as it is."""
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]

    def joined(line: Sequence[str]) -> str:
        cells = [cell.ljust(width) if column < left else cell.rjust(width) for column, (cell, width) in enumerate(zip(line, widths))]
        return "| " + " | ".join(cells) + " |"

    rule = "| " + " | ".join("-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)) + " |"
    return "\n".join([joined(head), rule, *map(joined, rows)]) + "\n"


def marks(entry: dict) -> str:
    return "".join(mark for key, (mark, _) in REMARKS.items() if entry.get(key))


def latency_words(entry: dict) -> list[str]:
    latency = entry.get("latency") or {}
    return [plots.duration(latency[key]) if key in latency else "" for key in ("p50_ns", "p99_ns", "p999_ns")]


def figure(entry: dict) -> str:
    return f"{plots.number(entry['median'])} {entry['unit']}"


def spread(entry: dict) -> str:
    return f"{entry['spread'] * 100:.1f}%" if entry["runs"] > 1 else ""


def figure_rows(result: dict) -> list[list[str]]:
    rows, last = [], None
    for entry in result["summary"]:
        name = entry["workload"] if entry["workload"] != last else ""
        last = entry["workload"]
        ratio = f"{entry['ratio']:.3f}" if entry["ratio"] is not None else ""
        speed = f"{entry['messages_per_second']:,.0f}" if "messages_per_second" in entry else ""
        rows.append([name, entry["server"] + marks(entry), figure(entry), spread(entry), ratio, speed, *latency_words(entry)])
    return rows


def figures_table(result: dict) -> str:
    head = ["workload", "server", "cost of a message", "spread", f"to {result['settings']['reference']}", "a second", "p50", "p99", "p99.9"]
    return table(head, figure_rows(result), left=2)


WIRE_HEAD = ["workload", "server", "text", "reply", "to zlib"]
ABOUT_WIRE = "What compressed replies take on the wire, header included, and in times of what zlib makes of them at level 6."


def wire_rows(result: dict) -> list[list[str]]:
    """Of replies that are compressed."""
    rows, last = [], None
    for entry in result["summary"]:
        if "deflate" not in entry:
            continue
        name = entry["workload"] if entry["workload"] != last else ""
        last, deflate = entry["workload"], entry["deflate"]
        sizes = [f"{deflate[key]:,.0f} B" for key in ("text_bytes", "reply_bytes")]
        rows.append([name, entry["server"], *sizes, f"{deflate['reply_to_zlib']:.3f}"])
    return rows


def wire_table(result: dict) -> str:
    rows = wire_rows(result)
    return table(WIRE_HEAD, rows, left=2) if rows else ""


def remarks(result: dict) -> list[str]:
    return [f"{mark} {meaning}" for key, (mark, meaning) in REMARKS.items() if any(entry.get(key) for entry in result["summary"])]


def percent(ratio: float) -> str:
    shown = f"{(ratio - 1) * 100:+.1f}%"
    return "0.0%" if shown in ("+0.0%", "-0.0%") else shown


def interval(verdict: dict) -> str:
    if verdict["low"] is None or verdict["high"] is None:
        return "unknown"
    return f"{percent(verdict['low'])} to {percent(verdict['high'])}"


def verdict_head(result: dict) -> list[str]:
    return ["workload", "verdict", "change", "interval", "pairs", result["settings"]["base"], "here", "instructions"]


def verdict_row(verdict: dict) -> list[str]:
    costs = [f"{plots.number(verdict[side])} {verdict['unit']}" for side in ("base", "here")]
    counted = percent(verdict["instructions"]) if verdict["instructions"] else ""
    return [verdict["workload"], verdict["verdict"], percent(verdict["ratio"]), interval(verdict), str(verdict["pairs"]), *costs, counted]


def counted_note(verdict: dict) -> str:
    """Where the instructions decided."""
    by_count = verdict["verdict"] == "slower" and not verdict["slower_in_time"] and verdict["instructions"]
    return f" in time, {percent(verdict['instructions'])} instructions" if by_count else ""


def verdicts_table(result: dict) -> str:
    return table(verdict_head(result), [verdict_row(verdict) for verdict in result["verdicts"]], left=2)


def headline(result: dict) -> str:
    """What a comparison found, in one line."""
    slower = [each["workload"] for each in result["verdicts"] if each["verdict"] == "slower"]
    unsure = [each["workload"] for each in result["verdicts"] if each["verdict"] == "not resolved"]
    base = result["settings"]["base"]
    said = f"slower than {base}: {', '.join(slower)}" if slower else f"no workload is slower than {base}"
    return said + (f"; not resolved: {', '.join(unsure)}" if unsure else "")


def source(made: dict) -> str:
    name = made["source"]["commit"]
    if not name:
        return "of unknown commit"
    return f"commit {name[:12]}" + (", with changes" if made["source"]["dirty"] else "")


def facts(result: dict) -> list[tuple[str, str]]:
    """How the figures came about: name and value."""
    made, settings = result["made"], result["settings"]
    machine, build = made["machine"], made["build"]
    libraries = ", ".join(f"{name} {version or '(unknown)'}" for name, version in machine["libraries"].items())
    virtual = ", virtual" if machine["virtual"] else ""
    return [
        ("date", machine["date"]),
        ("sources", source(made)),
        ("processor", f"{machine['cpu']}, {machine['cores']} cores{virtual}"),
        ("kernel", machine["kernel"]),
        ("compiler", build["compiler"] or "unknown"),
        ("build", f"{build['buildtype']}{', LTO' if build['lto'] else ''}: {' '.join(build['flags'])}"),
        ("libraries", libraries),
        ("runs", settings["runs"]),
    ]


def servers(result: dict) -> list[tuple[str, str, str]]:
    """Name, command, and the TLS that it agreed to."""
    agreed: dict[str, list[str]] = {}
    for sample in result["samples"]:
        if tls := sample["load"].get("tls"):
            said, known = f"{tls['version']}, {tls['cipher']}", agreed.setdefault(sample["server"], [])
            known += [] if said in known else [said]
    return [(server["name"], server["command"], " and ".join(agreed.get(server["name"], []))) for server in result["servers"]]


def report(result: dict) -> str:
    parts = ["# Tidewire: bench\n"]
    if "verdicts" in result:
        settings = result["settings"]
        parts += [headline(result).capitalize() + ".\n", verdicts_table(result), settings["rule"] + "\n"]
    else:
        parts += ["CPU time of the server per message, and memory per idle connection. " + ABOUT_RATIOS + "\n"]
        parts += ["![what a message costs each server](report.svg)\n", figures_table(result), "".join(f"{line}\\\n" for line in remarks(result))]
        if wire := wire_table(result):
            parts += [ABOUT_WIRE + "\n", wire]
    parts += ["## How it was measured\n", table(["what", ""], [list(fact) for fact in facts(result)], left=2)]
    parts += ["Servers:\n", "".join(f"- {name}: `{command}`{tls and f' with {tls}'}\n" for name, command, tls in servers(result))]
    return "\n".join(parts)


def for_terminal(result: dict) -> str:
    if "verdicts" in result:
        return verdicts_table(result)
    wire = wire_table(result)
    return figures_table(result) + "".join(f"{line}\n" for line in remarks(result)) + (f"\n{ABOUT_WIRE}\n{wire}" if wire else "")
