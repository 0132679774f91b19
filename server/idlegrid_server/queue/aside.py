"""Telling a run that was just popped from one whose coordinator died before it could say what became of it."""

from collections.abc import Iterable
from typing import Final

STUCK_SECONDS: Final = 10.0
"""A coordinator says within milliseconds what became of a run it popped; ten seconds later it never will."""


class AsideWatch:
    """Remembers since when each run has been seen set aside, by this coordinator's own clock."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def stuck(self, aside: Iterable[str], now: float) -> list[str]:
        """Those that an earlier look, at least STUCK_SECONDS ago, found as well. `now` is monotonic seconds."""
        self._since = {uuid: self._since.get(uuid, now) for uuid in aside}
        return [uuid for uuid, since in self._since.items() if now - since >= STUCK_SECONDS]
