"""How the grid stood every now and then, in the record."""

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Float, Integer, cast, func, select

from idlegrid_server.core.overview import STANDS_FOR, Sample
from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import insert_for, translated
from idlegrid_server.record.reading import Reading

_samples: Final = t.samples.c


class SampleReader(Reading):
    """The part of `core.watch_queries.WatchReader` that is about samples."""

    def samples(self, start: float, step: float, now: float) -> list[Sample]:
        """Of each step from then on the newest sample, and what came just before them, oldest first.

        However long the window is, no more is read than it has steps.
        """
        number = cast(func.floor(cast((_samples.at - start) / step, Float)), Integer)
        wanted = (_samples.at >= start - STANDS_FOR, _samples.at <= now)
        newest = select(func.max(_samples.at)).where(*wanted).group_by(number)
        query = select(t.samples).where(_samples.at.in_(newest)).order_by(_samples.at)
        with self._reading() as connection:
            return _read(connection.execute(query).all())


class SqlSamples(Reading):
    """Implements `housekeeping.sampling.Samples`."""

    def note(self, sample: Sample) -> None:
        """Keep a sample, unless somebody has kept one of that instant. Raises RecordUnavailable."""
        words = {"at": sample.at, "waiting": sample.waiting, "running": sample.running}
        statement = insert_for(self._engine.dialect)(t.samples).on_conflict_do_nothing()
        with translated("written"), self._engine.begin() as connection:
            connection.execute(statement.values(**words, nodes=json.dumps(sample.nodes)))


def _read(rows: Sequence[Any]) -> list[Sample]:
    return [Sample(row.at, row.waiting, row.running, json.loads(row.nodes)) for row in rows]
