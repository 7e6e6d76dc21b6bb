"""What the figures were taken on and from: the machine, the sources, and how they were built."""

import datetime
import itertools
import json
import os
import pathlib
import platform
import resource
import shlex
import subprocess

from failure import Failed

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARIES = {"libuv": "libuv", "openssl": "openssl", "zlib": "zlib", "isa-l": "libisal"}  # by their names for pkg-config
NOT_CODE = ("-I", "-M", "-W", "-c", "-fdiagnostics", "-o")
SIBLINGS = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


def said_by(*command: str, cwd: pathlib.Path = ROOT) -> str | None:
    """What a command prints, or None when it is not there or fails."""
    try:
        result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def siblings(core: int) -> str:
    try:
        return pathlib.Path(SIBLINGS.format(core)).read_text().strip()
    except OSError:
        return str(core)


def cores() -> tuple[int, int]:
    """One for the server and one for the load: not two threads of one core, if the machine has others."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise Failed("server and load need a core each, and there is only one here")
    others = [core for core in usable[1:] if siblings(core) != siblings(usable[0])]
    return usable[0], (others or usable[1:])[0]


def allow_open_files(wanted: int) -> None:
    """Servers and load inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise Failed(f"{wanted} files must be open at once, and the limit (ulimit -Hn) is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else hard, hard))


def processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def is_virtual() -> bool:
    return " hypervisor" in pathlib.Path("/proc/cpuinfo").read_text()


def described() -> dict:
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "virtual": is_virtual(),
        "kernel": platform.release(),
        "libraries": {name: said_by("pkg-config", "--modversion", package) for name, package in LIBRARIES.items()},
    }


def commit() -> dict:
    """Which sources these are; without git nobody can tell."""
    name = said_by("git", "rev-parse", "HEAD")
    changes = said_by("git", "status", "--porcelain")
    return {"commit": name, "dirty": bool(changes) if name else None}


def compile_command(build: pathlib.Path) -> list[str]:
    """By which the build compiles a source of the library."""
    try:
        entries = json.loads((build / "compile_commands.json").read_text())
    except OSError:
        return []
    ours = [entry["command"] for entry in entries if entry["file"].endswith("websocket/protocol.cc")]
    return shlex.split(ours[0]) if ours else []


def compiler_described(command: list[str]) -> str | None:
    """The first line of what the compiler says of itself."""
    program = list(itertools.takewhile(lambda word: not word.startswith("-"), command))
    said = said_by(*program, "--version") if program else None
    return said.splitlines()[0] if said else None


def build_described(build: pathlib.Path) -> dict:
    said = said_by("meson", "introspect", "--buildoptions", str(build))
    options = {option["name"]: option["value"] for option in json.loads(said or "[]")}
    command = compile_command(build)
    return {
        "compiler": compiler_described(command),
        "buildtype": options.get("buildtype"),
        "lto": options.get("b_lto"),
        # Those that decide what is compiled: no names of files or folders, and no warnings.
        "flags": [word for word in command if word.startswith("-") and not word.startswith(NOT_CODE)],
    }
