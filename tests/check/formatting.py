"""Every C++ source is as clang-format leaves it."""

import subprocess

from tree import CODE, ROOT, named, sources


def complaints():
    paths = [named(path) for path in sources(*CODE)]
    result = subprocess.run(
        ["clang-format", "--dry-run", "--Werror", *paths], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    seen = sorted({line.split(":")[0] for line in result.stderr.splitlines() if "clang-format-violations" in line})
    for path in seen:
        yield f"{path} is not formatted; run ./dev format"
    if result.returncode != 0 and not seen:
        yield f"clang-format failed: {result.stderr.strip()}"
