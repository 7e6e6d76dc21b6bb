"""clang-tidy, with .clang-tidy's checks, finds nothing in the layers and the examples.

Outside CI a source is skipped while it is as it was when nothing was found in it: its text, that of the headers of ours
that it includes, its command and the checks.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess

from tree import LAYERS, ROOT

INCLUDE = re.compile(r'^#include ([<"])([^>"]+)[>"]', re.MULTILINE)
FINDING = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+):\d+: (?:warning|error): (?P<what>.*)$", re.MULTILINE)


def tidied(build: pathlib.Path, source: pathlib.Path) -> str:
    result = subprocess.run(
        ["clang-tidy", "--quiet", "-p", str(build), str(source)], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if result.returncode != 0 and not FINDING.search(result.stdout):
        return f"{source}:1:1: error: clang-tidy failed: {result.stderr.strip()}"
    return result.stdout


def include_closure(source: pathlib.Path, seen: set[pathlib.Path]) -> None:
    """Adds to `seen` the source and the headers of this tree that it includes, at any depth."""
    if source in seen or not source.is_file():
        return
    seen.add(source)
    for opening, name in INCLUDE.findall(source.read_text()):
        beside = source.parent / name
        include_closure(beside if opening == '"' else ROOT / name.removeprefix("tidewire/"), seen)
        include_closure(ROOT / "examples" / name, seen)


def fingerprint(source: pathlib.Path, command: str) -> str:
    read = set()
    include_closure(source, read)
    digest = hashlib.sha256((command + (ROOT / ".clang-tidy").read_text()).encode())
    for path in sorted(read):
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


def complaints(build: pathlib.Path):
    entries = json.loads((build / "compile_commands.json").read_text())
    compiled = {(pathlib.Path(entry["directory"]) / entry["file"]).resolve(): entry["command"] for entry in entries}
    chosen = sorted(path for path in compiled if path.relative_to(ROOT).parts[0] in [*LAYERS, "examples"])
    kept = build / "tidy.json"
    now = {str(path): fingerprint(path, compiled[path]) for path in chosen}
    clean = {} if os.environ.get("CI") or not kept.exists() else json.loads(kept.read_text())
    clean = {path: then for path, then in clean.items() if now.get(path) == then}
    found = set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        looked_at = [path for path in chosen if str(path) not in clean]
        for source, output in zip(looked_at, pool.map(lambda source: tidied(build, source), looked_at)):
            here = set()
            for match in FINDING.finditer(output):
                place = (build / match["file"]).resolve()
                if place.is_relative_to(ROOT):
                    here.add(f"{place.relative_to(ROOT)}:{match['line']}: {match['what']}")
            if here:
                found |= here
            else:
                clean[str(source)] = now[str(source)]
    kept.write_text(json.dumps(clean))
    yield from sorted(found)
