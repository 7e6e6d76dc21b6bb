"""The certificate of servers that speak TLS: for localhost, signed by itself, and gone with the run.

The load generator takes any; what kind of key it has decides what a handshake costs. EC P-256 is what most servers have.
"""

import pathlib
import subprocess
import tempfile

from failure import Failed

SECONDS = 60


class Certificate:
    """Two files in a temporary folder, which exists as long as this object."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="tidewire-bench-")
        folder = pathlib.Path(self._folder.name)
        self.file, self.key = folder / "certificate.pem", folder / "key.pem"
        command = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "7",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-out", str(self.file), "-keyout", str(self.key),
        ]  # fmt: skip
        try:
            made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(f"the workloads with TLS need a certificate of the openssl command: {error}") from error
        if made.returncode != 0:
            said = made.stderr.strip().splitlines()
            raise Failed(f"openssl made no certificate{': ' + said[-1] if said else ''}")

    @property
    def flags(self) -> list[str]:
        """By which servers take it."""
        return ["--tls-certificate", str(self.file), "--tls-key", str(self.key)]
