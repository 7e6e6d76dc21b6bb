"""A server of ours, run for a test."""

import re
import subprocess


class Server:
    """A program that prints a line when it listens, for as long as the `with` lasts."""

    def __init__(self, program, *flags, log=None):
        """`log` is a file for what it says on standard error, where that isn't to be seen."""
        self.command = [program, "--port", "0", *flags]
        self.log = log

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.port = int(re.search(r":(\d+)$", self.process.stdout.readline().strip()).group(1))
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def peak_memory(self) -> int:
        """The most memory that it ever had, in bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"^VmHWM:\s*(\d+) kB$", status.read(), re.MULTILINE).group(1)) * 1024

    def has_loaded(self, library: str) -> bool:
        with open(f"/proc/{self.process.pid}/maps", encoding="utf-8") as maps:
            return library in maps.read()
