"""(w) Predicted idle windows against real ones: five weeks of made-up owners are learned, the sixth is replayed."""

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Final

from benchlib.owners import DAY, HOUR, KINDS, MONDAY, Spell, trace
from benchlib.report import Figure, Target
from idlegrid_server.core.weeks import FOLD_SECONDS, USABLE, Week, lessons, window

SECTION = "w windows"
LEARNED: Final = 5
"""Weeks that are folded before the one that is replayed."""
LENGTHS: Final = (0.5 * HOUR, 1 * HOUR, 2 * HOUR, 4 * HOUR)
"""How long a run might take that looks for a node."""
EVERY: Final = 0.25 * HOUR
"""How far apart two questions are."""
WEEK: Final = 7 * DAY
RIGHT: Final = 85.0
"""Percent that were right in eight months of real university labs (2003), the published figure to hold against."""


@dataclass(slots=True)
class Score:
    """How often a guess was right; it was broken when it said yes and the owner came."""

    asked: int = 0
    right: int = 0
    broken: int = 0

    def count(self, *, guessed: bool, real: bool) -> None:
        """One question more."""
        self.asked += 1
        self.right += guessed == real
        self.broken += guessed and not real

    def add(self, other: "Score") -> None:
        """Count another's questions, too."""
        self.asked += other.asked
        self.right += other.right
        self.broken += other.broken

    @property
    def share(self) -> float:
        """The share that was right."""
        return self.right / self.asked if self.asked else 1.0


def _by_length() -> dict[float, Score]:
    return {length: Score() for length in LENGTHS}


@dataclass(slots=True)
class Scores:
    """One kind of owner, or all: by length, what our window, a constant yes and fixed hours come to."""

    window: dict[float, Score] = field(default_factory=_by_length)
    always: dict[float, Score] = field(default_factory=_by_length)
    fixed: dict[float, Score] = field(default_factory=_by_length)

    def add(self, other: "Scores") -> None:
        """Count another's questions, too."""
        for mine, its in ((self.window, other.window), (self.always, other.always), (self.fixed, other.fixed)):
            for length in LENGTHS:
                mine[length].add(its[length])


def in_all(scores: dict[float, Score]) -> Score:
    """Over all lengths."""
    total = Score()
    for score in scores.values():
        total.add(score)
    return total


def replay(nodes: int) -> dict[str, Scores]:
    """By kind of owner, of which there are so many each."""
    found = {kind: Scores() for kind in KINDS}
    for kind, scores in found.items():
        for number in range(nodes):
            scores.add(judge(trace(KINDS[kind](f"{kind} {number}"), LEARNED + 2)))
    return found


def judge(spells: Sequence[Spell]) -> Scores:
    """Learn the first weeks, hour by hour as housekeeping does, and hold the next one against that."""
    week, begin = Week(), MONDAY + LEARNED * WEEK
    for number in range(int(LEARNED * WEEK / FOLD_SECONDS)):
        start = MONDAY + number * FOLD_SECONDS
        week.take(lessons(_around(spells, start), start, start + FOLD_SECONDS, 0))
    scores = Scores()
    for at, left in _idle_moments(spells, begin, begin + WEEK):
        known = window(week, at, 0)
        for length in LENGTHS:
            real = left >= length
            scores.window[length].count(guessed=known is None or known >= length, real=real)
            scores.always[length].count(guessed=True, real=real)
            scores.fixed[length].count(guessed=_office_closed(at, length), real=real)
    return scores


def _around(spells: Sequence[Spell], start: float) -> Sequence[Spell]:
    """Those that matter for the time until the next folding."""
    first = bisect(spells, start, key=itemgetter(0)) - 1
    return spells[first : bisect(spells, start + FOLD_SECONDS, key=itemgetter(0))]


def _idle_moments(spells: Sequence[Spell], begin: float, end: float) -> Iterator[tuple[float, float]]:
    """Each quarter of an hour at which the node could work, with the seconds for which that goes on."""
    for (start, state), (stop, _) in pairwise([*spells, (float("inf"), "")]):
        at = max(begin, -(-start // EVERY) * EVERY)
        while state in USABLE and at < min(stop, end):
            yield at, stop - at
            at += EVERY


def _office_closed(at: float, length: float) -> bool:
    """What somebody would say who knows nothing but office hours: Monday to Friday, 8 to 18."""
    day, hour = int((at - MONDAY) // DAY) % 7, (at - MONDAY) % DAY / HOUR
    if day < 5 and 8 <= hour < 18:
        return False
    opens = 8 - hour if day < 5 and hour < 8 else 32 - hour + 24 * max(0, 6 - day if day > 3 else 0)
    return opens * HOUR >= length


def figures(owners: int) -> list[Figure]:
    """What was right, and which yes was broken, in percent: by kind of so many owners, by length, and in all."""
    found = replay(owners)
    everybody = Scores()
    for scores in found.values():
        everybody.add(scores)
    total, always, fixed = (in_all(each) for each in (everybody.window, everybody.always, everybody.fixed))
    lines = [_right(kind, in_all(each.window), in_all(each.always)) for kind, each in found.items()]
    for length in LENGTHS:
        lines.append(_right(f"all owners, {length / HOUR:g} h", everybody.window[length], everybody.always[length]))
    return [
        *lines,
        Figure(SECTION, "all owners: right", 100 * total.share, "%", Target(RIGHT, f"{RIGHT:g} %", "≥")),
        _right("all owners, as always yes has it", always, always),
        _right("all owners, as office hours have it", fixed, always),
        *(_broken(f"{kind}: yes, and the owner came", in_all(s.window), in_all(s.always)) for kind, s in found.items()),
        _broken("all owners: yes, and the owner came", total, always),
        _broken("all owners: the same by office hours", fixed, always),
    ]


def _right(name: str, ours: Score, always: Score) -> Figure:
    beside = Target(100 * always.share, f"always yes, {100 * always.share:.1f} %", "≥", None)
    return Figure(SECTION, f"{name}: right", 100 * ours.share, "%", beside, {"asked": ours.asked})


def _broken(name: str, ours: Score, always: Score) -> Figure:
    ours_pct, always_pct = (100 * each.broken / each.asked for each in (ours, always))
    return Figure(SECTION, name, ours_pct, "%", Target(always_pct, f"always yes, {always_pct:.1f} %", "≤", None))
