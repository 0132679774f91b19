"""The coordinator's verbs about nodes: who they are, who may take work, and how much. Dialects reach them as
`coordinator.nodes`.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

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
from idlegrid_server.core.node_queries import HeldRun, NodeCounts, NodeFilter, NodeReader, NodeTotals
from idlegrid_server.core.polls import OpenPolls
from idlegrid_server.core.ports import TaskFiles
from idlegrid_server.core.queries import Reader
from idlegrid_server.core.writer import Writer

T = TypeVar("T")
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


class NodeDesk:
    """Lives on one event loop. Every coroutine raises RecordUnavailable when the database does not answer."""

    def __init__(self, writer: Writer, reader: Reader, nodes: NodeReader, task_files: TaskFiles, times: Times) -> None:
        self.polls = OpenPolls()
        self._writer, self._reader, self._nodes, self._task_files = writer, reader, nodes, task_files
        self._times = times
        self._able: dict[str, Capability] = {}
        self._limits: dict[str, int] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._asking: dict[asyncio.Future[list[Lease]], str] = {}
        self._held_back: set[str] = set()

    # --- what the writer tells ---

    def written(self, batch: Batch) -> None:
        """A batch is on disk: what nodes may take has changed with it. Call on the event loop."""
        for node in batch.changed_nodes.values():
            self._note(node)
        if self._limits:
            for node_id in self._limits.keys() & {attempt.node_id for attempt in batch.ended}:
                self.polls.end(node_id)

    def _note(self, node: Node) -> None:
        """Keep what the node may take. Who waits under other terms is sent to ask anew."""
        if node.health is not NodeHealth.ALIVE or node.wish is not NodeWish.ACTIVE:
            self._able.pop(node.id, None)
            self._limits.pop(node.id, None)
            self.polls.bar(node.id)
            return
        before = self._able.get(node.id), self._limits.get(node.id)
        self._remember(node)
        if (self._able.get(node.id), self._limits.get(node.id)) != before:
            self.polls.end(node.id)

    def _remember(self, node: Node) -> Capability:
        if node.max_tasks is None:
            self._limits.pop(node.id, None)
        else:
            self._limits[node.id] = node.max_tasks
        able = self._able[node.id] = capability(node)
        return able

    # --- nodes that want work ---

    def takes_work(self, node_id: str) -> bool:
        """Whether the operator lets it, as far as this coordinator has heard since its last `offer`."""
        return node_id in self._able and node_id not in self._held_back

    def is_limited(self, node_id: str) -> bool:
        """Whether the operator bounds how many runs it has at a time."""
        return node_id in self._limits

    async def offer(self, node_id: str, room: Room) -> Offer:
        """What the node would take and may. Raises Conflict for one that is not there: it must send a heartbeat."""
        able = self._able.get(node_id)
        if able is None or node_id in self._held_back:
            node = await asyncio.to_thread(self._reader.node, node_id)
            if node is None or node.health is NodeHealth.LEFT:
                raise Conflict(f"Node {node_id} is unknown: send a heartbeat first")
            if node.wish is not NodeWish.ACTIVE or node_id in self._held_back:
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

    def lease(
        self, offer: Offer, ask: Callable[[Offer], Coroutine[Any, Any, list[Lease]]]
    ) -> "asyncio.Future[list[Lease]]":
        """What `ask` leases for the offer, never more than the operator's limit allows in all."""
        limited = offer.node_id in self._limits
        asking = asyncio.ensure_future(self._lease_within(offer, ask) if limited else ask(offer))
        self._asking[asking] = offer.node_id
        asking.add_done_callback(self._asking.__delitem__)
        return asking

    async def _lease_within(
        self, offer: Offer, ask: Callable[[Offer], Coroutine[Any, Any, list[Lease]]]
    ) -> list[Lease]:
        """A poll and a report's `next` of a limited node take turns.

        Whom the limit left with nothing may have been woken for a run: it asks anew, and the others look for that run.
        """
        turn = self._turns.setdefault(offer.node_id, asyncio.Lock())
        async with turn:
            slots = min(offer.slots, await self._left(offer.node_id))
            if slots > 0:
                return await ask(replace(offer, slots=slots))
        self.polls.end(offer.node_id)
        self.polls.wake_all()
        return []

    async def files_of(self, leases: Sequence[Lease]) -> dict[int, list[TaskFile]]:
        """The files that these runs find in their working folder, by task. Runs without a task cost no question."""
        tasks = {lease.run.task_id for lease in leases if lease.run.task_type != "http"} - {None}
        return {task: await asyncio.to_thread(self._task_files.of_task, task) for task in tasks if task is not None}

    async def file(self, run_uuid: str, lease_id: str, name: str) -> TaskFile:
        """A file for an attempt. Raises NotFound, or StaleReport when the lease is not the newest."""
        held = await asyncio.to_thread(self._nodes.holder, run_uuid)
        if held is None:
            raise NotFound(f"Run {run_uuid} is unknown: drop it")
        if held.lease_id != lease_id or not held.is_running:
            raise StaleReport(f"Task {held.run_id}: this lease is gone")
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
        if change.wish in (None, NodeWish.ACTIVE):
            return await self._tell(node_id, UpdateNode(node_id, (), change=change))
        async with self._holding_back(node_id) as held:
            kept = held if change.wish is NodeWish.OFFLINE else ()
            return await self._tell(node_id, UpdateNode(node_id, kept, change=change))

    async def unregister(self, node_id: str) -> None:
        """Send a node away; what it holds goes back to the front of its queues. Raises NotFound."""
        async with self._holding_back(node_id) as held:
            await self._tell(node_id, UnregisterNode(node_id, held))

    async def _tell(self, node_id: str, command: UpdateNode | UnregisterNode) -> Node:
        node, orders = await self._writer.ask(command)
        if orders:
            self.polls.order(node_id, orders)
        return node

    @asynccontextmanager
    async def _holding_back(self, node_id: str) -> AsyncIterator[list[str]]:
        """Give the node nothing meanwhile, once what it was being given is written; UUIDs of the runs it holds then.

        Else a run that was just taken from it could be leased to it again by its open poll.
        """
        self._held_back.add(node_id)
        try:
            self.polls.bar(node_id)
            asking = [future for future, asker in self._asking.items() if asker == node_id]
            if asking:
                await asyncio.wait(asking)
            yield [run.run_uuid for run in await asyncio.to_thread(self._nodes.held, node_id)]
        finally:
            self._able.pop(node_id, None)  # what the record says now is asked of it
            self._held_back.discard(node_id)

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

    async def page(self, wanted: NodeFilter) -> tuple[list[tuple[Node, int]], int]:
        """One page of nodes, each with the number of runs it holds; and how many nodes there are in all."""
        nodes, total = await asyncio.to_thread(self._nodes.page, wanted)
        held = await asyncio.to_thread(self._reader.held_by, [node.id for node in nodes])
        return [(node, held.get(node.id, 0)) for node in nodes], total

    async def detail(self, node_id: str) -> NodeDetail:
        """A node whole. Raises NotFound."""
        return await asyncio.to_thread(self._whole, node_id)

    def _whole(self, node_id: str) -> NodeDetail:
        return NodeDetail(self._find(node_id), self._nodes.held(node_id), self._nodes.totals(node_id))

    async def counts(self) -> NodeCounts:
        """How many nodes there are."""
        return await asyncio.to_thread(self._nodes.counts)


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
