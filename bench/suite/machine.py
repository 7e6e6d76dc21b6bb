"""What the figures were taken on and from: the machine, the sources, and how they were built."""

import datetime
import json
import os
import pathlib
import platform
import resource
import shlex
import subprocess

from failure import Failed

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARIES = {"libuv": "libuv", "openssl": "openssl", "zlib": "zlib"}  # by their names for pkg-config
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


def introspected(build: pathlib.Path, what: str):
    said = said_by("meson", "introspect", what, str(build))
    return json.loads(said) if said else None


def compile_flags(build: pathlib.Path) -> list[str]:
    """Those of a source of the library, without the names of files and folders."""
    try:
        entries = json.loads((build / "compile_commands.json").read_text())
    except OSError:
        return []
    ours = [entry["command"] for entry in entries if entry["file"].endswith("websocket/protocol.cc")]
    words = shlex.split(ours[0]) if ours else []
    return [word for word in words if word.startswith("-") and not word.startswith(("-I", "-M", "-o", "-c"))]


def build_described(build: pathlib.Path) -> dict:
    options = {option["name"]: option["value"] for option in introspected(build, "--buildoptions") or []}
    compiler = ((introspected(build, "--compilers") or {}).get("host") or {}).get("cpp", {})
    return {
        "compiler": compiler.get("id"),
        "compiler_version": compiler.get("full_version") or compiler.get("version"),
        "buildtype": options.get("buildtype"),
        "lto": options.get("b_lto"),
        "flags": compile_flags(build),
    }
