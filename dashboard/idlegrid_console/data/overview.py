"""The overview's tiles and list as numbers, texts and places."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from typing import Any, NamedTuple

from idlegrid_console.data.clock import age, on_clock
from idlegrid_console.data.text import duration, moment, one_line
from idlegrid_console.texts import ATTENTION, _, name

Answer = Mapping[str, Any]

PLACES = {
    "component_down": ("system", None),
    "node_lost": ("nodes", "node"),
    "node_failing": ("nodes", "node"),
    "task_failing": ("tasks", "task"),
    "queue_unserved": ("runs", "run"),
    "webhook_off": ("webhooks", "webhook"),
}
"""Where each kind of need is mended: a page, and the parameter of its address that takes the item's id."""

BY_ID = frozenset({"component_down", "node_lost", "node_failing"})
"""The kinds whose items are told apart by their id; the others have names."""

ICONS = {
    "component_down": ":material/monitor_heart:",
    "node_lost": ":material/cloud_off:",
    "node_failing": ":material/dangerous:",
    "task_failing": ":material/event_busy:",
    "queue_unserved": ":material/low_priority:",
    "webhook_off": ":material/webhook:",
}


class Need(NamedTuple):
    """A thing that wants somebody: what it is, since when, and the page and its parameters where it is mended."""

    title: str
    sentence: str
    since: str
    icon: str
    page: str
    params: dict[str, str]


def midnight(now: datetime, timezone: str | None) -> datetime:
    """When today began by the visitor's clock, in UTC: the same for all visitors of a zone, who share its answer."""
    shown = on_clock(now, timezone)
    return datetime.combine(shown.date(), time(), shown.tzinfo).astimezone(UTC)


def needs(items: Iterable[Answer], now: datetime) -> list[Need]:
    """What `Client.attention` lists, as lines with their places; what is of an unknown kind leads to the system."""
    return [_need(item, now) for item in items]


def _need(item: Answer, now: datetime) -> Need:
    kind = str(item.get("kind"))
    page, parameter = PLACES.get(kind, ("system", None))
    known, since = item.get("id"), moment(item.get("since"))
    title, who = one_line(name(kind, ATTENTION)), item.get("id" if kind in BY_ID else "name")
    return Need(
        title=f"{title}: {one_line(who)}" if who else title,
        sentence=one_line(item.get("message") or item.get("name") or "", limit=300),
        since="" if since is None else age(since, now),
        icon=ICONS.get(kind, ":material/warning:"),
        page=page,
        params={} if parameter is None or known is None else {parameter: str(known)},
    )


def spark(numbers: Iterable[Any] | None) -> list[float] | None:
    """What a tile draws below its number: without the moments at which nobody looked; nothing for less than two."""
    known = [float(number) for number in numbers or () if isinstance(number, int | float)]
    return known if len(known) > 1 else None


def number(answer: Answer, group: str, key: str) -> int | None:
    """A number of the overview's answer; None while it is not known."""
    found = (answer.get(group) or {}).get(key)
    return found if isinstance(found, int) else None


def known_nodes(answer: Answer) -> int | None:
    """How many nodes the coordinator knows of; None while that is not known."""
    kinds = answer.get("nodes")
    return None if kinds is None else sum(value for value in kinds.values() if isinstance(value, int))


def said_of_throughput(timeline: Answer) -> str:
    """The chart of throughput in a sentence."""
    done, failed, submitted = (sum(_numbers(timeline, key)) for key in ("completed", "failed", "submitted"))
    words = _("Throughput: {done:g} runs done, {failed:g} failed, {submitted:g} submitted")
    return words.format(done=done, failed=failed, submitted=submitted)


def said_of_waits(timeline: Answer) -> str:
    """The chart of waiting times in a sentence."""
    half, most = _numbers(timeline, "wait_p50"), _numbers(timeline, "wait_p95")
    if not half or not most:
        return _("Waiting time: no run started")
    words = _("Waiting time: of the latest runs half started within {half} and 95 % within {most}; at worst {worst}")
    return words.format(half=duration(half[-1]), most=duration(most[-1]), worst=duration(max(most)))


def said_of_queue(timeline: Answer) -> str:
    """The chart of the queue's depth in a sentence."""
    depth = _numbers(timeline, "queue_depth") or [0]
    return _("Queue depth: {now:g} runs wait, at most {most:g} did").format(now=depth[-1], most=max(depth))


def said_of_run_times(timeline: Answer) -> str:
    """The chart of run times in a sentence."""
    seconds = sorted(_numbers(timeline, "run_seconds"))
    if not seconds:
        return _("Run times: no run ended")
    words = _("Run times of the latest {count} runs: from {least} to {most}, half within {half}")
    half = seconds[(len(seconds) - 1) // 2]
    return words.format(
        count=len(seconds), least=duration(seconds[0]), most=duration(seconds[-1]), half=duration(half)
    )  # fmt: skip


def _numbers(answer: Answer, key: str) -> list[float]:
    return [number for number in answer.get(key) or () if number is not None]
