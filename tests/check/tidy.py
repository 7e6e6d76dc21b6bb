"""clang-tidy, with .clang-tidy's checks, finds nothing in the layers and the examples."""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess

from tree import LAYERS, ROOT

FINDING = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+):\d+: (?:warning|error): (?P<what>.*)$", re.MULTILINE)


def tidied(build: pathlib.Path, source: pathlib.Path) -> str:
    result = subprocess.run(
        ["clang-tidy", "--quiet", "-p", str(build), str(source)], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if result.returncode != 0 and not FINDING.search(result.stdout):
        return f"{source}:1:1: error: clang-tidy failed: {result.stderr.strip()}"
    return result.stdout


def complaints(build: pathlib.Path):
    entries = json.loads((build / "compile_commands.json").read_text())
    compiled = {(pathlib.Path(entry["directory"]) / entry["file"]).resolve() for entry in entries}
    chosen = sorted(path for path in compiled if path.relative_to(ROOT).parts[0] in [*LAYERS, "examples"])
    found = set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for output in pool.map(lambda source: tidied(build, source), chosen):
            for match in FINDING.finditer(output):
                place = (build / match["file"]).resolve()
                if place.is_relative_to(ROOT):
                    found.add(f"{place.relative_to(ROOT)}:{match['line']}: {match['what']}")
    yield from sorted(found)
