"""No source without a purpose: each is named in the meson.build of its folder, or included by one that is."""

import re

from tree import CODE, LAYERS, ROOT, named, sources

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def is_listed(path) -> bool:
    """Whether a meson.build beside the source, or above it within its folder, names it."""
    for folder in path.parents:
        if folder == ROOT:
            return False
        build = folder / "meson.build"
        if not build.exists():
            continue
        relative = str(path.relative_to(folder))
        text = build.read_text()
        stems = {relative, relative.removesuffix(".cc"), relative.removesuffix("_fuzz.cc")}
        if any(f"'{stem}'" in text for stem in stems):
            return True
    return False


def complaints():
    everything = sources(*CODE)
    included = set()
    for path in everything:
        included.update(INCLUDE.findall(path.read_text()))
    for path in everything:
        if "consumer" in path.parts:
            continue  # Projects of their own, which build their sources by their own means.
        in_layer = path.relative_to(ROOT).parts[0] in LAYERS
        if is_listed(path):
            continue
        if path.suffix == ".h" and not in_layer and any(named(path).endswith(name) for name in included):
            continue
        yield f"{named(path)} is in no list; name it in {named(path.parent / 'meson.build')} or remove it"
