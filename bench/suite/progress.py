"""How far the work is: one line that changes on a terminal, a line now and then elsewhere. On standard error."""

import sys
import time

LINE_EVERY_SECONDS = 15


def spoken(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{whole} s"


class Progress:
    """Work is counted in planned seconds; the time left is what is planned, times how much slower it went so far."""

    def __init__(self, planned_seconds: float, out=None, clock=time.monotonic):
        self._planned = planned_seconds
        self._done = 0.0
        self._out = out or sys.stderr
        self._clock = clock
        self._started = clock()
        self._last_line = self._started
        self._live = self._out.isatty()

    @property
    def left_seconds(self) -> float:
        pace = (self._clock() - self._started) / self._done if self._done else 1.0
        return (self._planned - self._done) * pace

    def plan(self, planned_seconds: float) -> None:
        """When the plan has changed: all of it, what is done included."""
        self._planned = max(planned_seconds, self._done)

    def say(self, what: str) -> None:
        """What is being done now."""
        text = f"{what}, {spoken(self.left_seconds)} left"
        if self._live:
            print(f"\r\033[K{text}", end="", file=self._out, flush=True)
        elif self._done == 0 or self._clock() - self._last_line >= LINE_EVERY_SECONDS:
            self._last_line = self._clock()
            print(text, file=self._out, flush=True)

    def did(self, planned_seconds: float) -> None:
        self._done += planned_seconds

    def end(self) -> None:
        if self._live:
            print("\r\033[K", end="", file=self._out, flush=True)
