"""The layers hold: core <- transport <- tls <- http <- websocket.

Every header compiles alone with the include roots that the build gives its layer (an installed one without the
internal headers, which an application does not have), and no layer's compiler finds a header of a layer above it. The
roots are those of compile_commands.json: what is proved is the build itself.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess

from tree import LAYERS, ROOT, named, sources

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
# Which sources may include a third party's headers.
ALLOWED = {
    "uv.h": lambda path: path.parts[0] == "core" and is_private(path),
    "openssl/": lambda path: path.parts[0] == "tls" and is_private(path),
    "zlib.h": lambda path: may_compress(path),
    "isa-l": lambda path: may_compress(path),
}


def may_compress(path: pathlib.Path) -> bool:
    return is_private(path) and (path.parts[0] == "http" or named(ROOT / path).startswith("websocket/deflate"))


def installed(layer: str) -> set[str]:
    text = (ROOT / layer / "meson.build").read_text()
    return set(re.findall(r"'([^']+)'", text.split("_internal_headers")[0]))


def is_private(path: pathlib.Path) -> bool:
    """A source, or a header that is not installed."""
    return path.suffix == ".cc" or path.name not in installed(path.parts[0])


def flags_of(layer: str, build: pathlib.Path) -> tuple[pathlib.Path, list[str]] | None:
    """Working directory and command, without input and output, by which the build compiles this layer."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        directory = pathlib.Path(entry["directory"])
        if (directory / entry["file"]).resolve().parent == ROOT / layer:
            words = shlex.split(entry["command"])
            words = words[: words.index("-MD")] if "-MD" in words else words[: words.index("-o")]
            return directory, [word for word in words if word != "ccache"]
    return None


def compiles(directory: pathlib.Path, command: list[str], text: str) -> tuple[bool, str]:
    result = subprocess.run(
        [*command, "-fsyntax-only", "-fdiagnostics-color=never", "-x", "c++", "-"], cwd=directory, input=text, capture_output=True, text=True
    )
    return result.returncode == 0, result.stderr


def spelled(path: pathlib.Path) -> str:
    return f"#include <tidewire/{named(path)}>\n"


def third_party():
    for path in sources(*LAYERS, "examples"):
        inside = path.relative_to(ROOT)
        for quote, name in INCLUDE.findall(path.read_text()):
            if quote == '"':
                yield f'{inside} includes "{name}"; write <tidewire/...>'
            for prefix, allowed in ALLOWED.items():
                # An example is an application, which may have a libuv loop of its own.
                if inside.parts[0] in LAYERS and name.startswith(prefix) and not allowed(inside):
                    yield f"{inside} includes <{name}>; only the sources of another layer may (DESIGN, layers)"


def words():
    for path in sources("http"):
        if "websocket" in path.read_text().lower():
            yield f"{named(path)} says 'websocket'; http knows the word upgrade only"


def proofs(build: pathlib.Path):
    """(what to complain, directory, command, text, whether it must compile)"""
    for rank, layer in enumerate(LAYERS):
        found = flags_of(layer, build)
        if found is None:
            continue
        directory, command = found
        public = [word for word in command if not (word.startswith("-I") and word.endswith("_internal"))]
        for header in sources(layer, suffixes=(".h",)):
            if is_private(header.relative_to(ROOT)):
                yield f"{named(header)} does not compile alone in its layer", directory, command, spelled(header), True
            else:
                text = spelled(header)
                yield f"{named(header)} is installed and does not compile alone", directory, public, text, True
        for above in LAYERS[rank + 1 :]:
            for header in sources(above, suffixes=(".h",))[:1]:
                text = spelled(header)
                yield f"{layer} can include {named(header)} from above it", directory, command, text, False


def complaints(build: pathlib.Path):
    yield from third_party()
    yield from words()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        cases = list(proofs(build))
        results = pool.map(lambda case: compiles(*case[1:4]), cases)
        for (complaint, *_, wanted), (compiled, errors) in zip(cases, results):
            if wanted and not compiled:
                first = next((line for line in errors.splitlines() if "error" in line), errors.strip())
                yield f"{complaint}: {first}"
            elif not wanted and (compiled or "file not found" not in errors and "No such file" not in errors):
                yield f"{complaint}; see the include roots in meson.build"
