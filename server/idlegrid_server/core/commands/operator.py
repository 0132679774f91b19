"""What the operator wants of nodes: registering them by hand, holding them back, sending them away."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.commands.nodes import Order, give_back, leave, node_seen
from idlegrid_server.core.errors import Conflict, InvalidInput, NotFound
from idlegrid_server.core.limits import DEFAULT_CPU, DEFAULT_MEMORY_MB, DEFAULT_SANDBOX, MAX_CPU, MAX_MEMORY_MB
from idlegrid_server.core.model import Node, NodeHealth, NodeSpell, NodeState, NodeWish, Sandbox

REGISTERED: Final = "registered"
"""The profile of a node that was registered by hand and has not spoken for itself; also why it is idle."""
AT_ITS_WORD: Final = "registered by hand: its level is the operator's word"
MAX_SLOTS: Final = 1_024
"""Most runs at a time on one node; one that was registered by hand has only the operator's limit below it."""
GOOD_LABEL: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
MAX_LABELS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A node as its operator describes it."""

    hostname: str
    address: str
    port: int
    task_types: tuple[str, ...]
    max_tasks: int
    metadata: str = "{}"
    """A JSON object as text; `cpu_cores`, `memory_mb`, `labels` and `sandbox_level` in it say what the node offers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeChange:
    """What the operator changes of a node; None leaves it as it is."""

    wish: NodeWish | None = None
    max_tasks: int | None = None
    task_types: tuple[str, ...] | None = None
    metadata: str | None = None
    policy: str | None = None
    """What its owner's policy should be: a JSON object as text, an empty one takes all away."""


@dataclass(slots=True)
class RegisterNode:
    """Take in a node by hand; it may speak the node protocol with its id from then on."""

    node_id: str
    words: Registration

    def needs(self) -> Needs:
        """The node, should it be known."""
        return Needs(nodes={self.node_id})

    def apply(self, batch: Batch) -> None:
        """Make the node. Raises Conflict while it is there, InvalidInput for metadata that mean nothing."""
        known = batch.nodes.get(self.node_id)
        if known is not None and known.health is NodeHealth.ALIVE:
            raise Conflict(f"Worker {self.node_id} is registered already: unregister it first")
        node = self._made(batch.now)
        _offer(node)
        batch.nodes[node.id] = batch.changed_nodes[node.id] = node
        batch.ops.append(node_seen(node))
        batch.spells.append(NodeSpell(node.id, batch.now, node.state.value, node.reason))
        batch.notify_node("node_joined", node)

    def _made(self, now: float) -> Node:
        words = self.words
        return Node(
            id=self.node_id,
            registered_at=now,
            last_seen=now,
            since=now,
            state=NodeState.IDLE,
            reason=REGISTERED,
            hostname=words.hostname,
            address=words.address,
            port=words.port,
            metadata=words.metadata,
            max_tasks=words.max_tasks,
            profile=REGISTERED,
            slots=MAX_SLOTS,
            task_types=words.task_types,
        )

    def answer(self, batch: Batch) -> Node:
        """The node."""
        return batch.nodes[self.node_id]


@dataclass(slots=True)
class _OfHeld:
    """A command that may take from a node what it holds; answers the node and what it is to be told."""

    node_id: str
    _orders: list[Order] = field(default_factory=list, init=False)

    def needs(self) -> Needs:
        """The node with all that it holds, locked so that nothing is leased to it meanwhile."""
        return Needs(nodes={self.node_id}, emptying={self.node_id})

    def _known(self, batch: Batch) -> Node:
        """The node. Raises NotFound, also for one that was sent away."""
        self._orders.clear()
        node = batch.nodes.get(self.node_id)
        if node is None or node.wish is NodeWish.GONE:
            raise NotFound(f"Worker {self.node_id} not found")
        return node

    def _take_back(self, batch: Batch, reason: str) -> None:
        """Newest first, so that the oldest comes to stand at the front."""
        for run in sorted(batch.runs.values(), key=lambda run: run.id, reverse=True):
            if give_back(batch, self.node_id, run, reason):
                self._orders.append(Order("stop", run.uuid, run.lease_id or "", "lease_gone"))

    def answer(self, batch: Batch) -> tuple[Node, list[Order]]:
        """The node, and what it is to be told."""
        return batch.nodes[self.node_id], self._orders


@dataclass(slots=True)
class UpdateNode(_OfHeld):
    """Change what the operator wants of a node."""

    change: NodeChange = field(default_factory=NodeChange)

    def needs(self) -> Needs:
        """The node, and what it holds when that is to be taken from it."""
        empties = self.change.wish is NodeWish.OFFLINE
        return Needs(nodes={self.node_id}, emptying={self.node_id} if empties else set())

    def apply(self, batch: Batch) -> None:
        """Note it; the node hears it with its next answer. Raises NotFound, InvalidInput."""
        node = self._known(batch)
        self._describe(node)
        batch.changed_nodes[node.id] = node
        wish = self.change.wish
        if wish is None or wish is node.wish:
            return
        node.wish = wish
        if wish is NodeWish.OFFLINE:
            self._take_back(batch, "operator")
        self._orders.append(Order("resume" if wish is NodeWish.ACTIVE else "drain"))

    def _describe(self, node: Node) -> None:
        change, by_hand = self.change, node.profile == REGISTERED
        self._push(node, by_hand=by_hand)
        if change.metadata is not None:
            checked_offer(change.metadata)
            node.metadata = change.metadata
        if change.max_tasks is not None:
            node.max_tasks = change.max_tasks
        if change.task_types is not None and by_hand:
            node.task_types = change.task_types
        elif change.task_types is not None:
            node.operator_types = change.task_types
        if by_hand:
            _offer(node)

    def _push(self, node: Node, *, by_hand: bool) -> None:
        values = self.change.policy
        if values is None:
            return
        if by_hand and values != "{}":
            words = "A worker that was registered by hand, and has not spoken for itself, has no policy"
            raise InvalidInput(words, field="policy", rule="unsupported")
        node.pushed_policy = values


@dataclass(slots=True)
class UnregisterNode(_OfHeld):
    """Send a node away: what it holds goes back, and it comes back only when started or registered anew."""

    def apply(self, batch: Batch) -> None:
        """Note it. Raises NotFound."""
        node = self._known(batch)
        self._take_back(batch, "unregistered")
        self._orders.append(Order("leave"))
        node.wish, node.reason = NodeWish.GONE, "unregistered"
        batch.changed_nodes[node.id] = node
        if node.health is NodeHealth.ALIVE:
            leave(batch, node, NodeHealth.LEFT)
            batch.spells.append(NodeSpell(node.id, batch.now, node.state.value, node.reason))
        node.health = NodeHealth.LEFT


@dataclass(frozen=True, slots=True)
class Offered:
    """What the metadata of a node say that it offers; None where they say nothing."""

    cpu_cores: float | None = None
    memory_mb: int | None = None
    labels: tuple[str, ...] = ()
    sandbox_level: int | None = None


def checked_offer(metadata: str) -> Offered:
    """What metadata say of a node's offer. Raises InvalidInput that names the field."""
    words = json.loads(metadata)
    return Offered(
        _number(words, "cpu_cores", MAX_CPU),
        _whole(words, "memory_mb", MAX_MEMORY_MB),
        _labels(words.get("labels", [])),
        _whole(words, "sandbox_level", 4),
    )


def _number(words: dict[str, Any], name: str, most: float) -> float | None:
    value = words.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise InvalidInput(
            f"{name} is a number from 0 to {most:g}", field=f"metadata.{name}", rule="range", value=value
        )
    return value


def _whole(words: dict[str, Any], name: str, most: int) -> int | None:
    value = _number(words, name, most)
    return None if value is None else int(value)


def _labels(value: Any) -> tuple[str, ...]:
    good = isinstance(value, list) and all(isinstance(label, str) and GOOD_LABEL.fullmatch(label) for label in value)
    if not good or len(value) > MAX_LABELS:
        words = f"labels are a list of at most {MAX_LABELS} texts of letters, digits, `_`, `.` and `-`"
        raise InvalidInput(words, field="metadata.labels", rule="type", value=value)
    return tuple(value)


def _offer(node: Node) -> None:
    """What a node that was registered by hand offers: a core and 512 MB a task, as far as its metadata do not say."""
    said, tasks = checked_offer(node.metadata), node.max_tasks or 1
    level = DEFAULT_SANDBOX if said.sandbox_level is None else said.sandbox_level
    node.cpu_cores = tasks * DEFAULT_CPU if said.cpu_cores is None else said.cpu_cores
    node.memory_mb = tasks * DEFAULT_MEMORY_MB if said.memory_mb is None else said.memory_mb
    node.labels, node.sandbox = said.labels, Sandbox(level=level, reason=AT_ITS_WORD)
