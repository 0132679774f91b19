"""A node's week: at which hours its owner lends it, and until when it should stay that way. Pure.

The hours of a week are counted on the owner's clock, 0 from Monday midnight. Of each is kept for how many seconds it
was looked at, and for how many of these the node could work. What is newer counts for more: while an hour is looked at,
what was known of it fades, by half in `HALF_LIFE` seconds, which is in three weeks. So with x seconds seen, or idle,
dx/dt = (1 or 0) - x ln 2 / HALF_LIFE, solved exactly: it makes no difference into which pieces a time is cut.

Three weeks, by our own reckoning: an owner's new hours (a semester, a job) outweigh the old ones within a month, and a
week of holidays is a fifth of what is known, which turns no hour around that was the same every week.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from idlegrid_server.core.model import Node, NodeState

HOUR: Final = 3_600
"""Seconds."""
HOURS: Final = 168
"""Of a week."""
FIRST: Final = 72
"""The hour of the week at which the epoch began: a Thursday's midnight."""
HALF_LIFE: Final = 3.0 * HOUR
"""Seconds of an hour of the week after which older ones count half; each week has 3,600 of them."""
ABSENCE: Final = 7 * 86_400.0
"""Seconds that a node is away after which that says nothing of its owner's hours any more."""
ENOUGH: Final = HOUR / 2
"""Seconds that an hour must have been looked at before anything is said of it: less may be one coffee break. One whole
hour counts 3,214 when it is over."""
THRESHOLD: Final = 0.5
"""The share of an hour from which on it is expected to be idle: more often so than not. Of 0.35, 0.5, 0.65 and 0.8 this
was right most often; a higher one is broken less often and right less often (docs/benchmarks.md has the figures)."""
HORIZON: Final = 7 * 86_400.0
"""Seconds that a window has at most: after a week the same hours come again."""
USABLE: Final[frozenset[str]] = frozenset({NodeState.IDLE, NodeState.RUNNING})
"""States in which a node can work."""
UNSEEN: Final[frozenset[str]] = frozenset({NodeState.DRAINING})
"""States that are the operator's word, and so say nothing of the owner."""


@dataclass(slots=True)
class Lesson:
    """What a time taught about one hour of the week: what it leaves of what was known, and what it adds (seconds)."""

    keep: float = 1.0
    seen: float = 0.0
    idle: float = 0.0

    def look(self, seconds: float, *, idle: bool) -> None:
        """The hour was looked at for so long, and the node could work, or could not."""
        left = 0.5 ** (seconds / HALF_LIFE)
        gained = (1 - left) * HALF_LIFE / math.log(2)
        self.keep *= left
        self.seen = self.seen * left + gained
        self.idle = self.idle * left + gained * idle


@dataclass(slots=True)
class Week:
    """What is known of a node's hours, in seconds."""

    seen: list[float] = field(default_factory=lambda: [0.0] * HOURS)
    idle: list[float] = field(default_factory=lambda: [0.0] * HOURS)

    def take(self, lessons: Mapping[int, Lesson]) -> None:
        """Know what a time taught, by hour."""
        for hour, lesson in lessons.items():
            self.seen[hour] = self.seen[hour] * lesson.keep + lesson.seen
            self.idle[hour] = self.idle[hour] * lesson.keep + lesson.idle

    def share(self, hour: int) -> float | None:
        """How much of the hour the node could work, 0 to 1; None while too little is known."""
        return self.idle[hour] / self.seen[hour] if self.seen[hour] >= ENOUGH else None


def hour_at(at: float, utc_offset: int) -> int:
    """The hour of the week at a time, on a clock so many seconds east of UTC."""
    return (int((at + utc_offset) // HOUR) + FIRST) % HOURS


def lessons(spells: Sequence[tuple[float, str]], begin: float, end: float, utc_offset: int) -> dict[int, Lesson]:
    """What the time from `begin` to `end` teaches, by hour of the week.

    `spells` say at which time a node entered which state, in order; the first may have begun before. What comes before
    the first is not known.
    """
    taught: dict[int, Lesson] = {}
    for start, stop, idle in _looks(spells, begin, end):
        for at, seconds in _by_hour(start, stop, utc_offset):
            taught.setdefault(hour_at(at, utc_offset), Lesson()).look(seconds, idle=idle)
    return taught


def _looks(spells: Sequence[tuple[float, str]], begin: float, end: float) -> Iterator[tuple[float, float, bool]]:
    """The pieces of the time in which the node was looked at, each with whether it could work."""
    for (at, state), (after, _) in zip(spells, [*spells[1:], (end, "")], strict=True):
        stop = min(after, end, at + ABSENCE) if state == NodeState.OFFLINE else min(after, end)
        if state not in UNSEEN and stop > max(at, begin):
            yield max(at, begin), stop, state in USABLE


def _by_hour(start: float, stop: float, utc_offset: int) -> Iterator[tuple[float, float]]:
    """A time cut at the clock's full hours: beginnings, lengths."""
    while start < stop:
        until = min(stop, next_hour(start, utc_offset))
        yield start, until - start
        start = until


def next_hour(at: float, utc_offset: int) -> float:
    """When the clock strikes next."""
    return ((at + utc_offset) // HOUR + 1) * HOUR - utc_offset


def idle_until(week: Week, now: float, utc_offset: int) -> float | None:
    """When the first hour begins that is not expected to be idle: `now` when that is this one.

    It is at most `HORIZON` away. None when nothing can be said, since an hour before that was not seen for long enough.
    """
    hour, until, following = hour_at(now, utc_offset), now, next_hour(now, utc_offset)
    while until < now + HORIZON:
        share = week.share(hour)
        if share is None:
            return None
        if share < THRESHOLD:
            return until
        hour, until, following = (hour + 1) % HOURS, following, following + HOUR
    return now + HORIZON


def window(week: Week, now: float, utc_offset: int) -> float | None:
    """For how many seconds from now on the node is expected to stay idle; None when nothing can be said."""
    until = idle_until(week, now, utc_offset)
    return None if until is None else until - now


def expected_until(node: Node, week: Week, now: float) -> float | None:
    """Until when a node that can work now should be able to; None for any other, and when nothing can be said."""
    usable = node.is_alive and node.state in USABLE
    return idle_until(week, now, node.utc_offset) if usable else None


@dataclass(frozen=True, slots=True)
class Watch:
    """Up to when weeks have been folded, and up to when some coordinator has looked at its nodes."""

    folded: float
    watched: float


LOOK_SECONDS: Final = 60.0
"""How far apart two notes of `watched` are."""
GAP: Final = 150.0
"""Seconds without a note after which nobody had looked: two notes may be late or fail."""
FOLD_SECONDS: Final = 3_600.0
"""How far apart two foldings are."""


def next_watch(known: Watch | None, now: float) -> tuple[float, Watch]:
    """Up to when to fold what is not folded yet (`known.folded`: nothing), and the watch from then on.

    A time in which no coordinator looked teaches nothing: states are on record, but nobody would have written others.
    """
    if known is None or now < known.folded:
        return now, Watch(now, now)
    if not 0 <= now - known.watched <= GAP:
        return min(now, known.watched), Watch(now, now)
    if now - known.folded >= FOLD_SECONDS:
        return now, Watch(now, now)
    return known.folded, Watch(known.folded, now)
