"""How the grid is, told to endpoints: on change and once an hour, and once however many coordinators look."""

import json

import pytest
from sqlalchemy import Engine, select

from idlegrid_server.core.health import Component, Health
from idlegrid_server.core.webhooks import HEALTH_EVERY, Webhook
from idlegrid_server.housekeeping.health import LOOK_SECONDS, HealthWatch
from idlegrid_server.queue.memory import MemoryQueue
from idlegrid_server.record import tables as t
from idlegrid_server.record.health import SqlHealthNote
from idlegrid_server.record.node_reader import SqlNodeReader
from idlegrid_server.record.reader import SqlReader
from idlegrid_server.record.system_reader import SqlSystemReader
from idlegrid_server.record.webhooks import SqlWebhooks

from ..parts import FakeClock


class Grid:
    """Two coordinators that look after one record, and an endpoint that wants to hear."""

    def __init__(self, engine: Engine, clock: FakeClock) -> None:
        self._engine, self._clock, self.queue = engine, clock, MemoryQueue(clock)
        health = Health(
            SqlSystemReader(engine), self.queue, SqlReader(engine), SqlNodeReader(engine), clock, clock.monotonic()
        )
        self.measure = health.components
        self.watches = [HealthWatch(self._components, SqlHealthNote(engine), clock) for _ in range(2)]
        secret = "whsec_" + "c2VjcmV0" * 4
        SqlWebhooks(engine).create(
            Webhook(url="http://a.test/", events=("*",), secret=secret, created_at=clock.now(), updated_at=clock.now())
        )

    def _components(self) -> dict[str, Component]:
        return self.measure()

    def look(self, after: float = LOOK_SECONDS) -> None:
        self._clock.advance(after)
        for watch in self.watches:
            watch.watch_health()

    def told(self) -> list[tuple[str, str | None]]:
        """Status and previous of all that was told."""
        with self._engine.connect() as connection:
            bodies = connection.scalars(select(t.deliveries.c.body).order_by(t.deliveries.c.id)).all()
        return [(data["status"], data["previous"]) for data in (json.loads(body)["data"] for body in bodies)]


@pytest.fixture
def grid(engine: Engine, clock: FakeClock) -> Grid:
    return Grid(engine, clock)


def test_a_change_is_told_of_once_with_what_was_before(grid: Grid) -> None:
    grid.look()
    grid.queue.break_down()
    grid.look()
    grid.look()
    grid.queue.mend()
    grid.look()
    assert grid.told() == [("healthy", None), ("degraded", "healthy"), ("healthy", "degraded")]


def test_without_a_change_it_is_told_once_an_hour(grid: Grid) -> None:
    grid.look()
    grid.look(HEALTH_EVERY / 2)
    assert len(grid.told()) == 1
    grid.look(HEALTH_EVERY / 2 + 1)
    grid.look()
    assert grid.told() == [("healthy", None)] * 2


def test_of_two_that_see_a_change_at_the_same_time_one_tells(grid: Grid) -> None:
    grid.look()
    grid.queue.break_down()
    first, second = grid.watches
    before, measured = grid.measure, []

    def while_the_other_tells() -> dict[str, Component]:
        if not measured:
            measured.append(True)
            second.watch_health()
        return before()

    grid.measure = while_the_other_tells
    grid.watches = [first]
    grid.look()
    assert grid.told() == [("healthy", None), ("degraded", "healthy")]
