"""The coordinator's verbs. Dialects call these and nothing else; they translate, it decides."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Final, TypeVar

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.checkpointdesk import CheckpointDesk
from idlegrid_server.core.commands import (
    Beat,
    CancelRun,
    HeldAttempt,
    Lease,
    LeaseRuns,
    LegacyReport,
    MakeRuns,
    NodeFacts,
    Order,
    Report,
    ReportAnswer,
    ReportRuns,
)
from idlegrid_server.core.definitions import DEPENDENCY
from idlegrid_server.core.errors import Conflict, NotFound
from idlegrid_server.core.files import Upload
from idlegrid_server.core.limits import MAX_INT64, Times
from idlegrid_server.core.matching import Capability, Offer, QueueOrder, requirement_class
from idlegrid_server.core.model import Need, Outcome, Priority, Reclaim, Run, RunState, Submission
from idlegrid_server.core.news import Bus, News, Nobody
from idlegrid_server.core.nodedesk import NodeDesk, Room
from idlegrid_server.core.polls import Poll
from idlegrid_server.core.ports import Clock, Files, Ids
from idlegrid_server.core.queries import Reader, RunView
from idlegrid_server.core.rundesk import RunDesk
from idlegrid_server.core.taskdesk import TaskDesk, checked_id
from idlegrid_server.core.updates import End, Updates
from idlegrid_server.core.waiting import why
from idlegrid_server.core.writer import Writer

T = TypeVar("T")

LEGACY_QUEUES = frozenset(requirement_class(Need(), priority).queue for priority in Priority)
"""What a legacy worker may take: python runs of the default class."""
LEGACY = Capability(frozenset({"python"}), frozenset(), 1.0, 512, sandbox=4)
"""A legacy worker is taken at its operator's word, by runs that stated no level."""
FRESH_SECONDS: Final = 0.05
"""How long the end of a run that was just made here is waited for before the record is asked: most are over by then,
and a look at one that has not even begun takes the time of those who begin it."""
MAX_FRESH: Final = 1_000
KEEPERS: Final = 2
"""Files written at a time: they share their threads with everything that is read."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a node is given: leases, orders."""

    leases: Sequence[Lease] = ()
    orders: Sequence[Order] = field(default=())


@dataclass(frozen=True, slots=True)
class Heard:
    """What a node hears in answer to its heartbeat: orders, and what the operator wants of its owner's policy."""

    orders: Sequence[Order]
    policy: str = "{}"
    """A JSON object as text."""


class Coordinator:
    """Takes work in, hands it out, takes results back. Lives on one event loop."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        files: Files,
        checkpoints: CheckpointDesk,
        tasks: TaskDesk,
        nodes: NodeDesk,
        clock: Clock,
        ids: Ids,
        times: Times,
        order: QueueOrder = QueueOrder.FIFO,
        bus: Bus | None = None,
    ) -> None:
        self.reader, self.files, self.clock, self.times = reader, files, clock, times
        self.checkpoints = checkpoints
        self.tasks, self.nodes, self.runs = tasks, nodes, RunDesk(writer, reader)
        self._order, self._bus = order, bus or Nobody()
        self.polls, self.updates = nodes.polls, Updates()
        self._writer, self._ids = writer, ids
        self._keeping = asyncio.Semaphore(KEEPERS)
        self._stopping = False
        self._fresh: dict[int, str] = {}

    # --- what the writer tells ---

    def written(self, batch: Batch) -> None:
        """A batch is on disk: tell who waits for that. Call on the event loop."""
        changed, stops, notices = self.nodes.written(batch), _stops(batch), batch.notices()
        for node_id, orders in stops.items():
            self.polls.order(node_id, orders)
        self._note_fresh(batch)
        self.updates.publish(notices, _ended(batch))
        if self._bus.is_heard and (changed or stops or notices):
            self._bus.tell(News(notices=notices, nodes=changed, orders=stops))

    def heard(self, news: News) -> None:
        """Another coordinator has written something. Call on the event loop."""
        self.nodes.heard(news)
        self.updates.publish(news.notices)

    def lost_touch(self) -> None:
        """What others did may not have been heard: everything is looked at again. Call on the event loop."""
        self.nodes.look_again()
        self.polls.wake_all()
        self.updates.end_waits()

    def _note_fresh(self, batch: Batch) -> None:
        """Remember whose the newest runs are that were made here and have not ended: they need not be looked up."""
        self._fresh.update((run.id, run.submitter) for run, *_ in batch.new_runs)
        for run in batch.changed_runs.values():
            if run.state.is_final:
                self._fresh.pop(run.id, None)
        while len(self._fresh) > MAX_FRESH:
            del self._fresh[next(iter(self._fresh))]

    def stop(self) -> None:
        """Answer every open poll and wait, so that the server can end."""
        self._stopping = True
        self.polls.wake_all()
        self.updates.close()

    # --- submitters ---

    async def submit(self, submissions: list[Submission], key: str = "", fingerprint: str = "") -> list[Run]:
        """Queue the submissions, all or nothing. With a key, at most once.

        Raises InvalidInput when the key was used for other words, RecordUnavailable.
        """
        uuids = [self._ids.run_uuid() for _ in submissions]
        return await self._writer.ask(MakeRuns(submissions, uuids, key, fingerprint, self._order))

    async def cancel(self, run_id: int) -> Run:
        """End a run now. Raises NotFound, Conflict when it has ended already."""
        return await self._writer.ask(CancelRun(checked_id(run_id, "Run")))

    async def submitter_of(self, run_id: int) -> str | None:
        """Whose run it is, which never changes; None when there is none."""
        if run_id in self._fresh or not 0 < run_id <= MAX_INT64:
            return self._fresh.get(run_id)
        return await self.read(self.reader.submitter, run_id)

    async def view(self, run_id: int, wait: float = 0.0, what: str = "Task") -> RunView:
        """A run; with `wait`, once it has ended or after that many seconds. Raises NotFound, which calls it `what`."""
        deadline = self.clock.monotonic() + wait
        if wait > FRESH_SECONDS and run_id in self._fresh:
            with self.updates.end_of(run_id) as ended:
                if seen := await _end_within(ended, FRESH_SECONDS):
                    return seen
        while True:
            with self.updates.end_of(run_id) as ended:
                view = await self.read(self.reader.view, checked_id(run_id, what))
                if view is None:
                    raise NotFound(f"{what} {run_id} not found")
                left = deadline - self.clock.monotonic()
                if view.run.state.is_final or left <= 0 or self._stopping:
                    return view
                if seen := await _end_within(ended, left):
                    return seen

    async def waiting_for(self, run: Run) -> str | None:
        """Why a run has not started, as a sentence; None when it has, or is about to."""
        nodes = await self.read(self.reader.node_kinds) if run.state is RunState.PENDING else []
        waits = await self.read(self.reader.waits_of, run.id) if run.reason == DEPENDENCY else []
        return why(run, nodes, waits)

    async def read(self, query: Callable[..., T], *words: object) -> T:
        """Ask the record without holding up the event loop."""
        return await asyncio.to_thread(query, *words)

    # --- nodes ---

    async def beat(
        self,
        node_id: str,
        facts: NodeFacts,
        attempts: Sequence[HeldAttempt],
        *,
        joins: bool = False,
        reclaims: Sequence[Reclaim] = (),
    ) -> Heard:
        """Take a heartbeat; answers what the node is to do."""
        command = Beat(node_id, facts, attempts, self.times, joins, reclaims)
        orders = await self._writer.ask(command)
        told = [*orders, *(o for o in self.polls.take_orders(node_id) if o not in orders)]
        return Heard(told, command.pushed)

    async def fetch(self, node_id: str, room: Room, wait: float = 0.0) -> Work:
        """Work for a node, at once or within `wait` seconds. Raises Conflict for a node that never sent a heartbeat."""
        offer = await self.nodes.offer(node_id, room)
        poll = self.polls.open(offer)
        deadline = self.clock.monotonic() + wait
        try:
            work = await self._look(offer)
            while not (work.leases or work.orders) and await self._woken(poll, deadline):
                work = await self._look(offer)
        finally:
            self.polls.close(poll)
        return work

    async def _woken(self, poll: Poll, deadline: float) -> bool:
        """Wait until the poll is worth another look; False when it is over."""
        left = deadline - self.clock.monotonic()
        if poll.superseded or self._stopping or left <= 0 or not await _wait(poll.event, left):
            return False
        poll.heed()
        return not poll.superseded

    async def _look(self, offer: Offer) -> Work:
        orders = self.polls.take_orders(offer.node_id)
        if offer.slots <= 0 or not self.nodes.takes_work(offer.node_id):
            return Work(orders=orders)
        return Work(await self._lease(offer), orders)

    async def _lease(self, offer: Offer) -> list[Lease]:
        asking = asyncio.ensure_future(self._ask_for(offer))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(lambda done: self._give_back(offer.node_id, done))
            raise

    async def _ask_for(self, offer: Offer) -> list[Lease]:
        command = LeaseRuns(offer, [self._ids.lease_id() for _ in range(offer.slots)], self.times.listing)
        leases = await self._writer.ask(command)
        if command.refused:
            self.nodes.look_again([offer.node_id])
        return leases

    def _give_back(self, node_id: str, done: "asyncio.Future[list[Lease]]") -> None:
        """The node hung up while runs were leased to it: they need not wait for their lease to end."""
        if done.cancelled() or done.exception() is not None or not done.result():
            return
        reports = [
            Report(run_uuid=lease.run.uuid, lease_id=lease.lease_id, outcome=Outcome.RETURNED, reason="hung_up")
            for lease in done.result()
        ]
        task = asyncio.ensure_future(self._writer.ask(ReportRuns(node_id, reports)))
        task.add_done_callback(lambda ended: ended.exception())

    async def report(
        self, node_id: str, reports: Sequence[Report], room: Room | None = None
    ) -> tuple[list[ReportAnswer], Work]:
        """Take a node's reports and, when it has room, give it what is there; one transaction does both.

        What a limited node reports counts first, so that it makes room for the next.
        """
        if room is not None and self.nodes.is_limited(node_id):
            answers = await self._writer.ask(ReportRuns(node_id, reports))
            return answers, await self._next(node_id, room)
        return await asyncio.gather(self._writer.ask(ReportRuns(node_id, reports)), self._next(node_id, room))

    async def _next(self, node_id: str, room: Room | None) -> Work:
        """Work for a node that reports. One that never sent a heartbeat is told so when it asks for work alone."""
        if room is None:
            return Work()
        try:
            return await self._look(await self.nodes.offer(node_id, room))
        except Conflict:
            return Work()

    async def check_file(self, upload: Upload) -> None:
        """Whether a node may send a file, before it has. Raises NotFound, StaleReport, TooLarge."""
        await self.read(self.files.check, upload)

    async def keep_file(self, upload: Upload, body: IO[bytes]) -> None:
        """Add a file to those of its run. Raises NotFound, StaleReport, TooLarge; nothing of it stays then."""
        async with self._keeping:
            await self.read(self.files.keep, upload, body)

    async def keep_task_file(self, task_id: int, name: str, size: int, sha256: str, body: IO[bytes]) -> bool:
        """Add a file to those of a task; whether it is new. Raises NotFound, TooLarge; nothing of it stays then."""
        async with self._keeping:
            return await self.read(self.tasks.files.keep, task_id, name, size, sha256, body)

    # --- legacy workers ---

    async def legacy_lease(self, worker: str) -> Lease | None:
        """One run of the default class for a worker that speaks `/get_task`."""
        offer = Offer(worker, LEGACY, 1, LEGACY.cpu, LEGACY.memory_mb, LEGACY_QUEUES)
        margin = self.times.legacy_margin
        leases = await self._writer.ask(LeaseRuns(offer, [self._ids.lease_id()], None, margin, "legacy"))
        return leases[0] if leases else None

    async def legacy_report(self, run_id: int, result: str, error: str | None, lease_id: str | None) -> Run:
        """A result from such a worker. Raises NotFound, StaleReport."""
        return await self._writer.ask(LegacyReport(checked_id(run_id), result, error, lease_id))


def _stops(batch: Batch) -> dict[str, list[Order]]:
    """Who is to stop what. A legacy worker can be told nothing; its result will not be taken."""
    stops: dict[str, list[Order]] = {}
    for node_id, run in batch.stops:
        if run.lease_via != "legacy":
            stops.setdefault(node_id, []).append(Order("stop", run.uuid, run.lease_id or "", "cancelled"))
    return stops


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _end_within(end: End, seconds: float) -> RunView | None:
    done, _ = await asyncio.wait({end}, timeout=seconds)
    return end.result() if done else None


def _ended(batch: Batch) -> dict[int, RunView]:
    """Runs that ended with this batch and left something: their end needs not be read again."""
    return {
        run.id: RunView(run, left.result, left.error)
        for run in batch.changed_runs.values()
        if run.state.is_final and (left := batch.outputs.get(run.uuid)) is not None
    }
