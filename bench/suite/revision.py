"""Another revision of the sources, built beside these: below build/bench/revisions, in a folder that its commit names.

The server is built of it as it is. What measures is the same for both, and so of here: the load generator, and the
programs whose instructions are counted, for which bench/ of here takes the place of the revision's own. Those may use
what the revision does not have yet; it is then compared by time alone.
"""

import dataclasses
import filecmp
import os
import pathlib
import shutil
import subprocess

from failure import Failed
from machine import ROOT, said_by

# As `./dev build` configures a release.
OPTIONS = ("--buildtype=release", "-Db_lto=true", "-Dpkgconfig.relocatable=true")
SERVER = "examples/echo_server"
COUNTED = "bench/hot_paths/hot_paths"
# What the counted programs are made of.
MEASURES = ("bench", "tests/support")


@dataclasses.dataclass(frozen=True)
class Revision:
    commit: str
    build: pathlib.Path
    counts: bool  # its build has COUNTED


def commit_of(revision: str) -> str:
    found = said_by("git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not found:
        raise Failed(f"git knows no revision '{revision}'")
    return found


def compiler() -> str:
    """What makes a build of before useless when it changes."""
    words = (os.environ.get("CXX") or "c++").split()
    return " ".join([*words, said_by(*words, "--version") or "", *OPTIONS])


class Workshop:
    """The folder of a revision: its sources, its build and what was said while building."""

    def __init__(self, commit: str):
        self.commit = commit
        self.directory = ROOT / "build/bench/revisions" / commit[:12]
        self.source = self.directory / "source"
        self.build = self.directory / "build"
        self.stamp = self.directory / "built"
        self.log = self.directory / "log"

    def try_to(self, *command: str) -> bool:
        with self.log.open("ab") as output:
            return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output).returncode == 0

    def must(self, what: str, *command: str) -> None:
        if not self.try_to(*command):
            raise Failed(f"cannot {what} {self.commit[:12]}; see {self.log}")

    def is_built(self) -> bool:
        return self.stamp.exists() and self.stamp.read_text() == compiler() and (self.build / SERVER).exists()

    def export(self) -> None:
        """The sources without git's own files, so that git knows of no other worktree."""
        shutil.rmtree(self.source, ignore_errors=True)
        self.source.mkdir()
        archive = self.directory / "source.tar"
        self.must("export", "git", "-C", str(ROOT), "archive", "--format=tar", f"--output={archive}", self.commit)
        self.must("unpack", "tar", "-xf", str(archive), "-C", str(self.source))
        archive.unlink()

    def configure(self) -> bool:
        shutil.rmtree(self.build, ignore_errors=True)
        return self.try_to("meson", "setup", str(self.build), str(self.source), *OPTIONS)

    def build_server(self) -> None:
        """From nothing. With the measures of here if the revision's own build can take them in."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.export()
        bring_measures(self.source)
        if not self.configure():
            self.export()
            if not self.configure():
                raise Failed(f"cannot configure {self.commit[:12]}; see {self.log}")
        self.must("build", "ninja", "-C", str(self.build), SERVER)
        self.stamp.write_text(compiler())

    def build_counted(self) -> bool:
        bring_measures(self.source)
        return self.try_to("ninja", "-C", str(self.build), COUNTED)


def bring_measures(source: pathlib.Path) -> None:
    """Copies what differs, so that what was built of the same is not built again."""
    for name in MEASURES:
        for path in (ROOT / name).rglob("*"):
            target = source / path.relative_to(ROOT)
            if path.is_dir() or "node_modules" in path.parts or "__pycache__" in path.parts:
                continue
            if not target.exists() or not filecmp.cmp(path, target, shallow=False):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


def built(name: str) -> Revision:
    """A revision that git knows by this name; from the cache when the same compiler built it before."""
    workshop = Workshop(commit_of(name))
    try:
        if not workshop.is_built():
            print(f"building {workshop.commit[:12]} in {workshop.build.relative_to(ROOT)}", flush=True)
            workshop.build_server()
        return Revision(workshop.commit, workshop.build, workshop.build_counted())
    except OSError as error:
        raise Failed(f"cannot build {workshop.commit[:12]}: {error}") from error
