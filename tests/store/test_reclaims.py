"""Reclaims in the record, on SQLite and on PostgreSQL: each is kept once, told as figures, and forgotten in time."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.commands import Beat, NodeFacts
from idlegrid_server.core.limits import Times
from idlegrid_server.core.model import Reclaim
from idlegrid_server.core.reclaims import MOST_OF_NODE, WINDOW, ReclaimFigures
from idlegrid_server.core.retention import DAY, Ages
from idlegrid_server.record import tables as t
from idlegrid_server.record.node_reader import SqlNodeReader

from ..parts import START, forget

ONE = Reclaim(node_id="n1", at=START - 60, reason="input", signal="input_idle_s", frozen_s=0.3, memory_s=12.5)


@pytest.fixture
def reader(engine) -> SqlNodeReader:
    return SqlNodeReader(engine)


def tell(pen, *reclaims: Reclaim) -> None:
    """A heartbeat of their node that tells these."""
    pen.do(Beat(reclaims[0].node_id, NodeFacts(), (), Times(), reclaims=reclaims))


def kept(engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(t.reclaims))


def test_a_reclaim_is_read_as_it_was_told(pen, engine):
    whole = replace(ONE, memory_mb=410.5, outcome="evicted")
    tell(pen, whole, replace(ONE, at=START, frozen_s=None, memory_s=None))
    with engine.connect() as connection:
        rows = connection.execute(select(t.reclaims).order_by(t.reclaims.c.at)).mappings().all()
    first, second = ({name: row[name] for name in Reclaim.__dataclass_fields__} for row in rows)
    assert Reclaim(**first) == whole
    assert (second["frozen_s"], second["memory_s"]) == (None, None)


def test_one_that_is_told_again_is_kept_and_counted_once(pen, engine):
    tell(pen, ONE, replace(ONE, at=START - 50))
    tell(pen, replace(ONE, frozen_s=9.0), replace(ONE, at=START - 40), replace(ONE, at=START - 40))
    tell(pen, replace(ONE, node_id="n2"))
    assert kept(engine) == 4
    assert pen.reader.totals().counted["reclaims"] == 4


def test_figures_are_of_a_node_or_of_all(pen, reader):
    tell(pen, *(replace(ONE, at=START - n, frozen_s=n / 100, memory_s=float(n)) for n in range(1, 101)))
    tell(pen, replace(ONE, node_id="n2", at=START - 500, frozen_s=5.0, memory_s=None))
    assert reader.reclaims("n1", START) == ReclaimFigures(100, 0.5, 0.99, 50.0, 99.0, START - 100)
    assert reader.reclaims("n2", START) == ReclaimFigures(1, 5.0, 5.0, None, None, START - 500)
    assert reader.reclaims(None, START) == ReclaimFigures(101, 0.51, 1.0, 50.0, 99.0, START - 500)
    assert reader.reclaims("nobody", START) == ReclaimFigures()


def test_figures_are_of_thirty_days_and_of_what_is_past(pen, reader):
    tell(pen, *(replace(ONE, at=START + at) for at in (-WINDOW - 1, -WINDOW, 0, 1)))
    found = reader.reclaims("n1", START)
    assert (found.count, found.since) == (2, START - WINDOW)


def test_figures_are_of_the_newest_when_there_are_many(pen, reader):
    old = [replace(ONE, at=START - DAY - n, frozen_s=60.0) for n in range(10)]
    new = [replace(ONE, at=START - n) for n in range(MOST_OF_NODE)]
    pen.save(Batch(START, reclaims=[*old, *new]))
    found = reader.reclaims("n1", START)
    assert (found.count, found.frozen_p99, found.since) == (MOST_OF_NODE, 0.3, START - MOST_OF_NODE + 1)


def test_reclaims_go_after_thirty_days_and_those_from_far_ahead_at_once(pen, engine, clock):
    tell(pen, *(replace(ONE, at=START + at) for at in (-30 * DAY - 1, -30 * DAY, DAY, DAY + 1)))
    assert forget(engine, clock, Ages())["reclaims"] == 2
    with engine.connect() as connection:
        assert sorted(connection.scalars(select(t.reclaims.c.at))) == [START - 30 * DAY, START + DAY]
