"""How often attempts end and fail on a node, and whether it is a black hole: one that fails whatever it is given, so
fast that it is soon free for more, and may swallow the queue. Pure.

Ends are counted by spans of time, the newest and the one before, so that a node has one row however much ends there.
"""

from dataclasses import dataclass
from typing import Final

SPAN: Final = 300
"""Seconds of a span. With what has gone of the newest, the one before makes a window of five to ten minutes: long
enough for `ENOUGH` to tell, and short enough that a node which was repaired is soon believed."""
ENOUGH: Final = 10
"""Attempts that must have ended in the window: one a minute, above which HTCondor's users take a machine for a black
hole (`Jobs/Min` of `condor_status -compact`, suspect above 1 for longer than a minute)."""
NEARLY_ALL: Final = 0.9
"""The share of them that must have failed. By our own reckoning: a task with a fault fails on every node, but among the
runs of others; a black hole fails those, too."""
SHORT: Final = 60.0
"""Seconds that they must have taken at most, on average: the same one job a minute, for each slot. Who is busy for
longer takes no more than its share of the queue, whatever becomes of it."""


@dataclass(frozen=True, slots=True)
class Ends:
    """How many attempts ended on a node in `span` (its number, counted from the epoch) and in the one before it, how
    many of them failed, and the seconds that they took.
    """

    span: int = 0
    ended: int = 0
    failed: int = 0
    seconds: float = 0.0
    before_ended: int = 0
    before_failed: int = 0
    before_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Ends and failures per minute in the last five to ten minutes, and whether the node is a black hole."""

    ended_per_minute: float = 0.0
    failed_per_minute: float = 0.0
    suspect: bool = False


def span_of(now: float) -> int:
    """The number of the span in which a time lies."""
    return int(now // SPAN)


def rates(of: Ends, now: float) -> Rates:
    """What the counts say at a time. Another coordinator's clock may be a span ahead."""
    gone = 0.0 if of.span > span_of(now) else now % SPAN
    ended, failed, seconds = _in_window(of, span_of(now))
    minutes = (SPAN + gone) / 60
    return Rates(ended / minutes, failed / minutes, suspect(ended, failed, seconds))


def suspect(ended: int, failed: int, seconds: float) -> bool:
    """Whether a node is a black hole on which so many attempts ended lately, and failed, after so many seconds."""
    return ended >= ENOUGH and failed >= NEARLY_ALL * ended and seconds <= SHORT * ended


def _in_window(of: Ends, newest: int) -> tuple[int, int, float]:
    if of.span in (newest, newest + 1):
        return of.ended + of.before_ended, of.failed + of.before_failed, of.seconds + of.before_seconds
    return (of.ended, of.failed, of.seconds) if of.span == newest - 1 else (0, 0, 0.0)
