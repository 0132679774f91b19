"""What the core's tests start from."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.limits import Times
from idlegrid_server.core.matching import QueueOrder
from idlegrid_server.core.nodedesk import NodeDesk
from idlegrid_server.core.ports import RandomIds, SystemClock
from idlegrid_server.core.taskdesk import TaskDesk
from idlegrid_server.core.writer import Writer
from idlegrid_server.queue.memory import MemoryQueue
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


Story = Callable[[Coordinator], Awaitable[Any]]


@pytest.fixture
def grid(engine) -> Callable[[Story], Any]:
    """`grid(story)` runs a coroutine with a coordinator on an event loop of its own."""

    async def live(story: Story) -> Any:
        loop, clock = asyncio.get_running_loop(), SystemClock()

        def written(batch):
            loop.call_soon_threadsafe(coordinator.written, batch)

        def queued(batch):
            loop.call_soon_threadsafe(coordinator.polls.wake, batch.woken)

        writer = Writer(SqlRecord(engine, clock.now), MemoryQueue(clock), written, queued)
        reader, files = SqlReader(engine), SqlFiles(engine, clock.now)
        task_files = SqlTaskFiles(engine, clock.now)
        tasks = TaskDesk(writer, reader, task_files, clock, RandomIds(), CronCalendar(), QueueOrder.FIFO)
        nodes = NodeDesk(writer, reader, SqlNodeReader(engine), task_files, Times())
        coordinator = Coordinator(writer, reader, files, tasks, nodes, clock, RandomIds(), Times())
        writer.start()
        try:
            return await asyncio.wait_for(story(coordinator), 60)
        finally:
            await asyncio.to_thread(writer.stop)

    return lambda story: asyncio.run(live(story))
