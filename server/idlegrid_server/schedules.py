"""When tasks are due: five-field cron lines in a time zone, and plain intervals. `core.ports.Calendar` over croniter.

A cron line is read as the clock on the wall of its zone shows it. Where that clock jumps ahead, a firing that falls
into the gap comes at the gap's end, unless its line names every hour; where it goes back, a firing at a named hour
comes once, the first time.
"""

import math
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadDateError, CroniterError, croniter

from idlegrid_server.core.definitions import Timing
from idlegrid_server.core.errors import InvalidInput
from idlegrid_server.core.limits import MAX_INTERVAL, MIN_INTERVAL

MAX_LINE: Final = 256
"""Characters of a cron line; longer ones only repeat themselves."""
FIELD: Final = re.compile(
    "(?:[0-9*,/-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)+", re.IGNORECASE
)
"""What every cron knows: numbers, names, `*`, lists, ranges, steps. Croniter knows more: `H`, `L`, `W`, `#`, `?`."""
RAREST_YEARS: Final = 9
"""29 February comes after eight years at the most (1896, 1904); a line that has not come by then never does."""
MINUTE: Final = 60

_HOW: Final = "Write five fields (minute hour day month weekday), e.g. `30 2 * * mon-fri`"


class CronCalendar:
    """Pure but for the machine's time zone data; safe to use from several threads."""

    def check(self, timing: Timing) -> None:
        """Raise InvalidInput, with field, rule and value, for a timing that means nothing or never comes."""
        if timing.interval_seconds is not None:
            _check_interval(timing.interval_seconds)
        _check_zone(timing.timezone)
        if timing.schedule:
            _check_line(timing)

    def next(self, timing: Timing, after: float, since: float) -> float | None:
        """The first instant later than `after` at which the task is due; None when it never is. See the port."""
        if timing.schedule:
            # A cron line knows whole minutes only, so all that is asked within one has the same answer.
            return _next(timing.schedule, timing.timezone, int(after // MINUTE))
        if timing.interval_seconds is not None:
            return _next_multiple(timing.interval_seconds, after, since)
        return None


def _next_multiple(interval: float, after: float, since: float) -> float:
    count = max(1, math.floor((after - since) / interval))
    while since + count * interval <= after:
        count += 1
    return since + count * interval


@lru_cache(maxsize=16_384)
def _next(schedule: str, timezone: str, minute: int) -> float | None:
    try:
        zone = ZoneInfo(timezone)
        instant = _later(schedule, datetime.fromtimestamp(minute * MINUTE, UTC).astimezone(zone))
        while _is_repeated(schedule, instant):
            instant = _later(schedule, instant)
    except CroniterBadDateError:
        return None
    return instant.timestamp()


def _later(schedule: str, moment: datetime) -> datetime:
    line = croniter(schedule, moment, ret_type=datetime, max_years_between_matches=RAREST_YEARS)
    instant: datetime = line.get_next()
    return instant


def _is_repeated(schedule: str, instant: datetime) -> bool:
    """Whether a line that names its hours came already when the wall clock showed this time before."""
    return instant.fold == 1 and not schedule.split()[1].startswith("*")


def _check_interval(seconds: float) -> None:
    if not MIN_INTERVAL <= seconds <= MAX_INTERVAL:
        words = f"interval_seconds must be from {MIN_INTERVAL:g} to {MAX_INTERVAL:g}"
        raise InvalidInput(words, field="interval_seconds", rule="range", value=seconds)


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        words = "Write a time zone of the IANA database, e.g. `Europe/Berlin` or `UTC`"
        raise InvalidInput(words, field="metadata.timezone", rule="timezone", value=name) from error


def _check_line(timing: Timing) -> None:
    line = timing.schedule
    fields = [part for part in line[:MAX_LINE].split(" ") if part]
    if len(line) > MAX_LINE or len(fields) != 5 or not all(map(FIELD.fullmatch, fields)):
        raise _bad(line[:MAX_LINE], f"This is no cron line. {_HOW}")
    try:
        croniter(line)
    except CroniterError as error:
        raise _bad(line, f"This cron line cannot be read. {_HOW}") from error
    if _next(line, timing.timezone, 0) is None:
        raise _bad(line, "This cron line never comes: its month does not have that day")


def _bad(line: str, words: str) -> InvalidInput:
    return InvalidInput(words, field="schedule", rule="cron", value=line)
