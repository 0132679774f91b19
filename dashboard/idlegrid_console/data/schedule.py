"""When a task is due, in words, and how far from now a moment is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from idlegrid_console.data.clock import on_clock
from idlegrid_console.data.text import duration, moment, one_line
from idlegrid_console.texts import WEEKDAY, _, name

_SHORT = {"sun": "0", "mon": "1", "tue": "2", "wed": "3", "thu": "4", "fri": "5", "sat": "6", "7": "0"}


def words(task: Mapping[str, Any]) -> str:
    """When the task is due: common cron lines as people say them, others as they were written."""
    if task.get("interval_seconds"):
        return _("every {time}").format(time=duration(float(task["interval_seconds"])))
    if task.get("schedule"):
        return one_line(_zoned(str(task["schedule"]), str(task.get("timezone") or "UTC")))
    if parents := task.get("dependencies"):
        return one_line(_("after {tasks}").format(tasks=", ".join(f"#{parent}" for parent in parents)))
    return _("on demand")


def firings(task: Mapping[str, Any], now: datetime, timezone: str | None) -> list[tuple[str, str]]:
    """The next times at which the task is due: how far off, and when on the visitor's clock."""
    due = [found for found in map(moment, task.get("next_firings") or []) if found]
    return [(from_now(at, now), on_clock(at, timezone).strftime("%Y-%m-%d %H:%M:%S")) for at in due]


def from_now(at: datetime | None, now: datetime) -> str:
    """How far the moment is off, in its largest unit: in 5 min, 2 h ago; a dash for none."""
    if at is None:
        return "–"
    seconds = (at - now).total_seconds()
    if abs(seconds) < 1:
        return _("now")
    largest = " ".join(duration(round(abs(seconds))).split()[:2])
    return (_("in {time}") if seconds > 0 else _("{time} ago")).format(time=largest)


def _zoned(line: str, zone: str) -> str:
    often = _often(line)
    return often if often else f"{_daily(line) or line} ({zone})"


def _often(line: str) -> str:
    """A line that says the same in every zone; empty for others."""
    minute, star, rest = line.partition(" * * * *")
    if not star or rest:
        return ""
    if minute == "*":
        return _("every minute")
    step = _step(minute, 60)
    if step:
        return _("every {time}").format(time=duration(60 * step))
    return _("hourly at :{minute:02}").format(minute=int(minute)) if _whole(minute) else ""


def _daily(line: str) -> str:
    """A line with one minute, and one hour or an even step of hours; empty for others."""
    fields = line.lower().split()
    if len(fields) != 5 or not _whole(fields[0]):
        return ""
    minute, hour, day, month, weekday = fields
    if (day, month, weekday) == ("*", "*", "*") and (step := _step(hour, 24)):
        return _("every {time} at :{minute:02}").format(time=duration(3600 * step), minute=int(minute))
    days = _days(day, weekday) if month == "*" and _whole(hour) else ""
    return days and _("{days} at {clock}").format(days=days, clock=f"{int(hour):02}:{int(minute):02}")


def _days(day: str, weekday: str) -> str:
    code = _SHORT.get(weekday, weekday)
    if (day, weekday) == ("*", "*"):
        return _("daily")
    if day == "*" and weekday in {"1-5", "mon-fri"}:
        return _("Monday to Friday")
    if day == "*" and code in WEEKDAY:
        return name(code, WEEKDAY)
    return _("monthly on day {day}").format(day=int(day)) if weekday == "*" and _whole(day) else ""


def _step(field: str, whole: int) -> int:
    """The n of `*/n` when it divides the whole, so that the steps are even; else 0."""
    step = field.removeprefix("*/")
    even = step != field and _whole(step) and int(step) > 0 and whole % int(step) == 0
    return int(step) if even else 0


def _whole(field: str) -> bool:
    return field.isascii() and field.isdigit() and len(field) <= 2
