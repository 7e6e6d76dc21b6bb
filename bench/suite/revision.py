"""Another revision of the sources, built beside these: below build/bench/revisions, in a folder that its commit names.

Only the server is built of it. The load generator is the one of here, so that both are measured by the same.
"""

import os
import pathlib
import shutil
import subprocess

from failure import Failed
from machine import ROOT, said_by

# As `./dev build` configures a release.
OPTIONS = ("--buildtype=release", "-Db_lto=true", "-Dpkgconfig.relocatable=true")
TARGET = "examples/echo_server"


def commit_of(revision: str) -> str:
    found = said_by("git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not found:
        raise Failed(f"git knows no revision '{revision}'")
    return found


def run(what: str, command: list[str], log: pathlib.Path) -> None:
    with log.open("ab") as output:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    if result.returncode != 0:
        raise Failed(f"cannot {what}; see {log}")


def export(commit: str, directory: pathlib.Path, log: pathlib.Path) -> None:
    """The sources of a commit, without git's own files, so that no other worktree knows of it."""
    archive = directory / "source.tar"
    run(f"export {commit[:12]}", ["git", "-C", str(ROOT), "archive", "--format=tar", f"--output={archive}", commit], log)
    (directory / "source").mkdir()
    run(f"unpack {commit[:12]}", ["tar", "-xf", str(archive), "-C", str(directory / "source")], log)
    archive.unlink()


def compiler() -> str:
    """What makes a build of before useless when it changes."""
    words = (os.environ.get("CXX") or "c++").split()
    return " ".join([*words, said_by(*words, "--version") or "", *OPTIONS])


def built(revision: str) -> tuple[str, pathlib.Path]:
    """(commit, build directory) of a revision; from the cache when the same compiler built it before."""
    commit = commit_of(revision)
    directory = ROOT / "build/bench/revisions" / commit[:12]
    stamp, build, log = directory / "built", directory / "build", directory / "log"
    if stamp.exists() and stamp.read_text() == compiler() and (build / TARGET).exists():
        return commit, build
    shutil.rmtree(directory, ignore_errors=True)
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        raise Failed(f"cannot write to {directory}: {error.strerror}") from error
    print(f"building {commit[:12]} in {build.relative_to(ROOT)}", flush=True)
    export(commit, directory, log)
    run(f"configure {commit[:12]}", ["meson", "setup", str(build), str(directory / "source"), *OPTIONS], log)
    run(f"build {commit[:12]}", ["ninja", "-C", str(build), TARGET], log)
    stamp.write_text(compiler())
    return commit, build
