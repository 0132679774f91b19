"""How many requests there were and how long they took: by API and method since the start, and in the last minute.

Lives on the event loop: nothing is locked, so that the busy endpoints pay a few microseconds for it.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds (Prometheus' usual ones, and finer below 5 ms); one more bucket holds the rest."""
WINDOW: Final = 60
"""Seconds that count as lately."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
WAITING: Final = frozenset({"/internal/task", "/mcp"})
"""Paths whose callers may wait; what a tool at the last asks is counted by itself."""
PREFIXES: Final = (("/internal/", "nodes"), ("/api/v1/", "executions"), ("/api/", "tasks"), ("/dist/", "dist"))


@dataclass(slots=True)
class Latencies:
    """Of one API and method: requests per bucket (not added up), and all their seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """(upper bound, requests up to it); the last bound is infinite."""
        total = 0
        for bound, count in zip((*BUCKETS, float("inf")), self.counts, strict=True):
            total += count
            yield bound, total


class Traffic:
    """Every answered request but long polls."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.latencies: dict[tuple[str, str], Latencies] = {}
        self._seconds = [(-1, 0, 0.0)] * WINDOW
        """(second, requests in it, their seconds), in the place of that second modulo the window."""

    def note(self, path: str, method: str, seconds: float) -> None:
        """A request was answered in so many seconds."""
        key = api_of(path), method if method in METHODS else "other"
        known = self.latencies.get(key)
        if known is None:
            known = self.latencies.setdefault(key, Latencies())
        known.counts[bisect_left(BUCKETS, seconds)] += 1
        known.seconds += seconds
        self._note_now(seconds)

    def _note_now(self, seconds: float) -> None:
        now = int(self._monotonic())
        second, count, spent = self._seconds[now % WINDOW]
        fresh = (now, 1, seconds) if second != now else (now, count + 1, spent + seconds)
        self._seconds[now % WINDOW] = fresh

    def lately(self) -> tuple[float, float]:
        """Requests per second over the last minute, and their mean time in seconds (0 without any)."""
        since = int(self._monotonic()) - WINDOW
        recent = [(count, spent) for second, count, spent in self._seconds if second > since and count]
        count, spent = sum(count for count, _ in recent), sum(spent for _, spent in recent)
        return count / WINDOW, spent / count if count else 0.0


def api_of(path: str) -> str:
    """Which API a path belongs to."""
    for prefix, name in PREFIXES:
        if path.startswith(prefix):
            return name
    return "idle"


def is_long_poll(path: str, query: bytes) -> bool:
    """Whether the caller wanted to wait: such a request's time says nothing of us."""
    return path in WAITING or b"wait=" in query
