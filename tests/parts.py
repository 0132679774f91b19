"""Parts that several tiers of tests build a grid from: a clock that goes when told to, a record, a whole coordinator
without its HTTP side.
"""

import io
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from sqlalchemy import Engine

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.commands import Command, ReleaseRuns
from idlegrid_server.core.errors import RecordUnavailable
from idlegrid_server.core.limits import Times
from idlegrid_server.core.matching import Capability, Offer, QueueOrder
from idlegrid_server.core.model import Need, Priority, Submission
from idlegrid_server.core.ports import Queue, RandomIds, Record
from idlegrid_server.core.retention import Ages
from idlegrid_server.core.writer import Writer
from idlegrid_server.housekeeping.firing import Firer
from idlegrid_server.housekeeping.forgetting import Forgetter
from idlegrid_server.housekeeping.keeper import Keeper
from idlegrid_server.housekeeping.leading import Leadership
from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.facts import ensure_server_uuid, remember_queue_identity
from idlegrid_server.record.keys import KeyStore, new_key
from idlegrid_server.record.old_rows import EndedCheckpoints
from idlegrid_server.record.reader import SqlReader
from idlegrid_server.record.retention import plan
from idlegrid_server.record.store import SqlRecord
from idlegrid_server.record.tables import metadata
from idlegrid_server.schedules import CronCalendar

T = TypeVar("T")
START = 1_700_000_000.0
LARGE = Capability(frozenset({"python"}), frozenset({"gpu"}), 64.0, 65_536, sandbox=4)
"""A node that can take anything the tests submit."""


class FakeClock:
    """Goes when it is told to; the clock on the wall can jump by itself."""

    def __init__(self) -> None:
        self.wall, self.steady = START, 0.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def jump(self, seconds: float) -> None:
        self.wall += seconds


def submission(code: str = "print(1)", *, retry_limit: int = 0, priority: int = 1, **need: object) -> Submission:
    """A valid wish; `need` are the words of `Need`."""
    wanted = Need(**need)  # type: ignore[arg-type]
    return Submission(code=code, need=wanted, priority=Priority(priority), retry_limit=retry_limit)


def offer(node_id: str = "n1", slots: int = 1, capability: Capability = LARGE, **room: object) -> Offer:
    """What a node would take; `room` overrides what is free."""
    words: dict[str, object] = {"cpu": capability.cpu, "memory_mb": capability.memory_mb, **room}
    return Offer(node_id, capability, slots, **words)  # type: ignore[arg-type]


@cache
def _unused_record() -> bytes:
    """The file of a record that nobody has used: copying it takes a tenth of what its migrations take."""
    with TemporaryDirectory() as folder:
        open_engine(f"sqlite:///{folder}/grid.db").dispose()
        return (Path(folder) / "grid.db").read_bytes()


def lay_record(folder: Path) -> Path:
    """The SQLite record in a folder; one that nobody has used where there is none."""
    path = folder / "grid.db"
    if not path.exists():
        path.write_bytes(_unused_record())
    return path


def open_record(folder: Path) -> Engine:
    """The SQLite record in a folder, opened as the coordinator opens it; an empty one where there is none."""
    engine = open_engine(f"sqlite:///{lay_record(folder)}")
    ensure_server_uuid(engine)
    return engine


def keyed_record(folder: Path, keys: Mapping[str, tuple[str, Sequence[str]]]) -> dict[str, str]:
    """An empty record in a folder with these keys: who → (name, scopes). Answers who → key."""
    record = open_record(folder)
    made = {who: new_key("test") for who in keys}
    for who, (name, scopes) in keys.items():
        KeyStore(record).add(made[who], name, list(scopes), time.time())
    record.dispose()
    return made


def empty(engine: Engine) -> None:
    """Take every row out of the record; faster than a new one."""
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    ensure_server_uuid(engine)


def forget(engine: Engine, clock: FakeClock, ages: Ages) -> Counter[str]:
    """All that is old enough now, without a rest; how many rows of each kind."""
    return Forgetter(lambda now: plan(engine, ages, now), clock, rest=0).forget()


class Coordinator:
    """A coordinator's writer and keeper over a record and a queue; several may follow each other over the same."""

    def __init__(
        self,
        engine: Engine,
        queue: Queue,
        clock: FakeClock,
        times: Times,
        record: Record | None = None,
        leadership: Leadership | None = None,
    ) -> None:
        self.reader = SqlReader(engine)
        self.written: list[Batch] = []
        self.woken_all = 0
        self.writer = Writer(record or SqlRecord(engine, clock.now), queue, self.written.append, lambda batch: None)
        firer = Firer(self.writer, self.reader, queue, clock, RandomIds(), CronCalendar(), QueueOrder.FIFO)
        self.keeper = Keeper(
            self.writer,
            self.reader,
            queue,
            clock,
            times,
            firer=firer,
            remember=lambda identity: remember_queue_identity(engine, identity),
            forget=lambda: forget(engine, clock, Ages(keys=times.idempotency)),
            drop_ended=lambda: Forgetter(lambda now: [EndedCheckpoints(engine)], clock, rest=0).forget(),
            wake_all=self._wake_all,
            leadership=leadership,
        )
        self.writer.start()

    def do(self, command: Command[T]) -> T:
        """Carry out a command; when it answers the queue has heard of it, too."""
        try:
            return self.writer.do(command)
        finally:
            self.rest()

    def look(self) -> None:
        """The keeper's duties once, and the queue has heard of it."""
        self.keeper.look()
        self.rest()

    def rest(self) -> None:
        """What a moment of quiet does: what was handed over to the queue is owed no more."""
        with suppress(RecordUnavailable):
            self.writer.do(ReleaseRuns([]))

    def _wake_all(self) -> None:
        self.woken_all += 1

    def stop(self) -> None:
        """End its thread."""
        with suppress(RuntimeError):
            self.writer.stop()


class EndsWith(io.BytesIO):
    """A body with whose last bytes something else happens: before its reader knows that there are no more."""

    def __init__(self, data: bytes, happens: Callable[[], None]) -> None:
        super().__init__(data)
        self._happens = happens

    def read(self, size: int | None = -1, /) -> bytes:
        """See `io.BytesIO`."""
        data = super().read(size)
        if not data:
            self._happens()
        return data
