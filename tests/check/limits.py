"""The numbers of docs/reference/defaults-and-limits.md are those of the headers: each option that a header initialises
with a number stands in the table below its struct's name, with the same value.
"""

import re

from tree import ROOT, named

DOCUMENT = ROOT / "docs" / "reference" / "defaults-and-limits.md"
STRUCTS = {
    "http::ServerOptions": "http/options.h",
    "http::BodyLimits": "http/body.h",
    "websocket::Options": "websocket/options.h",
    "websocket::DeflateOptions": "websocket/deflate_negotiation.h",
    "transport::ListenOptions": "transport/listener.h",
    "PostLimits": "core/post.h",
    "tls::ServerOptions": "tls/context.h",
    "tls::ClientOptions": "tls/context.h",
    "tls::ProtocolOptions": "tls/context.h",
}
UNITS = {"KiB": 1024, "MiB": 1024 * 1024, "s": 1000, "ms": 1, "": 1}
WORDS = {"yes": "true", "no": "false"}

SECTION = re.compile(r"^##+ `([\w:]+)`$(.*?)(?=^##|\Z)", re.M | re.S)
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \|", re.M)
MEMBER = re.compile(r"^  [\w:<>]+ (\w+)(?: =\s*([^;]+)|\{([\d']+)\});", re.M)
NUMBER = re.compile(r"([\d,]+) ?(KiB|MiB|s|ms|)")


def number(expression: str) -> int | str | None:
    """The value of an initialiser that is made of numbers: 16 * 1024, std::size_t{1} << 20, 0660."""
    text = re.sub(r"std::\w+\{(\d+)\}", r"\1", expression).replace("'", "").strip()
    if text in WORDS.values():
        return text
    if re.fullmatch(r"0[0-7]+", text):
        return int(text, 8)
    if not re.fullmatch(r"[\d\s*<]+", text):
        return None
    result = 1
    product, _, shift = text.partition("<<")
    for factor in product.split("*"):
        result *= int(factor)
    return result << int(shift or 0)


def in_headers(struct: str, header: str) -> dict[str, int | str]:
    text = (ROOT / header).read_text()
    body = re.search(rf"^struct {struct.split('::')[-1]} \{{\n(.*?)^\}};", text, re.M | re.S)
    found = {}
    for name, assigned, braced in MEMBER.findall(body.group(1)):
        value = number(assigned or braced)
        if value is not None:
            found[name] = value
    return found


def in_document(section: str) -> dict[str, int | str]:
    found = {}
    for name, text in ROW.findall(section):
        text = text.strip()
        amount = NUMBER.fullmatch(text)
        if text in WORDS:
            found[name] = WORDS[text]
        elif re.fullmatch(r"0[0-7]+", text):
            found[name] = int(text, 8)
        elif amount:
            found[name] = int(amount[1].replace(",", "")) * UNITS[amount[2]]
    return found


def complaints():
    sections = dict(SECTION.findall(DOCUMENT.read_text()))
    for struct, header in STRUCTS.items():
        written = in_document(sections.get(struct, ""))
        real = in_headers(struct, header)
        if not real:
            yield f"{header}: no default of {struct} was understood"
        for name, value in real.items():
            if name not in written:
                yield f"{named(DOCUMENT)}: {struct} lacks `{name}`, which {header} sets to {value}"
            elif written[name] != value:
                yield f"{named(DOCUMENT)}: `{name}` of {struct} is {written[name]} there and {value} in {header}"
        for name in written.keys() - real.keys():
            yield f"{named(DOCUMENT)}: `{name}` is no option of {struct} in {header}"
