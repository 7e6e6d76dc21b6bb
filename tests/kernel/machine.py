"""A run of one program in a virtual machine, whose processor is emulated: no machine is without that."""

import dataclasses
import pathlib
import subprocess

import debian
from initramfs import initramfs

HERE = pathlib.Path(__file__).resolve().parent
# From the machine's start to its end. A guest has booted after some five seconds, on a processor that is not shared.
SECONDS = 200
MACHINE = [
    "qemu-system-x86_64",
    *("-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "2G"),
    *("-nodefaults", "-no-user-config", "-display", "none", "-nic", "none", "-no-reboot"),
]
# A kernel that finds itself in error restarts, which `-no-reboot` makes the end. No guest has secrets to keep from its
# program, and guarding them takes time.
PARAMETERS = "console=ttyS0 quiet oops=panic panic=-1 mitigations=off"


@dataclasses.dataclass(frozen=True)
class Outcome:
    status: int | None  # How the program ended, or nothing when it did not.
    ended: str  # The same in words.
    output: str  # What the program printed.
    console: str  # What the emulator, the kernel and guest.sh complained of.


def run(
    kernel: debian.Kernel, command: list[str], environment: dict[str, str], folder: pathlib.Path, work: pathlib.Path
) -> Outcome:
    """Runs a command in a folder of that name. The files of the run stay in `work`, but for the large one."""
    archive = work / "initramfs"
    archive.write_bytes(initramfs(command, environment, folder, HERE / "guest.sh", kernel.modules))
    machine = [*MACHINE, "-kernel", str(kernel.image), "-initrd", str(archive), "-append", PARAMETERS]
    ports = [work / name for name in ("console", "output", "progress")]  # In the order of guest.sh.
    for port in ports:
        port.write_bytes(b"")
        machine += ["-serial", f"file:{port}"]
    try:
        complaint, in_time = emulated(machine)
    finally:
        archive.unlink()
    console, output, progress = (port.read_text(errors="replace") for port in ports)
    lines = [line for line in (complaint + console).splitlines() if not line.endswith("reboot: Power down")]
    status, ended = understood(progress.split(), in_time)
    return Outcome(status=status, ended=ended, output=output, console="\n".join(lines))


def emulated(machine: list[str]) -> tuple[str, bool]:
    """What the emulator printed, and whether it ended in time. However this ends, it leaves no machine behind."""
    child = subprocess.Popen(
        machine, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    try:
        return child.communicate(timeout=SECONDS)[0], True
    except subprocess.TimeoutExpired:
        child.kill()
        return child.communicate()[0], False
    finally:
        child.kill()


def understood(progress: list[str], in_time: bool) -> tuple[int | None, str]:
    """The program's status, and how it ended, from what guest.sh wrote: `started`, then `ended STATUS`."""
    if progress[1:2] == ["ended"] and len(progress) == 3:
        return int(progress[2]), f"status {progress[2]}"
    who = "the program did not end" if progress else "the guest did not boot"
    return None, f"{who} within {SECONDS} s" if not in_time else f"{who}, the machine stopped"
