"""Hours at which a machine is closed to the grid, by day of the week and local time. Pure; the caller brings time.

A closing begins on each of the days at the same time and may go on over midnight. On the two days of a year
when clocks are changed, the warning before a closing is an hour off at most; the closing itself is not.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from idlegrid_node.errors import SettingsError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_S = 86400.0
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|24:00")


@dataclass(frozen=True)
class Hours:
    """Closings: the days they begin on (0 is Monday), seconds after midnight, and how long each takes."""

    days: frozenset[int]
    begins_s: float
    length_s: float

    def closes_in(self, local: datetime) -> float | None:
        """Return the seconds until the next closing: 0 while closed, None if the machine never closes."""
        if not self.days:
            return None
        today = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        ahead = [
            self.begins_s + offset * DAY_S - today.total_seconds()
            for offset in range(-1, 8)
            if (local.weekday() + offset) % 7 in self.days
        ]
        return max(0.0, min(wait for wait in ahead if wait + self.length_s > 0))

    def cover(self, other: "Hours") -> bool:
        """Tell whether the machine is closed whenever it is by the other's closings."""
        return other._minutes() <= self._minutes()

    def _minutes(self) -> set[int]:
        """Return the minutes of a week that it is closed in; closings begin and end with one."""
        begin, length = int(self.begins_s // 60), int(self.length_s // 60)
        return {(day * 1440 + begin + minute) % (7 * 1440) for day in self.days for minute in range(length)}

    @property
    def longest_open_s(self) -> float:
        """The longest stretch of a week between two closings; infinite if there is none."""
        if not self.days:
            return float("inf")
        first, *rest = sorted(self.days)
        gaps = [later - earlier for earlier, later in zip([first, *rest], [*rest, first + 7], strict=True)]
        return max(gaps) * DAY_S - self.length_s


def closed_hours(days: str, begin: str, end: str) -> Hours:
    """Read `Mon-Fri` or `Mon,Wed,Sat-Sun`, and two times. Raises `SettingsError` naming what cannot be read."""
    begins, ends = _seconds("closed_from", begin), _seconds("closed_until", end)
    if begins == ends:
        raise SettingsError(f"policy: closed_from and closed_until must not be the same time ({begin})")
    return Hours(_days(days), begins, (ends - begins) % DAY_S or DAY_S)


def _days(text: str) -> frozenset[int]:
    spans = [span for span in text.split(",") if span.strip()]
    return frozenset(day for span in spans for day in _span(span))


def _span(span: str) -> set[int]:
    first, *rest = (_day(name) for name in span.split("-", 1))
    last = rest[0] if rest else first
    return {(first + step) % 7 for step in range((last - first) % 7 + 1)}


def _day(name: str) -> int:
    if name.strip() not in DAYS:
        raise SettingsError(f"policy: closed_days must be made of {', '.join(DAYS)} (as Mon-Fri), not {name!r}")
    return DAYS.index(name.strip())


def _seconds(name: str, text: str) -> float:
    if not _TIME.fullmatch(text):
        raise SettingsError(f"policy: {name} must be a time such as 08:00, not {text!r}")
    hours, minutes = text.split(":")
    return int(hours) * 3600.0 + int(minutes) * 60.0
