"""The report as one HTML page that needs nothing else: style and plots are in it, and it runs no script."""

import html
import pathlib

import markdown
import plots

STYLE = pathlib.Path(__file__).with_name("page.css")
PLAIN_COLOURS, BARE_COLOURS = 8, 2
VERDICT_COLOURS = {"slower": "bad", "faster": "good", "same": "same", "not resolved": "unsure"}


def colours(servers: list[dict], reference: str) -> dict[str, str]:
    """A class by server: the reference is s0, bare servers are grey."""
    bare = [server["name"] for server in servers if server["bare"]]
    plain = [server["name"] for server in servers if not server["bare"]]
    plain.sort(key=lambda name: name != reference)
    found = {name: f"s{index % PLAIN_COLOURS}" for index, name in enumerate(plain)}
    return found | {name: f"b{index % BARE_COLOURS}" for index, name in enumerate(bare)}


def colour_rules() -> str:
    names = [f"s{i}" for i in range(PLAIN_COLOURS)] + [f"b{i}" for i in range(BARE_COLOURS)] + list(set(VERDICT_COLOURS.values()))
    return "".join(f".{name}{{fill:var(--{name})}}.{name}-line{{stroke:var(--{name})}}" for name in sorted(names))


def card(title: str, content: str, remark: str = "", wide: bool = False) -> str:
    said = f'<p class="remark">{html.escape(remark)}</p>' if remark else ""
    return f'<div class="card{" wide" if wide else ""}"><h3>{html.escape(title)}</h3>{said}{content}</div>'


def section(title: str, about: str, content: str) -> str:
    return f'<section><h2>{html.escape(title)}</h2><p class="quiet-text">{html.escape(about)}</p>{content}</section>'


def table(head: list[str], rows: list[list[str]], words: int = 1, wrap: bool = False) -> str:
    def cells(line: list[str], name: str) -> str:
        kinds = ["words wrap" if wrap and index else "words" if index < words else "" for index in range(len(line))]
        return "".join(f'<{name} class="{kind}">{html.escape(cell)}</{name}>' for kind, cell in zip(kinds, line))

    body = "".join(f"<tr>{cells(line, 'td')}</tr>" for line in rows)
    top = f"<thead><tr>{cells(head, 'th')}</tr></thead>" if head else ""
    return f'<div class="scroll"><table>{top}<tbody>{body}</tbody></table></div>'


class Report:
    """What the sections of a bench report need of the result."""

    def __init__(self, result: dict):
        self.result = result
        self.reference = result["settings"]["reference"]
        self.colours = colours(result["servers"], self.reference)
        self.workloads = result["workloads"]

    def entries(self, workload: dict) -> list[dict]:
        return [entry for entry in self.result["summary"] if entry["workload"] == workload["name"]]

    def values(self, entry: dict) -> list[float]:
        return [
            sample["load"][entry["figure"]]
            for sample in self.result["samples"]
            if sample["workload"] == entry["workload"] and sample["server"] == entry["server"]
        ]

    def legend(self) -> str:
        items = "".join(f'<li><i style="background:var(--{colour})"></i>{html.escape(name)}</li>' for name, colour in self.colours.items())
        return f'<ul class="legend">{items}</ul>'

    def glance_rows(self) -> list[dict]:
        rows = []
        for workload in self.workloads:
            dots = [(entry["ratio"], self.colours[entry["server"]], entry["server"]) for entry in self.entries(workload) if entry["ratio"]]
            if dots:
                rows.append({"title": workload["title"], "dots": sorted(dots, key=lambda dot: dot[2] != self.reference)})
        return rows

    def glance(self) -> str:
        rows = self.glance_rows()
        if not rows:
            return ""
        about = f"What a message costs each server, in times of what it costs {self.reference}. Further left is cheaper."
        return section("At a glance", about, f'{self.legend()}<div class="card wide">{plots.glance(rows, "ratios of all workloads")}</div>')

    def bar_card(self, workload: dict) -> str:
        entries = [entry for entry in self.entries(workload) if entry["ratio"]]
        if not entries:
            return ""
        rows = [
            {"name": entry["server"], "colour": self.colours[entry["server"]], "ratio": entry["ratio"], "low": entry["ratio_quartiles"][0],
             "high": entry["ratio_quartiles"][1], "note": markdown.figure(entry), "marks": markdown.marks(entry)}
            for entry in entries
        ]  # fmt: skip
        return card(workload["title"], plots.bars(rows, f"{workload['title']}: ratios"), f"for one {workload['message']}; {workload['name']}")

    def latency_card(self, workload: dict) -> str:
        series = [
            {"name": entry["server"], "colour": self.colours[entry["server"]], "curve": entry["latency"]["curve"]}
            for entry in self.entries(workload)
            if (entry.get("latency") or {}).get("curve")
        ]
        return card(workload["title"], plots.latency(series, f"{workload['title']}: latency")) if series else ""

    def spread_card(self, workload: dict) -> str:
        rows = [
            {"name": entry["server"], "colour": self.colours[entry["server"]], "values": self.values(entry), "median": entry["median"],
             "low": entry["quartiles"][0], "high": entry["quartiles"][1]}
            for entry in self.entries(workload)
        ]  # fmt: skip
        unit = workload["unit"]
        return card(workload["title"], plots.samples(rows, unit, f"{workload['title']}: every run"), f"{unit} for one {workload['message']}")

    def cards(self, make) -> str:
        made = "".join(map(make, self.workloads))
        return f'{self.legend()}<div class="cards">{made}</div>' if made else ""

    def sections(self) -> list[str]:
        figures = table(
            ["workload", "server", "cost of a message", "spread", f"to {self.reference}", "a second", "p50", "p99", "p99.9"],
            markdown.figure_rows(self.result), words=2,
        )  # fmt: skip
        found = [self.glance()]
        found.append(section("Cost of a message", f"The server's CPU time for a message as bars, in times of that of {self.reference}, and in figures. {markdown.ABOUT_RATIOS}", self.cards(self.bar_card)))
        latency = self.cards(self.latency_card)
        if latency:
            found.append(section("Latency", "From left to right the slower share of the messages: each nine takes the same room. Most workloads keep the server as busy as it can be, so that a message waits for all before it; in those with a rate, latency counts from when a message was due.", latency))
        found.append(section("Every run", "Each dot is a run, in the order they were taken from top to bottom; the box is the middle half, the line the median.", self.cards(self.spread_card)))
        found.append(section("Figures", " ".join(f"{line}." for line in markdown.remarks(self.result)), figures))
        if wire := markdown.wire_rows(self.result):
            found.append(section("Bytes on the wire", markdown.ABOUT_WIRE, table(markdown.WIRE_HEAD, wire, words=2)))
        return found


def comparison_sections(result: dict) -> list[str]:
    titles = {workload["name"]: workload["title"] for workload in result["workloads"]}
    rows = [
        {"title": titles.get(each["workload"], each["workload"]), "note": f"{each['verdict']}: {markdown.percent(each['ratio'])}{markdown.counted_note(each)}",
         "colour": VERDICT_COLOURS[each["verdict"]], "ratio": each["ratio"], "low": each["low"] or 0.0,
         "high": each["high"] or float("inf"), "pairs": each["pair_ratios"]}
        for each in result["verdicts"]
    ]  # fmt: skip
    band = result["settings"]["threshold"]
    picture = f'<div class="card wide">{plots.forest(rows, band, "change of each workload")}</div>'
    about = f"What a message costs here, against {result['settings']['base']}. Further left is cheaper. Faint dots are pairs of runs, the line is the interval."
    figures = table(markdown.verdict_head(result), [markdown.verdict_row(verdict) for verdict in result["verdicts"]], words=2)
    return [section("Change of each workload", about, picture), section("Figures", result["settings"]["rule"], figures)]


def top(result: dict) -> str:
    made = result["made"]
    said = f"{markdown.source(made)} · {made['machine']['date'][:10]} · {made['machine']['cpu']}"
    lines = [f"<h1>{'Tidewire: comparison' if 'verdicts' in result else 'Tidewire: bench'}</h1>", f'<p class="quiet-text">{html.escape(said)}</p>']
    if "verdicts" in result:
        found = {each["verdict"] for each in result["verdicts"]}
        colour = "bad" if "slower" in found else "unsure" if "not resolved" in found else "good"
        lines.append(f'<p class="verdict {colour}-text">{html.escape(markdown.headline(result).capitalize())}.</p>')
    return "".join(lines)


def report(result: dict) -> str:
    sections = comparison_sections(result) if "verdicts" in result else Report(result).sections()
    facts = [list(fact) for fact in markdown.facts(result)] + [[name, command + (tls and f", with {tls}")] for name, command, tls in markdown.servers(result)]
    sections.append(section("How it was measured", "The same in full, with every sample, is in the JSON file beside this page.", table([], facts, words=2, wrap=True)))
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Tidewire: bench</title>'
    body = f"<main>{top(result)}{''.join(sections)}</main>"
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>\n{STYLE.read_text()}{colour_rules()}\n</style></head>\n<body>{body}</body></html>\n'
