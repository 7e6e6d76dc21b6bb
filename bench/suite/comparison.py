"""Whether the sources here are slower than another revision of them.

What is known about the noise of a shared machine decides how:

- Where a process's memory happens to lie moves its figures by a percent or so for as long as it lives. So each run is a
  fresh process, and many short runs tell more than a few long ones.
- The machine drifts, within seconds. So runs are paired, and only the ratio within a pair counts; which of the two
  comes first alternates (A B B A), so that it favours neither.
- A pair that another process disturbed is far off, in either direction. So ranks decide (Wilcoxon's signed ranks on the
  logarithms of the ratios), which no outlier moves much and which assume no distribution, but that with identical code
  a ratio and its inverse are equally likely: what the alternation makes sure of.
- With many workloads, each looked at several times, chance would find something. So the level of each look is FALSE_ALARM
  divided by workloads and looks: the chance that any interval of identical code lies above 1 is at most FALSE_ALARM.

A workload is slower when its interval lies above 1 (more than its noise), and the estimate is more than THRESHOLD. It is
measured until its interval lies on one side of the threshold, or the last look has been taken: workloads that have not
changed cost 16 pairs on a quiet machine, and more are spent where it is close.
CPU time is compared, and not the time on the clock, which on a shared machine is others' as well.

Nine tenths of a small message's CPU time are spent in the kernel, and a parser that takes a twentieth more is lost in
their noise. So the instructions of the workload's hot path are counted for both revisions, which is exact: it is slower
as well when these are more by COUNT_THRESHOLD, unless the times show that it is faster all the same.
"""

import dataclasses
import math

import stats
from measuring import Lengths
from progress import Progress
from rounds import MEMORY_ROUNDS, Allowance, Run
from servers import Server
from workloads import Workload

THRESHOLD = 0.03
COUNT_THRESHOLD = 0.01
FALSE_ALARM = 0.01
LOOKS = (16, 24, 40, 64)  # after so many pairs
# With --quick there is one look, after as many pairs as the time is enough for: 10 at the least can tell anything.
QUICK_LOOKS = (16,)
QUICK_SECONDS = 50


@dataclasses.dataclass(frozen=True)
class Rules:
    looks: tuple[int, ...]
    level: float  # of one end of one interval

    @staticmethod
    def of(looks: tuple[int, ...], workloads: int) -> "Rules":
        return Rules(looks, FALSE_ALARM / max(workloads, 1) / len(looks))


def said(rules: Rules, lengths: Lengths) -> str:
    return (
        f"Slower means: the interval lies above 0, and the change is more than {THRESHOLD:.0%}. Pairs of runs of {lengths.measured:g} s, "
        f"each a fresh process, alternate which revision comes first; intervals are of Wilcoxon's signed ranks, so strict that with "
        f"identical code the chance of any of them lying above 0 is at most {FALSE_ALARM:.0%}. Memory is slower when each run here "
        f"takes more, by {THRESHOLD:.0%}, than each of the other revision. Slower is also a workload whose hot path takes "
        f"{COUNT_THRESHOLD:.0%} more instructions, which are counted exactly, unless its time is less."
    )


@dataclasses.dataclass(frozen=True)
class Interval:
    """Of the ratio: above 1, the sources here cost more."""

    low: float
    ratio: float
    high: float

    @property
    def answers(self) -> bool:
        """Whether it lies on one side of the threshold, so that more pairs would not change the verdict."""
        return self.high < 1 + THRESHOLD or self.low > 1 + THRESHOLD

    @property
    def is_slower(self) -> bool:
        return self.low > 1 and self.ratio > 1 + THRESHOLD

    def verdict(self, instructions: float | None) -> str:
        """With the ratio of the hot path's instructions, where they were counted."""
        if self.is_slower:
            return "slower"
        if self.high < 1 and self.ratio < 1 / (1 + THRESHOLD):
            return "faster"
        if instructions and instructions > 1 + COUNT_THRESHOLD and self.high > 1:
            return "slower"
        # With a possible rise of twice the threshold, nothing can be said for the workload.
        return "same" if self.high < 1 + 2 * THRESHOLD else "not resolved"


def of_times(ratios: list[float], level: float) -> Interval:
    low, middle, high = stats.signed_rank_interval([math.log(ratio) for ratio in ratios], level)
    return Interval(math.exp(low), math.exp(middle), math.exp(high))


def of_memory(base: list[float], here: list[float]) -> Interval:
    """Memory hardly varies: the interval is from the least to the most that any two runs say."""
    return Interval(min(here) / max(base), stats.median(here) / stats.median(base), max(here) / min(base))


class Trial:
    """A workload, and the pairs of runs of it so far."""

    def __init__(self, workload: Workload, rules: Rules):
        self.workload = workload
        self._rules = rules
        self.base: list[float] = []
        self.here: list[float] = []
        self.done = False

    @property
    def ratios(self) -> list[float]:
        return [here / base for here, base in zip(self.here, self.base)]

    @property
    def interval(self) -> Interval:
        if not self.workload.is_timed:
            return of_memory(self.base, self.here)
        return of_times(self.ratios, self._rules.level)

    @property
    def next_look(self) -> int:
        """The number of pairs it has when it is looked at next."""
        if not self.workload.is_timed:
            return MEMORY_ROUNDS
        return next((look for look in self._rules.looks if look > len(self.base)), self._rules.looks[-1])

    def add(self, base: float, here: float) -> None:
        self.base.append(base)
        self.here.append(here)
        if not self.workload.is_timed:
            self.done = len(self.base) >= MEMORY_ROUNDS
        elif len(self.base) in self._rules.looks:
            self.done = len(self.base) == self._rules.looks[-1] or self.interval.answers

    def verdict(self, instructions: dict[str, float]) -> dict:
        interval = self.interval
        counted = instructions.get(self.workload.hot_path or "")
        return {
            "workload": self.workload.name,
            "verdict": interval.verdict(counted),
            "slower_in_time": interval.is_slower,
            "instructions": counted,
            "ratio": interval.ratio,
            "low": interval.low if interval.low > 0 else None,
            "high": interval.high if math.isfinite(interval.high) else None,
            "pairs": len(self.base),
            "base": stats.median(self.base),
            "here": stats.median(self.here),
            "unit": self.workload.unit,
            "pair_ratios": self.ratios,
        }


def planned_seconds(trials: list[Trial], lengths: Lengths) -> float:
    return sum(2 * trial.workload.planned_seconds(lengths.measured, lengths.warm_up) * trial.next_look for trial in trials)


def pair(trial: Trial, servers: tuple[Server, Server], lengths: Lengths, run: Run, current: int) -> list[dict]:
    """Two runs, whose order alternates from round to round."""
    order = servers if current % 2 else (servers[1], servers[0])
    taken = {server.name: run(server, trial.workload, lengths) for server in order}
    base, here = (taken[server.name][trial.workload.figure] for server in servers)
    trial.add(base, here)
    return [
        {"round": current, "workload": trial.workload.name, "server": name, "load": load} for name, load in taken.items()
    ]  # fmt: skip


def measure(servers: tuple[Server, Server], workloads: list[Workload], looks: tuple[int, ...], lengths: Lengths, run: Run,
            within_seconds: float | None = None) -> tuple[list[Trial], list[dict]]:  # fmt: skip
    """Runs `servers`, the base and then the one of here: (trials by workload, all samples as taken).

    Each round is a pair of every workload that has no answer yet. With `within_seconds`, no round is begun that is not likely
    to end in that time; what has too few pairs then is not resolved.
    """
    rules = Rules.of(looks, sum(workload.is_timed for workload in workloads))
    trials = [Trial(workload, rules) for workload in workloads]
    progress = Progress(planned_seconds(trials, lengths))
    allowance = Allowance(within_seconds)
    samples: list[dict] = []
    for current in range(1, looks[-1] + 1):
        open_trials = [trial for trial in trials if not trial.done]
        if not open_trials or (not allowance.begin_round() and current > 1):
            break
        for trial in open_trials:
            progress.say(f"pair {current}: {trial.workload.name}")
            samples += pair(trial, servers, lengths, run, current)
            progress.did(2 * trial.workload.planned_seconds(lengths.measured, lengths.warm_up))
        progress.plan(planned_seconds(trials, lengths))
    progress.end()
    return trials, samples


def is_slower(verdicts: list[dict]) -> bool:
    return any(each["verdict"] == "slower" for each in verdicts)
