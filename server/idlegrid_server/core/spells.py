"""What nodes were over a time, state by state. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

FINEST: Final = 2_000
"""The part of the time below which a spell is not told by itself: half a pixel of the widest band that is drawn."""
MOST_NODES: Final = 100
"""Nodes whose spells are asked for at once."""
MOST_SECONDS: Final = 31 * 86_400.0
"""How far back spells are told; they are kept for about as long."""

Entry = tuple[float, str, str]
"""When a node entered a state, which, and for what reason."""


@dataclass(frozen=True, slots=True)
class Spell:
    """From when to when a node was in a state for a reason."""

    start: float
    end: float
    state: str
    reason: str


def spells(entered: Sequence[Entry], begin: float, end: float) -> list[Spell]:
    """What a node was from `begin` to `end`, in order and without gaps, from the first entry on.

    `entered` is in order; the first may be from before. What is shorter than a `FINEST` part of the time, and the same
    once more, belongs to the spell before it.
    """
    shortest, told, over = (end - begin) / FINEST, list[Entry](), (end, "", "")
    for (at, state, reason), (after, *_) in pairwise([*entered, over]):
        start, stop = max(at, begin), min(after, end)
        goes_on = bool(told) and (stop - start < shortest or told[-1][1:] == (state, reason))
        if stop > start and not goes_on:
            told.append((start, state, reason))
    return [Spell(start, stop, *what) for (start, *what), (stop, *_) in pairwise([*told, over])]
