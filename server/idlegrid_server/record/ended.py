"""How many runs ended since an instant: by the counts of whole days, and by one look at the rest of the first."""

import threading
from collections import Counter
from typing import Final

from sqlalchemy import Connection, Engine, func, select

from idlegrid_server.record import tables as t
from idlegrid_server.record.census import DAY
from idlegrid_server.record.reading import Reading

SETTLED: Final = 60.0
"""Seconds after which an instant is past for every coordinator: their clocks differ, and a batch is written late."""
MOST_KEPT: Final = 64
"""Instants of which what ended before them, on their day, is remembered: consoles ask since a midnight of theirs."""


class EndedReader(Reading):
    """The part of `core.watch_queries.WatchReader` that is about runs which ended."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._lock = threading.Lock()
        self._before: dict[float, Counter[str]] = {}

    def ended_since(self, since: float, now: float) -> dict[str, int]:
        """How many runs ended since then, by state."""
        first = int(since // DAY)
        with self._reading() as connection:
            days = _since_day(connection, first)
            before = self._earlier(connection, since, now) if since > first * DAY else Counter[str]()
        # Runs that were forgotten since are in neither, or in what is remembered alone.
        return {state: max(0, number - before[state]) for state, number in days.items()}

    def _earlier(self, connection: Connection, since: float, now: float) -> Counter[str]:
        """What ended on that day before then: it is past, and so it is counted once."""
        with self._lock:
            known = self._before.get(since)
        if known is not None:
            return known
        counted = _between(connection, since // DAY * DAY, since)
        if since < now - SETTLED:
            with self._lock:
                self._before[since] = counted
                while len(self._before) > MOST_KEPT:
                    del self._before[next(iter(self._before))]
        return counted


def _since_day(connection: Connection, first: int) -> Counter[str]:
    counts = t.run_counts.c
    query = select(counts.state, func.sum(counts.value)).where(counts.end_day >= first).group_by(counts.state)
    return Counter({state: int(number) for state, number in connection.execute(query)})


def _between(connection: Connection, start: float, end: float) -> Counter[str]:
    at = t.runs.c.finished_at
    query = select(t.runs.c.state, func.count()).where(at >= start, at < end).group_by(t.runs.c.state)
    return Counter(dict(connection.execute(query).all()))
