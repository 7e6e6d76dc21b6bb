"""The guest's root: an archive that the kernel unpacks into memory, with a program and what it needs to run.

Debian's kernels for virtual machines have no 9p, by which they would see the host's files. In the archive, these lie
where they do on the host, so that the program finds its libraries as it does there.
"""

import os
import pathlib
import re
import shlex
import shutil
import stat
import subprocess

# What the C library and OpenSSL look up. Names are those of the loopback interface; there is no other.
CONFIGURATION = {
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
}
COPIED = ["/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf", "/etc/services", "/etc/protocols"]
FOLDERS = ["/dev", "/proc", "/root", "/run", "/sys", "/tmp", "/var/tmp"]
LIBRARY = re.compile(r"(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)


class Archive:
    """A cpio archive in the format "newc" of the kernel's Documentation/driver-api/early-userspace/buffer-format."""

    def __init__(self) -> None:
        self._written = bytearray()
        self._names: set[str] = set()

    def folder(self, path: str) -> None:
        if path == "/" or path in self._names:
            return
        self.folder(os.path.dirname(path))
        self._add(path, stat.S_IFDIR | 0o755, b"")

    def file(self, path: str, content: bytes, mode: int = 0o755) -> None:
        if path not in self._names:
            self.folder(os.path.dirname(path))
            self._add(path, stat.S_IFREG | mode, content)

    def link(self, path: str, target: str) -> None:
        self.folder(os.path.dirname(path))
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def finished(self) -> bytes:
        self._add("/TRAILER!!!", 0, b"")
        return bytes(self._written)

    def _add(self, path: str, mode: int, content: bytes) -> None:
        self._names.add(path)
        name = path.removeprefix("/").encode() + b"\0"
        # inode, mode, owner, group, links, time, size, device and its kind of it (four), the name's size, no checksum
        fields = [len(self._names), mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0]
        self._written += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        self._pad()
        self._written += content
        self._pad()

    def _pad(self) -> None:
        self._written += bytes(-len(self._written) % 4)


def libraries(program: pathlib.Path) -> list[str]:
    """The paths of the shared libraries of a program, and of what loads them."""
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    if listed.returncode != 0 or "not found" in listed.stdout:
        raise SystemExit(f"tests/kernel/run: {program}: {(listed.stderr + listed.stdout).strip()}")
    return LIBRARY.findall(listed.stdout)


def script(command: list[str], environment: dict[str, str], folder: pathlib.Path) -> str:
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    return f"{exports}cd {shlex.quote(str(folder))} && exec {shlex.join(command)}\n"


def initramfs(
    command: list[str], environment: dict[str, str], folder: pathlib.Path, init: pathlib.Path, modules: pathlib.Path
) -> bytes:
    """An archive whose init finds busybox, the kernel's modules, and the command as a script of the shell, /program."""
    archive = Archive()
    for path in [*FOLDERS, str(folder)]:
        archive.folder(path)
    archive.file("/init", init.read_bytes())
    archive.file("/program", script(command, environment, folder).encode())
    archive.file("/bin/busybox", pathlib.Path(shutil.which("busybox")).read_bytes())
    # The kernel itself calls modprobe, for the ciphers.
    for name in ("/bin/sh", "/sbin/modprobe"):
        archive.link(name, "/bin/busybox")
    for path in sorted(modules.rglob("*")):
        if path.is_file():
            archive.file(f"/lib/modules/{modules.name}/{path.relative_to(modules)}", path.read_bytes())
    for path, text in CONFIGURATION.items():
        archive.file(path, text.encode(), 0o644)
    for path in [command[0], *libraries(pathlib.Path(command[0])), *COPIED]:
        if os.path.exists(path):
            archive.file(path, pathlib.Path(path).read_bytes())
    return archive.finished()
