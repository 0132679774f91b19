"""What the core's tests start from."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.checkpointdesk import CheckpointDesk
from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.limits import Times
from idlegrid_server.core.matching import QueueOrder
from idlegrid_server.core.news import Bus, News, from_wire, to_wire
from idlegrid_server.core.nodedesk import NodeDesk
from idlegrid_server.core.outlook import Outlook
from idlegrid_server.core.ports import RandomIds, SystemClock
from idlegrid_server.core.taskdesk import TaskDesk
from idlegrid_server.core.writer import Writer
from idlegrid_server.queue.memory import MemoryQueue
from idlegrid_server.record.checkpoints import SqlCheckpoints
from idlegrid_server.record.files import SqlFiles
from idlegrid_server.record.node_reader import SqlNodeReader
from idlegrid_server.record.reader import SqlReader
from idlegrid_server.record.store import SqlRecord
from idlegrid_server.record.task_files import SqlTaskFiles
from idlegrid_server.schedules import CronCalendar

from ...parts import FakeClock, open_record
from .table import Table


@pytest.fixture
def table() -> Table:
    """The core without a database."""
    return Table()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A real record in a temporary file."""
    engine = open_record(tmp_path)
    yield engine
    engine.dispose()


Story = Callable[..., Awaitable[Any]]


class DirectBus:
    """Hands news over by their wire, on the event loop of both ends."""

    is_heard = True

    def __init__(self) -> None:
        self.hears: list[Coordinator] = []
        self.told: list[News] = []

    def tell(self, news: News) -> None:
        self.told.append(news)
        for other in self.hears:
            asyncio.get_running_loop().call_soon(other.heard, from_wire(json.loads(json.dumps(to_wire(news)))))


def assembled(engine: Engine, queue: MemoryQueue, bus: Bus | None = None) -> tuple[Coordinator, Writer]:
    """A coordinator on the running event loop, and its writer, which is not started."""
    loop, clock = asyncio.get_running_loop(), SystemClock()

    def written(batch: Batch) -> None:
        loop.call_soon_threadsafe(coordinator.written, batch)

    def queued(batch: Batch) -> None:
        loop.call_soon_threadsafe(coordinator.polls.wake, batch.woken, batch.lengths)

    writer = Writer(SqlRecord(engine, clock.now), queue, written, queued)
    reader, files = SqlReader(engine), SqlFiles(engine, clock.now)
    task_files = SqlTaskFiles(engine, clock.now)
    tasks = TaskDesk(writer, reader, task_files, clock, RandomIds(), CronCalendar(), QueueOrder.FIFO)
    known = SqlNodeReader(engine)
    nodes = NodeDesk(writer, reader, known, task_files, Times(), Outlook(known.weeks, clock), bus)
    checkpoints = CheckpointDesk(writer, SqlNodeReader(engine), SqlCheckpoints(engine, clock.now))
    coordinator = Coordinator(writer, reader, files, checkpoints, tasks, nodes, clock, RandomIds(), Times(), bus=bus)
    return coordinator, writer


async def live(story: Story, *pairs: tuple[Coordinator, Writer]) -> Any:
    """Tell the story with these coordinators at work."""
    for _, writer in pairs:
        writer.start()
    try:
        return await asyncio.wait_for(story(*(coordinator for coordinator, _ in pairs)), 60)
    finally:
        for _, writer in pairs:
            await asyncio.to_thread(writer.stop)


@pytest.fixture
def grid(engine: Engine) -> Callable[[Story], Any]:
    """`grid(story)` runs a coroutine with a coordinator on an event loop of its own."""

    async def alone(story: Story) -> Any:
        return await live(story, assembled(engine, MemoryQueue(SystemClock())))

    return lambda story: asyncio.run(alone(story))


@pytest.fixture
def two_grids(engine: Engine) -> Callable[[Story], Any]:
    """`two_grids(story)`: two coordinators on one record and one queue, which hear each other."""

    async def together(story: Story) -> Any:
        queue, buses = MemoryQueue(SystemClock()), (DirectBus(), DirectBus())
        pairs = [assembled(engine, queue, bus) for bus in buses]
        for bus, (other, _) in zip(buses, reversed(pairs), strict=True):
            bus.hears.append(other)
        return await live(story, *pairs)

    return lambda story: asyncio.run(together(story))
