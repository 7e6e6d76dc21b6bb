"""The report's first plot as an SVG file of its own, for pages that cannot hold one: Markdown, above all."""

import page
import plots

LINE = 20


def legend(colours: dict[str, str], width: float) -> tuple[list[str], float]:
    """The servers' names with their colours, in as many lines as they need, and the height of these."""
    parts, x, y = [], 12.0, 10.0
    for name, colour in colours.items():
        needed = 18 + plots.NAME_WIDTH * len(name) + 14
        if x + needed > width:
            x, y = 12.0, y + LINE
        parts.append(plots.tag("rect", x=x, y=y - 8, width=11.0, height=11.0, rx=3, class_=colour))
        parts.append(plots.text(x + 16, y + 2, name))
        x += needed
    return parts, y + 14


def report(result: dict) -> str:
    """Empty when there is nothing to compare."""
    found = page.Report(result)
    rows = found.glance_rows()
    if not rows:
        return ""
    names, top = legend(found.colours, plots.WIDTH)
    inner, height = plots.glance_parts(rows)
    style = plots.tag("style", f"{page.STYLE.read_text()}{page.colour_rules()}svg{{background:var(--card)}}")
    body = plots.tag("g", "".join(inner), transform=f"translate(0 {top:g})")
    whole = plots.drawing([style, *names, body], top + height, "what a message costs each server")
    return whole.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n"
