"""When a child is started, and when it is started again. Pure: time comes in as an argument, in seconds."""

from collections.abc import Collection
from dataclasses import dataclass, replace

LONGEST_DELAY = 30.0
"""The longest pause before a restart, in seconds."""

CALM_SECONDS = 60.0
"""A child that stayed up for so long starts again with the shortest pause."""

PATIENCE = 5
"""After so many quick ends in a row, before the grid was ever ready, an essential child is given up."""

USAGE_STATUS = 2
"""The exit status for wrong settings: they do not mend themselves, so trying again is no use."""


def delay(failures: int) -> float:
    """The pause before the restart that follows the `failures`-th quick end in a row: 1, 2, 4 … 30 s."""
    return min(2.0 ** min(failures - 1, 10), LONGEST_DELAY)  # the inner bound: a float overflows at 2 ** 1024


@dataclass(frozen=True)
class Child:
    """One child's life so far. It is running while `started` is set, else to be started at `due`."""

    needs: frozenset[str] = frozenset()
    due: float = 0.0
    started: float | None = None
    failures: int = 0

    def may_start(self, now: float, met: Collection[str]) -> bool:
        """Whether it is to be started now, `met` being the conditions that hold."""
        return self.started is None and now >= self.due and self.needs <= set(met)

    def begun(self, now: float) -> "Child":
        """It has been started. A restart waits for no condition: by then the parts find each other."""
        return replace(self, started=now, needs=frozenset())

    def ended(self, now: float) -> "Child":
        """It has ended, uncalled for: due again after a pause that grows with every quick end."""
        began = now if self.started is None else self.started
        failures = 1 if now - began >= CALM_SECONDS else self.failures + 1
        return replace(self, started=None, failures=failures, due=now + delay(failures))


def next_due(children: Collection[Child], now: float) -> float | None:
    """Seconds until the next restart falls due, or None when none is under way."""
    pauses = [child.due - now for child in children if child.started is None and not child.needs]
    return max(0.0, min(pauses)) if pauses else None


def hopeless(child: Child, status: int) -> bool:
    """Whether an essential child that ended with `status` before the grid was ready is given up."""
    return status == USAGE_STATUS or child.failures >= PATIENCE
