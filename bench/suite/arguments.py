"""The flags of `./dev bench`."""

import argparse
import contextlib
import pathlib

from machine import ROOT

DESCRIPTION = """Measures what a message costs servers on this machine in CPU time, and an idle connection in memory.

The server runs on one core and the load on another. Servers take turns over rounds, A B C A B C, a fresh process each
time. At the end stand a table, and the names of the files: every sample as JSON, and the report as Markdown and HTML.
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str):
        self.exit(2, f"bench: {message}\n")


def round_count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of rounds from 1 to 1000")
    return int(text)


def measured_seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0.1 <= float(text) <= 10:
            return float(text)
    raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds from 0.1 to 10")


def parser() -> Parser:
    flags = Parser(prog="./dev bench", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    flags.add_argument("--quick", action="store_true", help="fewer workloads and shorter runs: less than a minute")
    flags.add_argument("--compare", metavar="REV", help="measure another git revision against this tree instead; status 1 when a workload is slower here")
    flags.add_argument("--peers", action="store_true", help="add the servers of bench/peers on other libraries")
    flags.add_argument(
        "--server", action="append", default=[], metavar="NAME=COMMAND",
        help="add a server: its command, in which {port} becomes the port, {deflate} the flags --deflate or --deflate --takeover where it is to compress, and {tls} the flags --tls-certificate FILE --tls-key FILE where it is to speak TLS; it serves /echo, /broadcast and GET /plaintext",
    )  # fmt: skip
    flags.add_argument("--without", action="append", default=[], metavar="NAME", help="leave out a server; may be repeated")
    flags.add_argument("--workload", action="append", default=[], metavar="NAME", help="only this; may be repeated [all]")
    flags.add_argument("--rounds", type=round_count, metavar="N", help="[5; with --quick as many as fit]")
    flags.add_argument("--seconds", type=measured_seconds, metavar="S", help="measured in a run, 0.1 to 10 [1; 0.3 with --quick or --compare]")
    flags.add_argument("--reference", default="tidewire", metavar="NAME", help="the server that ratios are taken to [tidewire]")
    flags.add_argument("--output", type=pathlib.Path, default=ROOT / "build/bench", metavar="DIR", help="where the reports go [build/bench]")
    flags.add_argument("--list", action="store_true", help="name the workloads and the servers, and end")
    flags.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release", metavar="DIR", help="build directory [build/release]")
    return flags


def parsed(words: list[str]) -> argparse.Namespace:
    flags = parser()
    chosen = flags.parse_args(words)
    if chosen.compare is not None:
        for name in ("peers", "server", "without", "rounds"):
            if getattr(chosen, name):
                flags.error(f"--{name} does not go with --compare, which measures two revisions of Tidewire")
        if chosen.reference != "tidewire":
            flags.error("--reference does not go with --compare: the other revision is the reference")
    chosen.build = chosen.build.resolve()
    return chosen
