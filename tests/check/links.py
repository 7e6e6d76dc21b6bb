"""What a document links to in the tree is there."""

import re

from snippets import documents
from tree import named

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)")
HEADING = re.compile(r"^#+ (.+)$", re.M)


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


def complaints():
    for document in documents():
        for target, anchor in LINK.findall(document.read_text()):
            path = (document.parent / target) if target else document
            if not path.exists():
                yield f"{named(document)}: there is no {target}"
            elif anchor and path.suffix == ".md" and anchor[1:] not in anchors(path.read_text()):
                yield f"{named(document)}: {target or 'it'} has no heading {anchor}"
