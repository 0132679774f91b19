"""Running time that stands still while the run is frozen. Pure: the caller brings the clock."""


class Stopwatch:
    """Counts seconds from `now` on, except while paused. Pausing twice or going on twice changes nothing."""

    def __init__(self, now: float) -> None:
        self._since: float | None = now
        self._before = 0.0

    def pause(self, now: float) -> None:
        """Stand still."""
        self._before = self.elapsed(now)
        self._since = None

    def go_on(self, now: float) -> None:
        """Count again."""
        if self._since is None:
            self._since = now

    def elapsed(self, now: float) -> float:
        """Return the seconds counted until `now`."""
        return self._before + (0.0 if self._since is None else now - self._since)
