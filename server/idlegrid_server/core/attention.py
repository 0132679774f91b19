"""What wants an operator: one item for each thing, the worst first. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from idlegrid_server.core.health import Component
from idlegrid_server.core.ports import QueueDepth
from idlegrid_server.core.rates import Rates
from idlegrid_server.core.reasons import counted
from idlegrid_server.core.served import Grid, Head, class_words, never

MOST_ITEMS: Final = 50
"""Items that are told."""
MOST_LOOKED: Final = 200
"""Most that is looked for of a kind: who has more of one has another trouble."""
MOST_UNSERVED: Final = 10
"""Queues that are told of: to say what each lacks takes a look at all that nodes offer."""
FAILURES: Final = 3
"""Runs of a task in a row that failed: one may be bad luck, and a second one, too."""
MOST_FAILURES: Final = 1_000
"""Failures in a row that are counted."""
UNWELL: Final = "is not well"


class Kind(StrEnum):
    """What can want an operator, the worst first: what stops everybody, what eats or stops a queue, what stops a
    task, and what is missing while all else goes on.
    """

    COMPONENT_DOWN = "component_down"
    NODE_FAILING = "node_failing"
    QUEUE_UNSERVED = "queue_unserved"
    TASK_FAILING = "task_failing"
    NODE_LOST = "node_lost"
    WEBHOOK_OFF = "webhook_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that wants an operator."""

    kind: Kind
    id: str
    name: str
    message: str
    since: float | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class LostNode:
    """A node that nobody has heard of since."""

    id: str
    hostname: str
    since: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """A node, and how often it fails."""

    id: str
    hostname: str
    rates: Rates


@dataclass(frozen=True, slots=True)
class FailingTask:
    """A task of which so many runs failed since the last that completed, the first of them then."""

    id: int
    name: str
    count: int
    since: float


@dataclass(frozen=True, slots=True)
class OffWebhook:
    """An endpoint that was switched off by failures."""

    id: int
    url: str
    reason: str
    since: float


_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "database": ("The database", "does not answer: nothing can be written"),
    "message_queue": ("The queue (Redis)", "does not answer: nothing is handed out until it does"),
    "scheduler": ("The scheduler", "is late: its waker or its control worker does not answer, so tasks may fire late"),
}
"""What each component is called, and what it means that it is not well."""


def components_down(parts: Mapping[str, Component]) -> list[Item]:
    """Components that are not well."""
    down = [name for name, part in parts.items() if part["status"] != "healthy"]
    told = {name: _WORDS.get(name, (name, UNWELL)) for name in down}
    return [
        Item(kind=Kind.COMPONENT_DOWN, id=name, name=name, message=f"{who} {what}.")
        for name, (who, what) in told.items()
    ]


def nodes_failing(suspects: Iterable[Suspect]) -> list[Item]:
    """Nodes that fail nearly all that they take, the fastest first."""
    worst = sorted(suspects, key=lambda node: -node.rates.failed_per_minute)
    return [Item(kind=Kind.NODE_FAILING, id=n.id, name=n.hostname or n.id, message=_failing(n.rates)) for n in worst]


def _failing(rates: Rates) -> str:
    failed, ended = f"{rates.failed_per_minute:.1f}", f"{rates.ended_per_minute:.1f}"
    return f"It fails {failed} of {ended} runs a minute: it may swallow the queue until it is taken offline."


def queues_unserved(depths: Mapping[str, QueueDepth], grid: Grid, heads: Mapping[str, Head]) -> list[Item]:
    """Queues with waiting runs that no node could ever take, the fullest first."""
    waiting = sorted((d for d in depths.values() if d.pending), key=lambda depth: -depth.pending)
    reasons = ((depth, never(depth.queue, grid)) for depth in waiting if depth.queue in heads)
    lonely = islice(((depth, reason) for depth, reason in reasons if reason), MOST_UNSERVED)
    return [_unserved(depth, reason, heads[depth.queue]) for depth, reason in lonely]


def _unserved(depth: QueueDepth, reason: str, head: Head) -> Item:
    wait = "waits" if depth.pending == 1 else "wait"
    return Item(
        kind=Kind.QUEUE_UNSERVED,
        id=str(head.run_id),
        name=class_words(depth.queue),
        message=f"{counted(depth.pending, 'run')} {wait} in vain. {reason}",
        since=head.made_at,
        count=depth.pending,
    )


def tasks_failing(tasks: Iterable[FailingTask]) -> list[Item]:
    """Tasks whose last runs all failed, those first that failed most often."""
    return [
        Item(
            kind=Kind.TASK_FAILING,
            id=str(task.id),
            name=task.name,
            message=f"Its last {task.count} runs all failed.",
            since=task.since,
            count=task.count,
        )
        for task in sorted(tasks, key=lambda task: -task.count)
    ]


def nodes_lost(nodes: Iterable[LostNode]) -> list[Item]:
    """Nodes that were lost, the latest first."""
    latest = sorted(nodes, key=lambda node: -node.since)
    words = "Nobody has heard of it since, though it never said that it leaves."
    return [Item(kind=Kind.NODE_LOST, id=n.id, name=n.hostname or n.id, since=n.since, message=words) for n in latest]


def webhooks_off(webhooks: Iterable[OffWebhook]) -> list[Item]:
    """Endpoints that were switched off. Of their addresses only the hosts are told: the rest may be a secret."""
    return [
        Item(
            kind=Kind.WEBHOOK_OFF,
            id=str(webhook.id),
            name=urlsplit(webhook.url).hostname or "",
            message=f"It was switched off: {webhook.reason}.",
            since=webhook.since,
        )
        for webhook in webhooks
    ]


def worst(items: Iterable[Item]) -> list[Item]:
    """The items that are told, in order; within a kind they stay as they are."""
    order = list(Kind)
    return sorted(items, key=lambda item: order.index(item.kind))[:MOST_ITEMS]
