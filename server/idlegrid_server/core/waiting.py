"""What the nodes have to do with it that a run waits, and where a run stands, as sentences for its submitter. Pure.

`judge` is the one place that looks at nodes for a queue: the short sentence (`why`) and the whole explanation
(`explaining`) both say what it found.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from idlegrid_server.core.commands.expire import FAILED_WORDS
from idlegrid_server.core.definitions import DEPENDENCY, NO_SUCH_FILE, Wait
from idlegrid_server.core.limits import MAX_SANDBOX
from idlegrid_server.core.matching import Capability, Offer, can_serve, capability, fits, slots_of
from idlegrid_server.core.model import Node, NodeState, NodeWish, Run, RunState
from idlegrid_server.core.queries import Taken
from idlegrid_server.core.reasons import Code, Reason, at, counted, dependency, retry_delay
from idlegrid_server.core.unmet import unmet

STARTING: Final = "starting"
"""The reason of a node that has not looked around yet (docs/protocol.md, 1)."""
HELD_BACK: Final = frozenset({STARTING, "no_sandbox", "owner_paused", "operator_drain", "unregistered", "shutdown"})
"""Reasons of nodes that take nothing whether their owners are there or not."""
HELD_STATES: Final = frozenset({NodeState.PAUSED, NodeState.DRAINING, NodeState.OFFLINE})
TAKING: Final = frozenset({NodeState.IDLE, NodeState.RUNNING})
NOTHING: Final = Taken()
WISHES: Final = {NodeWish.DRAINING: ("draining", "operator_drain"), NodeWish.OFFLINE: ("offline", "operator")}
"""What a node is by its operator's word, as state and reason, also before it has heard of it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The nodes that are there, as one queue sees them."""

    known: Sequence[Node]
    able: Sequence[Node]
    """Those that could serve it, whatever they do now."""
    owned: Sequence[Node]
    """Of these: whose owners are there, or may be."""
    held_back: Sequence[Node]
    """Of these: that take nothing even so."""
    taking: Sequence[Node]
    """Of these: that take work."""
    free: Sequence[Node]
    """Of these: that have room for a run of the queue; all that take work, where nobody said what they hold."""
    taken: Mapping[str, Taken]

    @property
    def held(self) -> int:
        """Runs on the nodes that take work."""
        return sum(self.taken.get(node.id, NOTHING).runs for node in self.taking)

    @property
    def by_state(self) -> dict[str, int]:
        """How many of the able nodes are in each state."""
        return dict(Counter(standing(node)[0] for node in self.able))


def judge(queue: str, nodes: Iterable[Node], taken: Mapping[str, Taken] | None = None) -> Judged:
    """Look at all nodes for a queue; `taken` is what the runs that each of them holds have taken of it."""
    known = [node for node in nodes if node.is_alive]
    able = [node for node in known if can_serve(grants(node), queue)]
    held = [node for node in able if _is_held_back(node)]
    taking = [node for node in able if is_taking(node)]
    owned = [node for node in able if node.state not in TAKING and node not in held]
    free = taking if taken is None else [node for node in taking if _has_room(node, taken, queue)]
    return Judged(known, able, owned, held, taking, free, taken or {})


def grants(node: Node) -> Capability:
    """What it could take. One that has just started and does not know its sandbox yet gets the benefit of the doubt."""
    able, untested = capability(node), node.sandbox.tested_at is None and node.sandbox.level == 0
    if untested and node.reason == STARTING and node.state not in TAKING:
        return replace(able, sandbox=MAX_SANDBOX)
    return able


def is_taking(node: Node) -> bool:
    """Whether it takes work now."""
    return node.state in TAKING and not _is_held_back(node)


def _is_held_back(node: Node) -> bool:
    held = node.state in HELD_STATES or (node.state not in TAKING and node.reason in HELD_BACK)
    return held or node.wish is not NodeWish.ACTIVE


def _has_room(node: Node, taken: Mapping[str, Taken], queue: str) -> bool:
    left = _left(node, taken)
    return left.slots > 0 and fits(left, queue)


def _left(node: Node, taken: Mapping[str, Taken]) -> Offer:
    """What a node would take now, reckoned as the node itself does: by what its runs asked for."""
    has = taken.get(node.id, NOTHING)
    cpu, memory = node.cpu_cores - has.cpu, node.memory_mb - has.memory_mb
    return Offer(node.id, capability(node), slots_of(node) - has.runs, cpu, memory)


def standing(node: Node) -> tuple[str, str]:
    """A node's state and reason as submitters are told them: the operator's word comes before the node's own."""
    return WISHES.get(node.wish, (node.state.value, node.reason))


def node_reasons(queue: str, judged: Judged) -> list[Reason]:
    """Why no node takes a run of the queue now; none while one could."""
    if not judged.known:
        return [Reason(Code.NO_NODE, "No node has joined the grid: start one with `idlegrid node --server URL`.")]
    if not judged.able:
        return unmet(queue, judged.known)
    if judged.free:
        return []
    reasons = [
        _doing(Code.OWNERS_PRESENT, "not free of their owners", judged.owned),
        _doing(Code.NODES_HELD_BACK, "held back", judged.held_back),
        _full(judged),
    ]
    return [reason for reason in reasons if reason is not None]


def _doing(code: Code, how: str, nodes: Sequence[Node]) -> Reason | None:
    if not nodes:
        return None
    doing = Counter(standing(node) for node in nodes).most_common()
    what = ", ".join(f"{count} {state} ({reason})" for (state, reason), count in doing)
    number = len(nodes)
    who = f"{counted(number, 'node')} could take it, but {'is' if number == 1 else 'are'}"
    states = [{"state": state, "reason": reason, "nodes": count} for (state, reason), count in doing]
    return Reason(code, f"{who} {how}: {what}.", {"nodes": number, "states": states})


def _full(judged: Judged) -> Reason | None:
    if not judged.taking:
        return None
    slots, number = sum(map(slots_of, judged.taking)), len(judged.taking)
    out = sum(_left(node, judged.taken).slots <= 0 for node in judged.taking)
    message = f"{counted(number, 'node')} could take it, but {'is' if number == 1 else 'are'} full: {judged.held} of "
    message += f"{counted(slots, 'slot')} {'is' if slots == 1 else 'are'} taken"
    if short := number - out:
        message += f", and {counted(short, 'node')} {'has' if short == 1 else 'have'} too little cpu or memory left"
    details: dict[str, Any] = {"nodes": number, "slots": slots, "held": judged.held}
    return Reason(Code.NODES_FULL, f"{message}.", {**details, "without_slots": out, "without_room": short})


def run_reasons(run: Run, waits: Sequence[Wait] = ()) -> list[Reason]:
    """Why a run is not even queued; none when it is."""
    if run.state is not RunState.WAITING or run.reason == NO_SUCH_FILE:
        return []
    return [dependency(waits) if run.reason == DEPENDENCY else retry_delay(run)]


def why(run: Run, nodes: Iterable[Node], waits: Sequence[Wait] = ()) -> str | None:
    """Why a run has not started; None when it has, or is about to.

    `nodes` are looked at for a queued run alone; `waits` are what one with dependencies waits for.
    """
    queued = run.state is RunState.PENDING
    reasons = node_reasons(run.queue, judge(run.queue, nodes)) if queued else run_reasons(run, waits)
    return reasons[0].message if reasons else None


def where(run: Run, node: Node | None) -> str:
    """Where a run stands that nothing holds back; `node` is the one that has it, if that is known."""
    if run.state is RunState.RUNNING:
        return _running(run, node)
    if run.state.is_final:
        how = FAILED_WORDS.get(run.state, "completed")
        when = "" if run.finished_at is None else f" {at(run.finished_at)}"
        return f"It {how}{when}{f': {run.reason}' if run.reason and how == 'failed' else ''}."
    if run.reason == NO_SUCH_FILE:
        return "It is about to fail: its task lacks the file that it is to execute."
    return "Nothing holds it back: a node is about to take it."


def _running(run: Run, node: Node | None) -> str:
    name = (node.hostname if node else "") or run.node_id or "a node"
    if run.frozen:
        return f"It is frozen on {name}, whose owner is there{f' ({node.reason})' if node else ''}."
    since = "" if run.leased_at is None else f", since it was handed out {at(run.leased_at)}"
    return f"It runs on {name}{since}."
