"""The coordinator's verbs about nodes: who they are, who may take work, and how much. Dialects reach them as
`coordinator.nodes`.
"""

import asyncio
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from idlegrid_server.core.batch import Batch
from idlegrid_server.core.commands import Beat, HeldAttempt, Lease, NodeFacts
from idlegrid_server.core.commands.operator import (
    REGISTERED,
    NodeChange,
    RegisterNode,
    Registration,
    UnregisterNode,
    UpdateNode,
)
from idlegrid_server.core.errors import Conflict, NotFound, StaleReport
from idlegrid_server.core.files import TaskFile
from idlegrid_server.core.limits import Times
from idlegrid_server.core.matching import Capability, Offer, capability
from idlegrid_server.core.model import Node, NodeHealth, NodeState, NodeWish
from idlegrid_server.core.news import Bus, News, Nobody
from idlegrid_server.core.node_queries import HeldRun, NodeCounts, NodeFilter, NodeReader, NodeTotals
from idlegrid_server.core.outlook import Outlook
from idlegrid_server.core.polls import OpenPolls
from idlegrid_server.core.ports import TaskFiles
from idlegrid_server.core.queries import Reader
from idlegrid_server.core.rates import Rates
from idlegrid_server.core.reclaims import ReclaimFigures
from idlegrid_server.core.spells import Spell
from idlegrid_server.core.updates import END_EVENTS
from idlegrid_server.core.weeks import Week
from idlegrid_server.core.writer import Writer

T = TypeVar("T")
NO_RATES: Final = Rates()
"""Nothing ended there lately."""
MAX_ID_HOST: Final = 60
"""Characters of its hostname in the id of a node that was registered by hand."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a node has free; None means all that it offers."""

    slots: int
    cpu: float | None = None
    memory_mb: int | None = None


@dataclass(frozen=True, slots=True)
class NodeDetail:
    """A node with what stands beside it in the record."""

    node: Node
    held: Sequence[HeldRun]
    totals: NodeTotals
    week: Week
    rates: Rates


@dataclass(frozen=True, slots=True)
class ListedNode:
    """A node with how many runs it holds, and how often attempts ended there lately."""

    node: Node
    held: int
    rates: Rates = NO_RATES


class NodeDesk:
    """Lives on one event loop. Every coroutine raises RecordUnavailable when the database does not answer."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        nodes: NodeReader,
        task_files: TaskFiles,
        times: Times,
        outlook: Outlook,
        bus: Bus | None = None,
    ) -> None:
        self._bus = bus or Nobody()
        self.outlook = outlook
        self.polls = OpenPolls(self._unserved, outlook.stays)
        self._writer, self._reader, self._nodes, self._task_files = writer, reader, nodes, task_files
        self._times = times
        self._able: dict[str, Capability] = {}
        self._limits: dict[str, int] = {}

    def _unserved(self, woken: Mapping[str, int], lengths: Mapping[str, float]) -> None:
        self._bus.tell(News(woken=woken, lengths=lengths))

    # --- what the writer tells ---

    def written(self, batch: Batch) -> list[str]:
        """A batch is on disk: what nodes may take has changed with it. Call on the event loop.

        Answers which nodes are on other terms now: other coordinators must look at them again.
        """
        changed = [node.id for node in batch.changed_nodes.values() if self._note(node)]
        if self._limits:
            for node_id in self._limits.keys() & {attempt.node_id for attempt in batch.ended}:
                self.polls.end(node_id)
                changed.append(node_id)
        return changed

    def heard(self, news: News) -> None:
        """Another coordinator has written something that nodes here may wait for. Call on the event loop."""
        freed = {notice.node_id for notice in news.notices if notice.event in END_EVENTS} & self._limits.keys()
        self.look_again([*news.nodes, *filter(None, freed)])
        for node_id, orders in news.orders.items():
            self.polls.pass_on(node_id, orders)
        self.polls.wake(news.woken, news.lengths, alone=True)
        if news.all:
            self.polls.wake_all()

    def look_again(self, node_ids: Iterable[str] | None = None) -> None:
        """What these nodes may take, or all, has changed elsewhere: it is asked of the record when they ask."""
        for node_id in list(self._able) if node_ids is None else node_ids:
            self._able.pop(node_id, None)
            self._limits.pop(node_id, None)
            self.polls.end(node_id)

    def _note(self, node: Node) -> bool:
        """Keep what the node may take; whether that has changed. Who waits under other terms is sent to ask anew."""
        before = self._able.get(node.id), self._limits.get(node.id)
        if node.health is not NodeHealth.ALIVE or node.wish is not NodeWish.ACTIVE:
            self._able.pop(node.id, None)
            self._limits.pop(node.id, None)
            self.polls.bar(node.id)
            return before[0] is not None
        self._remember(node)
        changed = (self._able.get(node.id), self._limits.get(node.id)) != before
        if changed:
            self.polls.end(node.id)
        return changed

    def _remember(self, node: Node) -> Capability:
        if node.max_tasks is None:
            self._limits.pop(node.id, None)
        else:
            self._limits[node.id] = node.max_tasks
        able = self._able[node.id] = capability(node)
        return able

    # --- nodes that want work ---

    def takes_work(self, node_id: str) -> bool:
        """Whether the operator lets it, as far as this coordinator has heard since its last `offer`.

        What it has not heard the record says, where leases are written.
        """
        return node_id in self._able

    def is_limited(self, node_id: str) -> bool:
        """Whether the operator bounds how many runs it has at a time."""
        return node_id in self._limits

    async def offer(self, node_id: str, room: Room) -> Offer:
        """What the node would take and may. Raises Conflict for one that is not there: it must send a heartbeat."""
        self.outlook.freshen()
        able = self._able.get(node_id)
        if able is None:
            node = await asyncio.to_thread(self._reader.node, node_id)
            if node is None or node.health is NodeHealth.LEFT:
                raise Conflict(f"Node {node_id} is unknown: send a heartbeat first")
            if node.wish is not NodeWish.ACTIVE:
                return Offer(node_id, capability(node), 0, 0.0, 0)
            able = self._remember(node)
        slots = room.slots if node_id not in self._limits else min(room.slots, await self._left(node_id))
        cpu = able.cpu if room.cpu is None else min(room.cpu, able.cpu)
        memory = able.memory_mb if room.memory_mb is None else min(room.memory_mb, able.memory_mb)
        return Offer(node_id, able, slots, cpu, memory)

    async def _left(self, node_id: str) -> int:
        """How many runs more the operator's limit allows."""
        held = await asyncio.to_thread(self._reader.held_by, [node_id])
        return max(0, self._limits.get(node_id, 0) - held.get(node_id, 0))

    async def files_of(self, leases: Sequence[Lease]) -> dict[int, list[TaskFile]]:
        """The files that these runs find in their working folder, by task. Runs without a task cost no question."""
        tasks = {lease.run.task_id for lease in leases if lease.run.task_type != "http"} - {None}
        return {task: await asyncio.to_thread(self._task_files.of_task, task) for task in tasks if task is not None}

    async def file(self, run_uuid: str, lease_id: str, name: str) -> TaskFile:
        """A file for an attempt. Raises NotFound, or StaleReport when the lease is not the newest."""
        held = await asyncio.to_thread(held_run, self._nodes, run_uuid, lease_id)
        found = None if held.task_id is None else await asyncio.to_thread(self._task_files.find, held.task_id, name)
        if found is None:
            raise NotFound(f"The task of run {held.run_id} has no file {name}")
        return found

    async def chunk(self, file_id: str, seq: int) -> bytes | None:
        """One piece of a task's file, `FILE_CHUNK` bytes but for the last; None when it is gone."""
        return await asyncio.to_thread(self._task_files.chunk, file_id, seq)

    # --- the operator ---

    async def register(self, words: Registration) -> Node:
        """Take in a node by hand. Raises Conflict while it is there, InvalidInput for metadata that mean nothing."""
        return await self._writer.ask(RegisterNode(registered_id(words), words))

    async def update(self, node_id: str, change: NodeChange) -> Node:
        """Change what the operator wants of a node. Raises NotFound, InvalidInput."""
        return await self._tell(node_id, UpdateNode(node_id, change=change))

    async def unregister(self, node_id: str) -> None:
        """Send a node away; what it holds goes back to the front of its queues. Raises NotFound."""
        await self._tell(node_id, UnregisterNode(node_id))

    async def _tell(self, node_id: str, command: UpdateNode | UnregisterNode) -> Node:
        node, orders = await self._writer.ask(command)
        if orders:
            self.polls.order(node_id, orders)
            self._bus.tell(News(orders={node_id: orders}))
        return node

    async def beat(self, node_id: str, say: Callable[[Node], NodeFacts], run_ids: Collection[int]) -> Node:
        """A heartbeat that names the runs it holds by their ids: those of them that are leased to it are renewed.

        `say` makes its words from the node as it was. Orders for the node stay for its next poll. Raises NotFound.
        """
        node = await self._known(node_id)
        facts = say(node)
        held = [run for run in await asyncio.to_thread(self._nodes.held, node_id) if run.run_id in run_ids]
        if node.profile == REGISTERED:
            state = NodeState.RUNNING if held else NodeState.IDLE
            state = state if node.wish is NodeWish.ACTIVE else NodeState.DRAINING
            facts = replace(facts, state=state, reason=REGISTERED)
        listed = [HeldAttempt(run_uuid=run.run_uuid, lease_id=run.lease_id, frozen=None, usage=None) for run in held]
        await self._writer.ask(Beat(node_id, facts, listed, self._times))
        return await self._known(node_id)

    async def _known(self, node_id: str) -> Node:
        return await asyncio.to_thread(self._find, node_id)

    def _find(self, node_id: str) -> Node:
        node = self._reader.node(node_id)
        if node is None or node.wish is NodeWish.GONE:
            raise NotFound(f"Worker {node_id} not found")
        return node

    async def page(self, wanted: NodeFilter, now: float) -> tuple[list[ListedNode], int]:
        """One page of nodes, and how many there are in all."""
        return await asyncio.to_thread(self._page, wanted, now)

    def _page(self, wanted: NodeFilter, now: float) -> tuple[list[ListedNode], int]:
        nodes, total = self._nodes.page(wanted)
        ids = [node.id for node in nodes]
        held, rates = self._reader.held_by(ids), self._nodes.rates(ids, now)
        return [ListedNode(node, held.get(node.id, 0), rates.get(node.id, NO_RATES)) for node in nodes], total

    async def detail(self, node_id: str, now: float) -> NodeDetail:
        """A node whole. Raises NotFound."""
        return await asyncio.to_thread(self._whole, node_id, now)

    def _whole(self, node_id: str, now: float) -> NodeDetail:
        node, nodes = self._find(node_id), self._nodes
        rates = nodes.rates([node_id], now).get(node_id, NO_RATES)
        return NodeDetail(node, nodes.held(node_id), nodes.totals(node_id), nodes.week(node_id), rates)

    async def history(self, node_ids: Sequence[str], begin: float, end: float) -> dict[str, list[Spell]]:
        """What each of the nodes was between; those that are unknown are not in it."""
        return await asyncio.to_thread(self._nodes.spells, node_ids, begin, end)

    async def whole_week(self) -> tuple[int, Week]:
        """Of how many nodes the hours are known, and these added up."""
        return await asyncio.to_thread(self._nodes.whole_week)

    async def week(self, node_id: str) -> tuple[Node, Week]:
        """A node with what is known of its hours. Raises NotFound."""
        return await self._known(node_id), await asyncio.to_thread(self._nodes.week, node_id)

    async def counts(self) -> NodeCounts:
        """How many nodes there are."""
        return await asyncio.to_thread(self._nodes.counts)

    async def reclaims(self, now: float, node_id: str | None = None) -> ReclaimFigures:
        """How fast the owner of a node, or of any, got the machine back lately."""
        return await asyncio.to_thread(self._nodes.reclaims, node_id, now)


def held_run(nodes: NodeReader, run_uuid: str, lease_id: str) -> HeldRun:
    """The run that this lease holds. Raises NotFound, or StaleReport when it is not the newest or its end has come."""
    held = nodes.holder(run_uuid)
    if held is None:
        raise NotFound(f"Run {run_uuid} is unknown: drop it")
    if held.lease_id != lease_id or not held.is_running:
        raise StaleReport(f"Task {held.run_id}: this lease is gone")
    return held


def registered_id(words: Registration) -> str:
    """The id of a node that is registered by hand: the same hostname, address and port have the same one."""
    digest = hashlib.sha256(f"{words.hostname}\0{words.address}\0{words.port}".encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '-', words.hostname)[:MAX_ID_HOST]}-{digest[:8]}"


def status_of(node: Node) -> str:
    """What a node is to those who plan: `active`, `draining` or `offline`. `record.node_reader` says it in SQL.

    A node drains by its operator's word alone, from that word on; what it does itself is its state.
    """
    if node.health is not NodeHealth.ALIVE or node.wish in (NodeWish.OFFLINE, NodeWish.GONE):
        return "offline"
    return "draining" if node.wish is NodeWish.DRAINING else "active"
