"""The composition root: settings → record, queue → Coordinator → dialects. The only file that knows everyone."""

import asyncio
import gc
import socket
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import Engine

from idlegrid_server import logs
from idlegrid_server.core.batch import Batch
from idlegrid_server.core.checkpointdesk import CheckpointDesk
from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.errors import GridError
from idlegrid_server.core.explaining import Explainer
from idlegrid_server.core.health import Health
from idlegrid_server.core.limits import Times
from idlegrid_server.core.news import News
from idlegrid_server.core.nodedesk import NodeDesk
from idlegrid_server.core.outlook import Outlook
from idlegrid_server.core.ports import RandomIds, SystemClock
from idlegrid_server.core.retention import DAY, Ages
from idlegrid_server.core.subscriptions import Subscriptions
from idlegrid_server.core.taskdesk import TaskDesk
from idlegrid_server.core.watching import Watcher
from idlegrid_server.core.webhookdesk import WebhookDesk
from idlegrid_server.core.writer import Writer
from idlegrid_server.housekeeping.firing import Firer
from idlegrid_server.housekeeping.forgetting import Forgetter
from idlegrid_server.housekeeping.health import HealthWatch
from idlegrid_server.housekeeping.keeper import Keeper
from idlegrid_server.housekeeping.sampling import Sampler
from idlegrid_server.housekeeping.webhooks.waking import CourierWaker
from idlegrid_server.housekeeping.weeks import WeekFolder
from idlegrid_server.http.access.desk import KeyDesk
from idlegrid_server.http.access.gate import Gate
from idlegrid_server.http.access.tokens import Tokens, ensure_secret
from idlegrid_server.http.application import make_application
from idlegrid_server.http.deps import Grid
from idlegrid_server.http.machine import Machine
from idlegrid_server.queue.bus import RedisBus
from idlegrid_server.queue.redis_queue import RedisQueue
from idlegrid_server.record.checkpoints import SqlCheckpoints
from idlegrid_server.record.engine import open_engine
from idlegrid_server.record.facts import ensure_server_uuid, remember_queue_identity
from idlegrid_server.record.files import SqlFiles
from idlegrid_server.record.health import SqlHealthNote
from idlegrid_server.record.journal import Journal
from idlegrid_server.record.keys import KeyStore
from idlegrid_server.record.leadership import SqlLeadership
from idlegrid_server.record.node_reader import SqlNodeReader
from idlegrid_server.record.old_rows import EndedCheckpoints
from idlegrid_server.record.pages import Pages
from idlegrid_server.record.reader import SqlReader
from idlegrid_server.record.retention import plan
from idlegrid_server.record.samples import SqlSamples
from idlegrid_server.record.store import SqlRecord
from idlegrid_server.record.system_reader import SqlSystemReader
from idlegrid_server.record.task_files import SqlTaskFiles
from idlegrid_server.record.wal import WalMover
from idlegrid_server.record.watch_reader import SqlWatchReader
from idlegrid_server.record.webhooks import SqlWebhooks
from idlegrid_server.record.weeks import SqlWeeks
from idlegrid_server.resolving import resolver
from idlegrid_server.schedules import CronCalendar
from idlegrid_server.settings import Settings
from idlegrid_server.tls import CertificateUnusable, check_pair

log = structlog.get_logger(__name__)

GRACEFUL_SECONDS: Final = 3
"""How long requests under way are waited for at the end."""
LOOKUPS: Final = 4
"""Names of endpoints looked up at a time, when somebody gives their URLs."""
COLLECTED_AFTER: Final = (2_000, 10, 500)
"""New objects before the youngest are looked through for cycles, and how many such looks before one at the older ones.
With Python's own (700, 10, 10) the oldest were looked through every few seconds, which stopped everything for 100 ms
and more with a thousand nodes connected."""
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
        self.wal = WalMover(self.engine)
        self.journal = Journal(self.engine, pages or Pages())
        self.reader, self.watch = SqlReader(self.engine), SqlWatchReader(self.engine)
        self.queue = RedisQueue(settings.redis_url, clock=self.clock)
        self.subscriptions = Subscriptions(self.clock.monotonic)
        instance = str(uuid.uuid4())
        self.bus = RedisBus(
            settings.redis_url,
            instance,
            heard=self._heard,
            lost_touch=self._lost_touch,
            due=lambda: self.keeper.wake(),
        )
        record = SqlRecord(self.engine, self.clock.now, instance, self.subscriptions)
        self.writer = Writer(record, self.queue, self._written, self._queued)
        self.coordinator = self._coordinator()
        self.health = self._health()
        self.keys = KeyStore(self.engine)
        self.tokens = self._tokens()
        self.gate = Gate(settings, self.keys, self.clock, self.tokens)
        ages = ages_of(settings, self.times)
        self.forgetter = Forgetter(lambda now: plan(self.engine, ages, now), self.clock)
        self.dropper = Forgetter(lambda now: [EndedCheckpoints(self.engine)], self.clock)
        self.keeper = self._keeper()
        self._loop: asyncio.AbstractEventLoop | None = None

    def _coordinator(self) -> Coordinator:
        now, order, ids, calendar = self.clock.now, self.settings.queue_order, RandomIds(), CronCalendar()
        files, task_files = SqlFiles(self.engine, now), SqlTaskFiles(self.engine, now)
        tasks = TaskDesk(self.writer, self.reader, task_files, self.clock, ids, calendar, order)
        known = SqlNodeReader(self.engine)
        outlook = Outlook(known.weeks, self.clock)
        nodes = NodeDesk(self.writer, self.reader, known, task_files, self.times, outlook, self.bus)
        checkpoints = CheckpointDesk(self.writer, SqlNodeReader(self.engine), SqlCheckpoints(self.engine, now))
        return Coordinator(
            self.writer,
            self.reader,
            files,
            checkpoints,
            tasks,
            nodes,
            self.clock,
            ids,
            self.times,
            order,
            self.bus,
        )

    def _health(self) -> Health:
        system, nodes = SqlSystemReader(self.engine), SqlNodeReader(self.engine)
        return Health(system, self.queue, self.reader, nodes, self.clock, self.clock.monotonic())

    def _keeper(self) -> Keeper:
        order, deliveries = self.settings.queue_order, SqlWebhooks(self.engine)
        return Keeper(
            self.writer,
            self.reader,
            self.queue,
            self.clock,
            self.times,
            firer=Firer(self.writer, self.reader, self.queue, self.clock, RandomIds(), CronCalendar(), order),
            order=order,
            remember=lambda identity: remember_queue_identity(self.engine, identity),
            forget=self.forgetter.wake,
            drop_ended=self.dropper.wake,
            wake_all=self._wake_all,
            leadership=SqlLeadership(self.engine, place_of(self.settings), self.clock),
            wake_couriers=CourierWaker(deliveries, self.queue, self.clock.now).wake_couriers,
            fold_weeks=WeekFolder(SqlWeeks(self.engine), self.clock).fold_weeks,
            sample=Sampler(SqlSamples(self.engine), self.reader, self.watch, self.clock).sample,
            watch_health=HealthWatch(self.health.components, SqlHealthNote(self.engine), self.clock).watch_health,
        )

    def _webhooks(self) -> WebhookDesk:
        return WebhookDesk(
            SqlWebhooks(self.engine),
            self.clock,
            resolver(LOOKUPS),
            allow_private=self.settings.webhook_allow_private,
            changed=self._webhooks_changed,
            due=self.keeper.addressed,
        )

    def _webhooks_changed(self) -> None:
        self.subscriptions.refresh()
        self.bus.tell(News(webhooks=True))

    def _tokens(self) -> Tokens | None:
        """None where no keys are asked for. Raises SecretUnusable."""
        if not self.settings.needs_keys:
            return None
        secret = ensure_secret(self.settings.token_key_file or self.settings.data / "token.key")
        return Tokens(secret, self.reader.server_uuid(), self.clock.now)

    def _key_desk(self) -> KeyDesk:
        return KeyDesk(
            self.keys,
            self.gate.ring,
            self.clock,
            self.tokens,
            token_seconds=self.settings.token_seconds,
            changed=lambda: self.bus.tell(News(keys=True)),
        )

    def grid(self) -> Grid:
        """What the HTTP side is given."""
        server_id = self.reader.server_uuid()[:8]
        return Grid(
            self.settings,
            self.coordinator,
            self.queue,
            self.keys,
            server_id,
            self.gate,
            self._key_desk(),
            system=self.health.system,
            health=self.health,
            webhooks=self._webhooks(),
            explainer=Explainer(self.reader, self.queue, self.clock, self.settings.queue_order),
            watcher=Watcher(self.watch, self.reader, SqlNodeReader(self.engine), self.queue, self.clock),
            machine=Machine(self.settings.data),
            started=self.clock.monotonic(),
        )

    async def start(self) -> None:
        """Begin to write and to keep house; a queue that lost its data is filled before the first request."""
        self._loop = asyncio.get_running_loop()
        self.wal.start()
        self.journal.start()
        self.writer.start()
        await asyncio.to_thread(self.keeper.look)
        self.keeper.start(self.settings.tick_seconds)
        self.forgetter.start()
        self.dropper.start()
        self.bus.start()
        self.coordinator.nodes.outlook.start()
        if self.settings.needs_keys:
            await self.gate.start()

    async def stop(self) -> None:
        """End after what has gathered is written."""
        await self.gate.stop()
        await asyncio.to_thread(self.bus.stop)
        await asyncio.to_thread(self.keeper.stop)
        await asyncio.to_thread(self.forgetter.stop)
        await asyncio.to_thread(self.dropper.stop)
        await asyncio.to_thread(self.writer.stop)
        await asyncio.to_thread(self.journal.stop)
        await asyncio.to_thread(self.wal.stop)
        self.engine.dispose()

    def _written(self, batch: Batch) -> None:
        if batch.follow:
            self.keeper.nudge()
        if batch.addressed:
            self.keeper.addressed()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.coordinator.written, batch)

    def _queued(self, batch: Batch) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.coordinator.polls.wake, batch.woken, batch.lengths)

    def _wake_all(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.coordinator.polls.wake_all)
        self.bus.tell(News(all=True))

    def _heard(self, news: News) -> None:
        if news.webhooks:
            self.subscriptions.refresh()
        if news.keys:
            self.gate.ring.refresh_soon()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.coordinator.heard, news)

    def _lost_touch(self) -> None:
        self.gate.ring.refresh_soon()
        self.subscriptions.refresh()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.coordinator.lost_touch)


def place_of(settings: Settings) -> str:
    """Where a coordinator serves: the same after a restart, and no other's at that time."""
    port = settings.port or uuid.uuid4().hex
    return f"{socket.gethostname()}:{settings.host}:{port}"


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


def ages_of(settings: Settings, times: Times) -> Ages:
    """How long what is kept, as the settings have it."""
    return Ages(
        runs=settings.keep_runs_days * DAY,
        events=settings.keep_events_days * DAY,
        logs=settings.keep_logs_days * DAY,
        deliveries=settings.keep_deliveries_days * DAY,
        usage=settings.keep_usage_days * DAY,
        keys=times.idempotency,
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


def _settle_memory() -> None:
    """What is there at the start stays: never look through it again."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(*COLLECTED_AFTER)


def serve(settings: Settings) -> int:
    """Run one coordinator until a signal ends it. Raises GridError when it cannot start, CertificateUnusable."""
    check_pair(settings.tls_cert, settings.tls_key)
    pages = Pages()
    logs.configure(settings.log_level, pages.add)
    sys.setswitchinterval(SWITCH_SECONDS)
    assembly = Assembly(settings, pages)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.grid = assembly.grid()
        await assembly.start()
        _settle_memory()
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
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    server = _Server(config, assembly)
    server.run()
    return 0 if server.started else 1


def main(**given: object) -> int:
    """`idlegrid serve`: settings from the environment; these from the command line, where they are not None."""
    try:
        return serve(Settings(**{name: value for name, value in given.items() if value is not None}))  # type: ignore[arg-type]
    except ValidationError as error:
        for problem in error.errors():
            name = "IDLEGRID_" + "_".join(str(part) for part in problem["loc"]).upper()
            print(f"{name}: {problem['msg']}", file=sys.stderr)
        return 2
    except CertificateUnusable as error:
        print(str(error), file=sys.stderr)
        return 2
    except GridError as error:
        print(str(error), file=sys.stderr)
        return 1
