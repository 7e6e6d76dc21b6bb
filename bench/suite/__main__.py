"""`./dev bench`: see arguments.py for what it does, and bench/README.md for how to read what it says."""

import argparse
import dataclasses
import signal
import sys
import time

sys.dont_write_bytecode = True

import arguments  # noqa: E402
import comparison  # noqa: E402
import counting  # noqa: E402
import machine  # noqa: E402
import markdown  # noqa: E402
import page  # noqa: E402
import picture  # noqa: E402
import results  # noqa: E402
import revision  # noqa: E402
import rounds  # noqa: E402
import servers  # noqa: E402
import workloads  # noqa: E402
from certificate import Certificate  # noqa: E402
from failure import Failed  # noqa: E402
from measuring import Bench, Lengths  # noqa: E402

QUICK_ROUNDS, QUICK_SECONDS = 3, 45
SPARE_FILES = 100


def lengths(chosen: argparse.Namespace) -> Lengths:
    if chosen.quick and chosen.compare is not None:
        return Lengths(chosen.seconds or 0.1, 0.05)
    if chosen.quick or chosen.compare is not None:
        return Lengths(chosen.seconds or 0.3, 0.1, most_warm_up=0.5)
    return Lengths(chosen.seconds or 1.0, 0.3)


def fitting(chosen: argparse.Namespace, among: list[servers.Server], of: list[workloads.Workload]) -> Lengths:
    """With --quick, short enough for a round to take half of the time at the most, so that there is one in any case."""
    each = lengths(chosen)
    while chosen.quick and not chosen.seconds and each.measured > 0.11:
        if rounds.planned_seconds(among, of, 1, each) <= QUICK_SECONDS / 2:
            break
        each = dataclasses.replace(each, measured=each.measured - 0.1)
    return each


def bench(chosen: argparse.Namespace, of: list[workloads.Workload]) -> Bench:
    server_core, load_core = machine.cores()
    load = chosen.build / "bench/load"
    if not load.exists():
        raise Failed(f"there is no {load}; `./dev bench` builds it")
    machine.allow_open_files(max(int(workload.load.get("connections", 100)) for workload in of) + SPARE_FILES)
    certificate = Certificate() if any(workload.tls for workload in of) else None
    return Bench(load, server_core, load_core, certificate)


def chosen_servers(chosen: argparse.Namespace) -> list[servers.Server]:
    found = [*servers.bare(chosen.build), servers.tidewire(chosen.build)]
    if chosen.peers:
        found += servers.peers(chosen.build)
    found += [servers.from_flag(text) for text in chosen.server]
    names = [server.name for server in found]
    for name in [*chosen.without, chosen.reference]:
        if name not in names:
            raise Failed(f"there is no server '{name}' among {', '.join(names)}")
    found = [server for server in found if server.name not in chosen.without]
    if chosen.reference in chosen.without:
        raise Failed(f"{chosen.reference} is left out and is the reference; choose another with --reference")
    servers.check(found)
    return found


def made(chosen: argparse.Namespace) -> dict:
    return {"source": machine.commit(), "build": machine.build_described(chosen.build), "machine": machine.described()}


def measured(chosen: argparse.Namespace) -> dict:
    """The result of a bench of servers."""
    of, among = workloads.chosen(chosen.workload, chosen.quick), chosen_servers(chosen)
    of = [workload for workload in of if any(server.plays(workload) for server in among)]
    if not of:
        raise Failed("none of these servers plays any of these workloads")
    each = fitting(chosen, among, of)
    count = chosen.rounds or (QUICK_ROUNDS if chosen.quick else 5)
    run = bench(chosen, of).run
    results.prepare(chosen.output)
    about = made(chosen)
    samples = rounds.measure(among, of, count, each, run, QUICK_SECONDS if chosen.quick else None)
    taken = max(sample["round"] for sample in samples)
    said = f"{taken} rounds, {each.measured:g} s each after {each.warm_up:g} s to warm up; server and load on a core each"
    settings = {"reference": chosen.reference, "rounds": taken, "seconds": each.measured, "runs": said}
    return {
        "format": results.FORMAT, "made": about, "settings": settings, **results.described(of, among),
        "summary": results.summary(samples, of, among, chosen.reference), "samples": samples,
    }  # fmt: skip


def compared(chosen: argparse.Namespace) -> dict:
    """The result of a comparison with another revision."""
    of, each = workloads.chosen(chosen.workload, chosen.quick), lengths(chosen)
    run = bench(chosen, of).run
    results.prepare(chosen.output)
    other = revision.built(chosen.compare)
    base, here = servers.tidewire(other.build, other.commit[:12]), servers.tidewire(chosen.build, "here")
    servers.check([base, here])
    of = [workload for workload in of if base.plays(workload) and here.plays(workload)]
    if not of:
        raise Failed(f"{base.name} cannot do what these workloads want, and cannot be compared so")
    about = made(chosen)
    looks = comparison.QUICK_LOOKS if chosen.quick else comparison.LOOKS
    started = time.monotonic()
    instructions = counting.ratios(other.build, chosen.build, of) if other.counts else {}
    within = comparison.QUICK_SECONDS - (time.monotonic() - started) if chosen.quick else None
    trials, samples = comparison.measure((base, here), of, looks, each, run, within)
    rule = comparison.said(comparison.Rules.of(looks, len(of)), each)
    said = f"pairs of {each.measured:g} s each after {each.warm_up:g} s to warm up; server and load on a core each"
    settings = {"base": base.name, "revision": chosen.compare, "commit": other.commit, "seconds": each.measured}
    settings |= {"threshold": comparison.THRESHOLD, "rule": rule, "runs": said}
    return {
        "format": results.FORMAT, "made": about, "settings": settings, **results.described(of, [base, here]),
        "verdicts": [trial.verdict(instructions) for trial in trials], "samples": samples,
    }  # fmt: skip


def show_list(chosen: argparse.Namespace) -> None:
    for workload in workloads.all_workloads():
        print(f"{workload.name:<28}{workload.title}{' (quick)' if workload.quick else ''}")
    print()
    for server in [*servers.bare(chosen.build), servers.tidewire(chosen.build), *servers.peers(chosen.build)]:
        print(f"{server.name:<28}{' '.join(server.words)}")


def main() -> int:
    chosen = arguments.parsed(sys.argv[1:])
    if chosen.list:
        show_list(chosen)
        return 0
    result = compared(chosen) if chosen.compare is not None else measured(chosen)
    name = "comparison" if chosen.compare is not None else "report"
    texts = {f"{name}.json": results.as_json(result), f"{name}.md": markdown.report(result), f"{name}.html": page.report(result)}
    if chosen.compare is None:
        texts[f"{name}.svg"] = picture.report(result)
    written = results.write_all(chosen.output, texts)
    print(markdown.for_terminal(result))
    if chosen.compare is not None:
        print(markdown.headline(result))
    print("written: " + " ".join(map(str, written)))
    return 1 if chosen.compare is not None and comparison.is_slower(result["verdicts"]) else 0


def interrupted(*_) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupted)
    try:
        sys.exit(main())
    except (Failed, OSError) as error:
        print(f"\nbench: {error}" if sys.stderr.isatty() else f"bench: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
