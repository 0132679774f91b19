"""The composition root: settings → record, queue → Coordinator → dialects. The only file that knows everyone."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import Engine

from idlegrid_server import logs
from idlegrid_server.core.batch import Batch
from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.errors import GridError
from idlegrid_server.core.limits import Times
from idlegrid_server.core.nodedesk import NodeDesk
from idlegrid_server.core.ports import RandomIds, SystemClock
from idlegrid_server.core.taskdesk import TaskDesk
from idlegrid_server.core.writer import Writer
from idlegrid_server.housekeeping import Firer, Keeper
from idlegrid_server.http.application import make_application
from idlegrid_server.http.deps import Grid
from idlegrid_server.http.machine import Machine
from idlegrid_server.queue.listening import DueListener
from idlegrid_server.queue.redis_queue import RedisQueue
from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.facts import ensure_server_uuid, remember_queue_identity
from idlegrid_server.record.files import SqlFiles
from idlegrid_server.record.journal import Journal, Pages
from idlegrid_server.record.keys import KeyStore
from idlegrid_server.record.node_reader import SqlNodeReader
from idlegrid_server.record.reader import SqlReader
from idlegrid_server.record.retention import forget
from idlegrid_server.record.store import SqlRecord
from idlegrid_server.record.system_reader import SqlSystemReader
from idlegrid_server.record.task_files import SqlTaskFiles
from idlegrid_server.schedules import CronCalendar
from idlegrid_server.settings import Settings

log = structlog.get_logger(__name__)

GRACEFUL_SECONDS: Final = 3
"""How long requests under way are waited for at the end."""
SWITCH_SECONDS: Final = 0.0005
"""How long the writer's thread may keep the interpreter from the event loop; Python's own 5 ms would show in
every round trip."""


class Assembly:
    """All parts of one coordinator, wired; `start` and `stop` bracket their life on an event loop."""

    def __init__(self, settings: Settings, pages: Pages | None = None) -> None:
        """Open the record and the queue; what gathers in `pages` is written into the journal.

        Raises RecordUnavailable when the database cannot be opened.
        """
        self.settings, self.clock, self.times = settings, SystemClock(), times_of(settings)
        settings.data.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = open_engine(settings.record_url)
        ensure_server_uuid(self.engine)
        self.journal = Journal(self.engine, pages or Pages())
        self.reader = SqlReader(self.engine)
        self.queue = RedisQueue(settings.redis_url, clock=self.clock)
        record = SqlRecord(self.engine, self.clock.now, instance=str(uuid.uuid4()))
        self.writer = Writer(record, self.queue, self._written, self._queued)
        self.coordinator = self._coordinator()
        self.keeper = self._keeper()
        self.listener = DueListener(settings.redis_url, self.keeper.wake)
        self._loop: asyncio.AbstractEventLoop | None = None

    def _coordinator(self) -> Coordinator:
        now, order, ids, calendar = self.clock.now, self.settings.queue_order, RandomIds(), CronCalendar()
        files, task_files = SqlFiles(self.engine, now), SqlTaskFiles(self.engine, now)
        tasks = TaskDesk(self.writer, self.reader, task_files, self.clock, ids, calendar, order)
        nodes = NodeDesk(self.writer, self.reader, SqlNodeReader(self.engine), task_files, self.times)
        return Coordinator(self.writer, self.reader, files, tasks, nodes, self.clock, ids, self.times, order)

    def _keeper(self) -> Keeper:
        order = self.settings.queue_order
        return Keeper(
            self.writer,
            self.reader,
            self.queue,
            self.clock,
            self.times,
            firer=Firer(self.writer, self.reader, self.queue, self.clock, RandomIds(), CronCalendar(), order),
            order=order,
            remember=lambda identity: remember_queue_identity(self.engine, identity),
            forget=lambda before: forget(self.engine, before),
            wake_all=self._wake_all,
        )

    def grid(self) -> Grid:
        """What the HTTP side is given."""
        server_id = self.reader.server_uuid()[:8]
        return Grid(
            self.settings,
            self.coordinator,
            self.queue,
            KeyStore(self.engine),
            server_id,
            known_keys={},
            system=SqlSystemReader(self.engine),
            machine=Machine(self.settings.data),
            started=self.clock.monotonic(),
        )

    async def start(self) -> None:
        """Begin to write and to keep house; a queue that lost its data is filled before the first request."""
        self._loop = asyncio.get_running_loop()
        self.journal.start()
        self.writer.start()
        await asyncio.to_thread(self.keeper.look)
        self.keeper.start(self.settings.tick_seconds)
        self.listener.start()

    async def stop(self) -> None:
        """End after what has gathered is written."""
        await asyncio.to_thread(self.listener.stop)
        await asyncio.to_thread(self.keeper.stop)
        await asyncio.to_thread(self.writer.stop)
        await asyncio.to_thread(self.journal.stop)
        self.engine.dispose()

    def _written(self, batch: Batch) -> None:
        if batch.follow:
            self.keeper.nudge()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.coordinator.written, batch)

    def _queued(self, batch: Batch) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.coordinator.polls.wake, batch.woken)

    def _wake_all(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.coordinator.polls.wake_all)


def times_of(settings: Settings) -> Times:
    """The protocol's times as the settings have them."""
    return Times(
        lease=settings.lease_seconds,
        heartbeat=settings.heartbeat_seconds,
        listing=settings.listing_seconds,
        start_grace=settings.start_grace_seconds,
        outbox=settings.outbox_seconds,
        node_lost=settings.lease_seconds,
    )


class _Server(uvicorn.Server):
    """Ends open polls as soon as a signal comes, so that a stop is prompt."""

    def __init__(self, config: uvicorn.Config, assembly: Assembly) -> None:
        super().__init__(config)
        self._assembly = assembly

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal asks to end."""
        self._assembly.coordinator.stop()
        super().handle_exit(sig, frame)


def serve(settings: Settings) -> int:
    """Run one coordinator until a signal ends it. Raises GridError when it cannot start."""
    pages = Pages()
    logs.configure(settings.log_level, pages.add)
    sys.setswitchinterval(SWITCH_SECONDS)
    assembly = Assembly(settings, pages)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.grid = assembly.grid()
        await assembly.start()
        log.info("coordinator started", action="started", host=settings.host, port=settings.port)
        yield
        await assembly.stop()

    config = uvicorn.Config(
        make_application(settings, lifespan),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        timeout_keep_alive=75,
        server_header=False,
        proxy_headers=False,
    )
    server = _Server(config, assembly)
    server.run()
    return 0 if server.started else 1


def main(host: str | None = None, port: int | None = None, data: str | Path | None = None) -> int:
    """`idlegrid serve`: settings from the environment, these three from the command line when given."""
    given = {"host": host, "port": port, "data": None if data is None else Path(data)}
    try:
        return serve(Settings(**{name: value for name, value in given.items() if value is not None}))  # type: ignore[arg-type]
    except ValidationError as error:
        for problem in error.errors():
            name = "IDLEGRID_" + "_".join(str(part) for part in problem["loc"]).upper()
            print(f"{name}: {problem['msg']}", file=sys.stderr)
        return 2
    except GridError as error:
        print(str(error), file=sys.stderr)
        return 1
