"""What the checks know of the tree."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = ["core", "transport", "tls", "http", "websocket"]
CODE = [*LAYERS, "examples", "bench", "tests"]


def sources(*folders: str, suffixes: tuple[str, ...] = (".h", ".cc")) -> list[pathlib.Path]:
    """The sources below these folders of the tree, in order."""
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in suffixes and "node_modules" not in path.parts
    )


def named(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))
