"""What nodes say of themselves: heartbeats renew exactly the attempts they list."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.commands.report import note_progress
from idlegrid_server.core.lifecycle import Event
from idlegrid_server.core.limits import Times
from idlegrid_server.core.model import (
    Node,
    NodeHealth,
    NodeSpell,
    NodeState,
    NodeWish,
    Outcome,
    Reclaim,
    Run,
    RunState,
    Sandbox,
    Usage,
)
from idlegrid_server.core.queue_ops import NodeGone, NodeSeen
from idlegrid_server.core.webhooks import HEARTBEAT_EVERY, EventType

RQ_STATES = {NodeState.RUNNING: "busy", NodeState.IDLE: "idle", NodeState.FROZEN: "busy", NodeState.EVICTING: "busy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """What a heartbeat says of the node; None keeps the last value. Names are those of `Node`."""

    state: NodeState | None = None
    reason: str | None = None
    hostname: str | None = None
    address: str | None = None
    pid: int | None = None
    version: str | None = None
    python: str | None = None
    profile: str | None = None
    slots: int | None = None
    task_types: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    cpu_cores: float | None = None
    memory_mb: int | None = None
    cpu_percent: float | None = None
    memory_percent: float | None = None
    load_average: float | None = None
    metadata: str | None = None
    """A JSON object as text, laid over what is noted already."""
    sandbox: Sandbox | None = None
    policy: str | None = None
    """A JSON object as text."""
    policy_refused: str | None = None
    utc_offset: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAttempt:
    """An attempt that a node lists."""

    run_uuid: str
    lease_id: str
    frozen: bool | None = False
    """None leaves it as it is."""
    usage: Usage | None = field(default_factory=Usage)
    """None leaves what is known; then there are no logs either."""
    points: str = ""
    """As in `Report`."""
    logs: Sequence[tuple[int, float, str, str]] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What a node is to do."""

    kind: str
    """`stop`, `drain`, `resume` or `leave`."""
    run_uuid: str = ""
    lease_id: str = ""
    reason: str = ""


@dataclass(slots=True)
class Beat:
    """Take a heartbeat: the node is alive, its listed attempts are renewed, and it hears what to stop.

    `joins` says that the node was started anew: only so one that was unregistered comes back.
    """

    node_id: str
    facts: NodeFacts
    attempts: Sequence[HeldAttempt]
    times: Times
    joins: bool = False
    reclaims: Sequence[Reclaim] = ()
    pushed: str = field(default="{}", init=False)
    """What the operator wants of the owner's policy: a JSON object as text."""
    _orders: list[Order] = field(default_factory=list)

    def needs(self) -> Needs:
        """The node and the listed runs."""
        return Needs(nodes={self.node_id}, uuids={held.run_uuid for held in self.attempts})

    def apply(self, batch: Batch) -> None:
        """Write the node, renew what it rightly holds, order a stop of the rest."""
        self._orders.clear()
        node = batch.nodes.get(self.node_id) or self._join(batch)
        if node.wish is NodeWish.GONE and self.joins:
            node.wish = NodeWish.ACTIVE
        if node.wish is not NodeWish.GONE:
            self._hear(batch, node)
        for held in self.attempts:
            self._renew(batch, held)
        self._orders.extend(_wishes(node))
        self.pushed = node.pushed_policy

    def _hear(self, batch: Batch, node: Node) -> None:
        back, heard = node.health is not NodeHealth.ALIVE, node.last_seen
        entered = self._update(batch, node)
        batch.reclaims.extend(self.reclaims)
        if entered or (back and node.state is not NodeState.OFFLINE):
            batch.spells.append(NodeSpell(node.id, batch.now, node.state.value, node.reason))
        if node.state is NodeState.OFFLINE:
            if node.health is not NodeHealth.LEFT:
                leave(batch, node, NodeHealth.LEFT)
            return
        node.health = NodeHealth.ALIVE
        batch.ops.append(node_seen(node))
        if back:
            batch.notify_node("node_joined", node)
        if batch.now // HEARTBEAT_EVERY != heard // HEARTBEAT_EVERY:
            batch.happen(EventType.WORKER_HEARTBEAT, node)

    def _join(self, batch: Batch) -> Node:
        node = Node(id=self.node_id, registered_at=batch.now, last_seen=0.0, since=batch.now)
        node.health = NodeHealth.LEFT
        batch.nodes[node.id] = node
        return node

    def _update(self, batch: Batch, node: Node) -> bool:
        """Take over the facts; whether the node's state or reason changed."""
        before = (node.state, node.reason)
        if node.health is NodeHealth.LOST:
            # That it is offline was our word, not the node's.
            node.state, node.reason = NodeState.UNKNOWN, ""
        for fact in fields(self.facts):
            value = getattr(self.facts, fact.name)
            if value is not None:
                setattr(node, fact.name, laid_over(node.metadata, value) if fact.name == "metadata" else value)
        node.last_seen = batch.now
        batch.changed_nodes[node.id] = node
        if (node.state, node.reason) == before:
            return False
        node.since = batch.now
        return True

    def _renew(self, batch: Batch, held: HeldAttempt) -> None:
        run = batch.runs.get(held.run_uuid)
        if run is None or run.lease_id != held.lease_id or run.state is not RunState.RUNNING:
            self._orders.append(_stop(held, run))
            return
        run.lease_expires_at = batch.now + self.times.lease
        run.listed = True
        if held.usage is not None:
            note_progress(batch, run, held.usage, held.points, held.logs)
        if held.frozen is not None and run.frozen != held.frozen:
            run.frozen = held.frozen
            run.reason = "frozen" if held.frozen else ""
            batch.tell(run, "frozen" if held.frozen else "thawed")
        batch.touch(run)

    def answer(self, batch: Batch) -> list[Order]:
        """What the node is to do."""
        return self._orders


def _stop(held: HeldAttempt, run: Run | None) -> Order:
    wanted = run is not None and run.lease_id == held.lease_id and run.state is RunState.CANCELLED
    return Order("stop", held.run_uuid, held.lease_id, "cancelled" if wanted else "lease_gone")


def _wishes(node: Node) -> list[Order]:
    """What the operator wants and the node has not done yet, as far as its state shows."""
    if node.wish is NodeWish.GONE:
        return [Order("leave")]
    drains = node.state is NodeState.DRAINING
    if node.wish is NodeWish.ACTIVE:
        return [Order("resume")] if drains else []
    return [] if drains else [Order("drain")]


def laid_over(known: str, new: str) -> str:
    """One JSON object laid over another, as text."""
    return json.dumps({**json.loads(known), **json.loads(new)})


def give_back(batch: Batch, node_id: str, run: Run, reason: str) -> bool:
    """Take a run from the node that holds it, to the front of its queue, without spending anything; whether it did."""
    if run.state is not RunState.RUNNING or run.node_id != node_id:
        return False
    run.reason = reason
    batch.move(run, Event.RETURN, node_id, Outcome.RETURNED)
    batch.notify(run)
    return True


def node_seen(node: Node) -> NodeSeen:
    """What the queue's worker record of a node says."""
    state = RQ_STATES.get(node.state, "suspended")
    return NodeSeen(node.id, node.hostname, node.address, node.pid, node.version, node.python, state)


def leave(batch: Batch, node: Node, health: NodeHealth) -> None:
    """The node is gone: by its own word (`LEFT`) or because nothing was heard of it (`LOST`)."""
    node.health = health
    node.state, node.since = NodeState.OFFLINE, batch.now
    batch.changed_nodes[node.id] = node
    batch.ops.append(NodeGone(node.id))
    batch.notify_node("node_left", node)
