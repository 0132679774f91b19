"""A grid driven step by step: real commands, writer, keeper and SQLite; a queue and a record that fail when told."""

from sqlalchemy import Engine

from idlegrid_server.core.limits import Times
from idlegrid_server.core.queries import RunFilter, RunView
from idlegrid_server.record.store import SqlRecord

from ..faults import FaultyQueue, FaultyRecord
from ..parts import Coordinator, FakeClock, empty

TIMES = Times(lease=6, heartbeat=2, listing=3, start_grace=4, legacy_margin=2, node_lost=6, outbox=2)
STEP = 2.0
"""Seconds between two looks of the keeper: more than five would count as a stopped process."""


class World:
    """One record, one queue, one clock, and whichever coordinator lives now."""

    def __init__(self, engine: Engine) -> None:
        empty(engine)
        self.engine, self.clock = engine, FakeClock()
        self.queue = FaultyQueue(self.clock)
        self.record = FaultyRecord(SqlRecord(engine, self.clock.now))
        self.coordinator = self._begin()

    def _begin(self) -> Coordinator:
        return Coordinator(self.engine, self.queue, self.clock, TIMES, self.record)

    def kill(self) -> None:
        """The coordinator is gone between two instructions, with all that only it knew."""
        self.record.dead = True
        self.coordinator.stop()
        self.record.dead, self.record.fault = False, ""
        self.queue.fail_no_more()

    def restart(self) -> None:
        self.kill()
        self.coordinator = self._begin()

    def heal(self) -> None:
        """Everything is up again."""
        self.restart()
        self.queue.suspend(False)
        self.queue.reconnect()

    def pass_time(self, steps: int) -> None:
        for _ in range(steps):
            self.clock.advance(STEP)
            self.coordinator.look()

    def views(self) -> dict[str, RunView]:
        """Every run in the record, by UUID."""
        views, _ = self.coordinator.reader.runs(RunFilter(newest_first=False, size=10_000))
        return {view.run.uuid: view for view in views}
