#!/usr/bin/env python3
"""Writes the forwarding headers of one layer: ROOT/tidewire/LAYER/x.h, which includes the header in the source tree.

usage: forward_headers.py ROOT LAYER [HEADER...]

They give the tree the spelling that an installed Tidewire has, and a compiler that is given the roots of
some layers only can include nothing from the others. A forwarder is written only when it changes, so that
configuring again rebuilds nothing; one whose header has left the list is removed.
"""

import os
import pathlib
import sys


def main() -> None:
    root, layer, *headers = sys.argv[1:]
    folder = pathlib.Path(root) / "tidewire" / layer
    folder.mkdir(parents=True, exist_ok=True)
    # Relative, so that two clones compile the same text: a compiler cache then serves both.
    wanted = {
        pathlib.Path(header).name: f'#include "{os.path.relpath(pathlib.Path(header).resolve(), folder.resolve())}"\n'
        for header in headers
    }
    for present in folder.iterdir():
        if present.name not in wanted:
            present.unlink()
    for name, text in wanted.items():
        forwarder = folder / name
        if not forwarder.exists() or forwarder.read_text() != text:
            forwarder.write_text(text)


if __name__ == "__main__":
    main()
