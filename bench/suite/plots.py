"""Plots as SVG, from numbers alone. Colours are classes that the page defines (`s0`, `s1`... for the servers), so that
one drawing serves light and dark. All are WIDTH units wide: a card of the page is about as many pixels.
"""

import html
import math
from collections.abc import Callable, Sequence

WIDTH = 360
ROW = 24
NAME_WIDTH = 7  # of a letter, about
LONGEST_NAME = 16
MOST_TIMES = 5  # A longer bar is cut off, so that those about 1 can still be told apart.


def number(value: float) -> str:
    """Three digits or more: 12,345  123  12.3  1.23"""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def times(ratio: float) -> str:
    return f"{ratio:.0f} ×" if ratio >= 100 else f"{ratio:.1f} ×" if ratio >= 10 else f"{ratio:.2f} ×"


def duration(ns: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            value = ns / size
            return f"{value:.0f} {unit}" if value >= 10 or value == round(value) else f"{value:.1f} {unit}"
    return f"{ns:.0f} ns"


def tag(name: str, content: str | None = None, /, **attributes) -> str:
    """An element; `class_` stands for class, and _ in names for -."""
    words = [name]
    for key, value in attributes.items():
        shown = f"{value:.1f}" if isinstance(value, float) else html.escape(str(value))
        words.append(f'{key.removesuffix("_").replace("_", "-")}="{shown}"')
    return f"<{' '.join(words)}/>" if content is None else f"<{' '.join(words)}>{content}</{name}>"


def text(x: float, y: float, content: str, class_: str = "", anchor: str = "start", **attributes) -> str:
    return tag("text", html.escape(content), x=float(x), y=float(y), class_=f"t {class_}".strip(), text_anchor=anchor, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    return tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


def drawing(parts: Sequence[str], height: float, label: str, width: float = WIDTH) -> str:
    inner = tag("title", html.escape(label)) + "".join(parts)
    return tag("svg", inner, viewBox=f"0 0 {width:g} {height:g}", role="img", class_="plot")


def round_steps(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round numbers from low to high: multiples of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def shown(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def name_column(rows: Sequence[dict]) -> float:
    """Where what the names stand before begins."""
    return 12 + NAME_WIDTH * max(len(shown(row["name"])) for row in rows)


def scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def bars(rows: Sequence[dict], label: str) -> str:
    """Ratios as bars from 0, with a line at 1; what is above MOST_TIMES is cut off, with a gap before its end. A row:
    name, colour, ratio, low, high, note, marks.
    """
    left, right = name_column(rows), WIDTH - 130
    top = 4
    largest = max(max(row["high"], row["ratio"]) for row in rows)
    end = min(max(largest, 1.0) * 1.02, MOST_TIMES)
    x = scale(0, end, left, right)
    height = top + len(rows) * ROW + 4
    parts = []
    for index, row in enumerate(rows):
        y = top + index * ROW
        middle = y + ROW / 2
        spread = f"{row['name']}: {times(row['ratio'])}, middle half {times(row['low'])} to {times(row['high'])}"
        width = max(x(min(row["ratio"], end)) - left, 1.0)
        bar = tag("rect", x=float(left), y=y + 4.0, width=width, height=ROW - 8.0, rx=3, class_=row["colour"])
        if row["ratio"] > end:
            on_top = line(right - 14, y + ROW - 2, right - 8, y + 2, "gap")
        else:
            on_top = line(x(row["low"]), middle, x(min(row["high"], end)), middle, "whisker")
        parts.append(tag("g", tag("title", html.escape(spread)) + bar + on_top))
        parts.append(text(left - 8, middle + 4, shown(row["name"]), "name", "end"))
        parts.append(text(right + 50, middle + 4, times(row["ratio"]), "value", "end"))
        parts.append(text(WIDTH - 14, middle + 4, row["note"], "quiet", "end"))
        parts.append(text(WIDTH - 13, middle + 4, row["marks"], "quiet"))
    parts.append(line(x(1.0), top, x(1.0), height - 4, "one"))
    return drawing(parts, height, label)


def samples(rows: Sequence[dict], unit: str, label: str) -> str:
    """Every run as a dot, in order from top to bottom; behind them the box of the middle half, and the median. A row:
    name, colour, values, low, median, high.
    """
    left, right, row_height = name_column(rows), WIDTH - 12, 30
    everything = [value for row in rows for value in row["values"]]
    low, high = min(everything), max(everything)
    margin = (high - low) * 0.04 or high * 0.01
    x = scale(low - margin, high + margin, left, right)
    height = len(rows) * row_height + 24
    parts = []
    for step in round_steps(low - margin, high + margin, 3):
        parts.append(line(x(step), 2, x(step), height - 20, "grid"))
        parts.append(text(x(step), height - 6, number(step) if step < 1000 else f"{step:,.0f}", "quiet", "middle"))
    for index, row in enumerate(rows):
        y = index * row_height + 4
        said = f"{row['name']}: median {number(row['median'])} {unit}, middle half {number(row['low'])} to {number(row['high'])}"
        box = tag("rect", x=x(row["low"]), y=float(y), width=max(x(row["high"]) - x(row["low"]), 1.0), height=row_height - 8.0, rx=3, class_=f"{row['colour']} box")
        middle = line(x(row["median"]), y, x(row["median"]), y + row_height - 8, f"median {row['colour']}-line")
        parts.append(tag("g", tag("title", html.escape(said)) + box + middle))
        parts.append(text(left - 8, y + (row_height - 8) / 2 + 4, shown(row["name"]), "name", "end"))
        count = len(row["values"])
        for place, value in enumerate(row["values"]):
            spread = (place + 0.5) / count * (row_height - 14) + 3
            parts.append(tag("circle", cx=x(value), cy=y + spread, r=2.4, class_=row["colour"]))
    return drawing(parts, height, label)


def quantile_place(quantile: float) -> float:
    """Each nine takes the same room: 0 -> 0, 0.9 -> 1, 0.99 -> 2, 0.999 -> 3."""
    return -math.log10(max(1 - quantile, 1e-4))


def log_steps(low: float, high: float) -> list[float]:
    """Round numbers from 10^low to 10^high: the fewer decades these are, the more of each."""
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        found = [factor * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for factor in factors]
        found = [step for step in found if low <= math.log10(step) <= high]
        if len(found) >= 4:
            break
    return found


def latency(series: Sequence[dict], label: str) -> str:
    """Latency over quantiles, both by powers of ten. A series: name, colour, curve as [quantile, ns]."""
    left, right, top, bottom = 46, WIDTH - 10, 8, 196
    drawn = [(each, [(quantile_place(q), max(ns, 1.0)) for q, ns in each["curve"] if q < 1]) for each in series]
    everything = [ns for _, points in drawn for _, ns in points]
    low, high = math.log10(min(everything)) - 0.05, math.log10(max(everything)) + 0.05
    x = scale(0, max(place for _, points in drawn for place, _ in points), left, right)
    y = scale(low, high, bottom, top)
    parts = []
    for mark in (0.5, 0.9, 0.99, 0.999, 0.9999):
        at = x(quantile_place(mark))
        if at <= right + 0.5:
            parts.append(line(at, top, at, bottom, "grid"))
            parts.append(text(at, bottom + 16, f"{mark * 100:g}%", "quiet", "end" if at > right - 14 else "middle"))
    for step in log_steps(low, high):
        at = y(math.log10(step))
        parts.append(line(left, at, right, at, "grid"))
        parts.append(text(left - 6, at + 4, duration(step), "quiet", "end"))
    for each, points in drawn:
        path = " ".join(f"{x(place):.1f},{y(math.log10(ns)):.1f}" for place, ns in points)
        parts.append(tag("polyline", tag("title", html.escape(each["name"])), points=path, class_=f"curve {each['colour']}-line"))
    return drawing(parts, bottom + 24, label)


def glance(rows: Sequence[dict], label: str) -> str:
    parts, height = glance_parts(rows)
    return drawing(parts, height, label)


def glance_parts(rows: Sequence[dict]) -> tuple[list[str], float]:
    """All workloads in one picture: a dot for each server's ratio, by powers of ten. A row: title, dots of (ratio,
    colour, name). Drawn in the width of a phone; names stand above their line. With the height.
    """
    left, right, row_height, top = 12, WIDTH - 12, 40, 26
    everything = [ratio for row in rows for ratio, _, _ in row["dots"]]
    low, high = math.log10(min([*everything, 0.9])) - 0.02, math.log10(max([*everything, 1.12])) + 0.02
    x = scale(low, high, left, right)
    height = top + len(rows) * row_height
    parts = []
    taken = -math.inf
    for mark in (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100):
        at = x(math.log10(mark))
        if left <= at <= right and (at - taken > 34 or mark == 1):
            taken = at
            parts.append(line(at, top - 6, at, height - 6, "one" if mark == 1 else "grid"))
            parts.append(text(at, 14, f"{mark:g} ×", "quiet", "middle"))
    for index, row in enumerate(rows):
        y = top + index * row_height
        parts.append(text(left, y + 13, row["title"], "name over"))
        parts.append(line(left, y + 25, right, y + 25, "rail"))
        for ratio, colour, name in reversed(row["dots"]):
            said = tag("title", html.escape(f"{name}: {times(ratio)}"))
            parts.append(tag("circle", said, cx=x(math.log10(ratio)), cy=y + 25.0, r=5.5, class_=f"dot {colour}"))
    return parts, height


def forest(rows: Sequence[dict], band: float, label: str) -> str:
    """Ratios with their intervals; a band about 1 that counts as nothing, and every pair as a faint dot. A row: title,
    note, colour, ratio, low, high, pairs.
    """
    left, right, row_height, top = 12, WIDTH - 12, 58, 26
    ends = [value for row in rows for value in (row["low"], row["high"], row["ratio"]) if math.isfinite(value) and value > 0]
    reach = min(max([band * 2, *(abs(math.log(value)) for value in ends)]) * 1.1, math.log(3))
    x = scale(-reach, reach, left, right)
    height = top + len(rows) * row_height
    parts = [tag("rect", x=x(-math.log1p(band)), y=top - 6.0, width=x(math.log1p(band)) - x(-math.log1p(band)), height=float(height - top), class_="band")]
    for share in round_steps(math.exp(-reach) - 1, math.exp(reach) - 1, 4):
        at = x(math.log1p(share))
        parts.append(line(at, top - 6, at, height - 6, "one" if abs(share) < 1e-9 else "grid"))
        parts.append(text(at, 14, f"{share * 100:+g}%" if abs(share) > 1e-9 else "same", "quiet", "middle"))

    def inside(value: float) -> float:
        return x(max(-reach, min(reach, math.log(value) if value > 0 else -reach)))

    for index, row in enumerate(rows):
        y = top + index * row_height
        parts.append(text(left, y + 13, row["title"], "name over"))
        parts.append(text(left, y + 29, row["note"], f"over {row['colour']}"))
        for pair in row["pairs"]:
            if abs(math.log(pair)) <= reach:
                parts.append(tag("circle", cx=inside(pair), cy=y + 43.0, r=2.2, class_="pair"))
        parts.append(line(inside(row["low"]), y + 43, inside(row["high"]), y + 43, f"interval {row['colour']}-line"))
        parts.append(tag("circle", cx=inside(row["ratio"]), cy=y + 43.0, r=5.0, class_=f"dot {row['colour']}"))
    return drawing(parts, height, label)
