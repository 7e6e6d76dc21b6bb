"""Code in the documents is tested code: each ```cpp block, and any other block with such a line above it, equals the
file, or the part of it, that is named there.

    <!-- snippet: examples/ten_lines.cc -->            the whole file
    <!-- snippet: examples/echo_server.cc#routes -->   what stands between two lines `// [routes]`, unindented
"""

import re
import textwrap

from tree import ROOT, named

BLOCK = re.compile(
    r"(?:^<!-- snippet: (?P<source>\S+) -->\n+)?^```(?P<language>[\w+]*)\n(?P<code>.*?)^```$", re.M | re.S
)


def documents():
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))


def part(source: str) -> str | None:
    """The text that a marker names, or nothing."""
    name, _, region = source.partition("#")
    path = ROOT / name
    if not path.is_file():
        return None
    text = path.read_text()
    if not region:
        return text
    pieces = re.split(rf"^[ \t]*// \[{re.escape(region)}\]\n", text, flags=re.M)
    return textwrap.dedent(pieces[1]) if len(pieces) == 3 else None


def without_markers(code: str) -> str:
    return re.sub(r"^[ \t]*// \[\w+\]\n", "", code, flags=re.M).strip("\n")


def complaints():
    for document in documents():
        text = document.read_text()
        for block in BLOCK.finditer(text):
            line = text[: block.start("code")].count("\n")
            place, source = f"{named(document)}:{line}", block["source"]
            if source is None and block["language"] not in ("cpp", "c++"):
                continue
            if source is None:
                yield f"{place}: a C++ block without `<!-- snippet: FILE -->` above it; take it from a compiled file"
            elif (wanted := part(source)) is None:
                yield f"{place}: there is no {source} (a region stands between two lines `// [name]`)"
            elif without_markers(wanted) != without_markers(block["code"]):
                yield f"{place}: differs from {source}; copy the file's text"
