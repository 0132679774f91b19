"""Owners as they might be: made-up habits of people at their machines, with days on which they do otherwise.

These are no recordings. Each habit is drawn by a seed: when somebody of that kind comes, breaks off and leaves, how far
that strays from day to day, how often they are ill or on holiday, and whether they switch their machine off.
"""

import random
from collections.abc import Callable, Iterator
from typing import Final

MINUTE: Final = 60.0
HOUR: Final = 3_600.0
DAY: Final = 86_400.0
MONDAY: Final = 4 * DAY
"""The first Monday after the epoch: traces begin there, in UTC."""
IDLE_AFTER: Final = 5 * MINUTE
"""How long nobody must have been there until the node is idle, as in the profile `desktop`."""

Stay = tuple[float, float]
"""From when to when somebody is there, in seconds from that day's midnight."""
Spell = tuple[float, str]
"""When a node entered which state."""


class Owner:
    """One owner with habits of their own; a subclass says what a day is like."""

    switches_off = 0.0
    """How likely an owner of this kind is one who switches the machine off when leaving for the day."""
    ill = 0.02
    """How likely a day is one of illness or such."""
    holiday = 0.04
    """How likely a day is a holiday, and a week one of leave."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.off = self.random.random() < self.switches_off

    def near(self, hour: float, minutes: float) -> float:
        """A time of the day that strays by so much from this hour."""
        return self.random.gauss(hour * HOUR, minutes * MINUTE)

    def day(self, weekday: int) -> list[Stay]:
        """When somebody is there on an ordinary day; 0 is a Monday."""
        raise NotImplementedError

    def week(self) -> Iterator[list[Stay]]:
        """Seven days, from Monday."""
        leave = self.random.random() < self.holiday
        for weekday in range(7):
            stays = self.day(weekday)
            absent = self.random.random() < self.ill + self.holiday
            yield [] if leave or absent else stays

    def broken(self, start: float, stop: float, every: float, minutes: float) -> list[Stay]:
        """A stay with breaks: one every so many hours in the mean, each of so many minutes in the mean."""
        stays = []
        while start < stop:
            until = min(stop, start + self.random.expovariate(1 / (every * HOUR)))
            stays.append((start, until))
            start = until + self.random.expovariate(1 / (minutes * MINUTE))
        return stays


class Office(Owner):
    """Weekdays from nine to five, with lunch; sometimes late; some switch off."""

    switches_off = 0.3

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.comes, self.eats, self.leaves = (self.random.gauss(at, 0.5) for at in (8.75, 12.25, 17.25))

    def day(self, weekday: int) -> list[Stay]:
        """Two halves, with coffee breaks."""
        late = self.random.random() < 0.15
        if weekday > 4:
            return [(self.near(14, 90), self.near(16, 60))] if self.random.random() < 0.05 else []
        lunch, leaves = self.near(self.eats, 12), self.near(self.leaves + 2.5 * late, 25)
        morning = self.broken(self.near(self.comes, 15), lunch, 2.0, 10)
        return morning + self.broken(lunch + self.near(0.75, 8), leaves, 2.0, 10)


class Lab(Owner):
    """A room of a university: the semester's timetable, in which not every seat is taken, and whoever drops in."""

    ill = 0.0

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.taught = {(day, hour) for day in range(5) for hour in range(8, 18, 2) if self.random.random() < 0.5}

    def day(self, weekday: int) -> list[Stay]:
        """Classes of ninety minutes, and guests until eight in the evening."""
        stays = []
        for hour in range(8, 20, 2):
            if (weekday, hour) in self.taught and self.random.random() < 0.75:
                stays.append((self.near(hour + 0.25, 4), self.near(hour + 1.75, 4)))
            elif weekday < 5 and self.random.random() < 0.15:
                start = self.near(hour + 0.5, 20)
                stays.append((start, start + self.random.uniform(15, 80) * MINUTE))
        return stays


class Evenings(Owner):
    """A student's machine at home: evenings, and much of the weekend."""

    def day(self, weekday: int) -> list[Stay]:
        """From six on weekdays, from eleven at weekends, with meals and films elsewhere."""
        if self.random.random() < 0.15:
            return []
        if weekday > 4:
            return self.broken(self.near(11.5, 60), self.near(23.75, 45), 1.5, 50)
        return self.broken(self.near(18.25, 45), self.near(23.25, 40), 1.5, 20)


class Night(Owner):
    """Plays and writes from ten until three or four in the morning."""

    def day(self, weekday: int) -> list[Stay]:
        """Over midnight, and now and then in the afternoon."""
        stays = [(self.near(14.5, 45), self.near(16, 45))] if self.random.random() < 0.25 else []
        if self.random.random() < 0.85:
            stays += self.broken(self.near(21.75, 45), self.near(27.25, 50), 2.0, 15)
        return stays


class Server(Owner):
    """Always on, for nobody: a backup at night, and work on it now and then."""

    ill = holiday = 0.0

    def day(self, weekday: int) -> list[Stay]:
        """The backup takes half an hour or so."""
        starts = self.near(2.0, 3)
        stays = [(starts, starts + self.near(0.5, 6))]
        if self.random.random() < 0.05:
            stays.append((self.near(10, 90), self.near(12.5, 30)))
        return stays


class Irregular(Owner):
    """Whenever they like: nothing to learn but that it is mostly not at night."""

    def day(self, weekday: int) -> list[Stay]:
        """Up to five times, for an hour in the mean."""
        starts = [self.random.uniform(7 * HOUR, 24 * HOUR) for _ in range(self.random.randint(0, 5))]
        return [(start, start + self.random.expovariate(1 / HOUR)) for start in starts]


KINDS: Final[dict[str, Callable[[str], Owner]]] = {
    "office worker": Office,
    "lab PC with classes": Lab,
    "student, evenings": Evenings,
    "night owl": Night,
    "always-on server": Server,
    "irregular": Irregular,
}


def trace(owner: Owner, weeks: int) -> list[Spell]:
    """What the node of this owner would say of itself in so many weeks, from `MONDAY` on: `idle`, `busy`, `offline`."""
    stays: list[Stay] = []
    for number in range(weeks):
        for weekday, day in enumerate(owner.week()):
            midnight = MONDAY + (7 * number + weekday) * DAY
            stays += [(midnight + start, midnight + stop) for start, stop in day if stop > start]
    return _spells(sorted(stays), off=owner.off)


def _spells(stays: list[Stay], *, off: bool) -> list[Spell]:
    """Busy while somebody is there and a little longer; off over night for those who switch off."""
    spells: list[Spell] = [(MONDAY, "idle")]
    ends = MONDAY
    for start, stop in stays:
        if start > ends + IDLE_AFTER:
            if off and start - ends > 5 * HOUR and ends > MONDAY:
                spells.append((ends, "offline"))
            elif ends > MONDAY:
                spells.append((ends + IDLE_AFTER, "idle"))
            spells.append((start, "busy"))
        ends = max(ends, stop)
    return [*spells, (ends + IDLE_AFTER, "idle")]
