"""What an attempt uses over time, in few points however long it takes. Pure."""

from idlegrid_node.sandbox.meter import Usage

MOST_POINTS = 60
"""As many as the coordinator takes (docs/protocol.md, 1)."""
FIRST_STEP = 1.0
"""Seconds between two points, until there are too many."""

Point = tuple[float, float, float, int]
"""Seconds since it began, CPU seconds until then, MB and processes at that time."""


class Series:
    """At most `MOST_POINTS` of what was noted, as far apart as the time that they cover asks for.

    One thread notes, any may look at the points.
    """

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._step, self._due = FIRST_STEP, 0.0

    @property
    def points(self) -> list[Point]:
        """What is kept, the oldest first."""
        return list(self._points)

    def note(self, seconds: float, used: Usage) -> None:
        """Keep what was used so many seconds after the beginning, if a point is due: mostly it is not."""
        if seconds < self._due:
            return
        self._points.append((round(seconds, 2), round(used.cpu_seconds, 3), round(used.memory_mb, 1), used.processes))
        if len(self._points) >= MOST_POINTS:
            self._points, self._step = self._points[::2], self._step * 2
        self._due = self._points[-1][0] + self._step
