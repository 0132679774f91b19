"""What can be asked of the queue, as data: the writer sends them after the record has committed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Push:
    """Put a run at the end of its queue, or back at its front. `score` orders queues by the age of their heads."""

    run_uuid: str
    queue: str
    score: float
    front: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a run out of its queue, and out of what was popped; it will not run."""

    run_uuid: str
    queue: str


@dataclass(frozen=True, slots=True)
class Drop:
    """A popped entry that no pending run answers to."""

    run_uuid: str


@dataclass(frozen=True, slots=True)
class Started:
    """A popped run was leased to a node."""

    run_uuid: str
    queue: str
    node_id: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A run left a node. `success` is None when it goes back to the queue."""

    run_uuid: str
    queue: str
    node_id: str
    success: bool | None


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """A node was heard from."""

    node_id: str
    hostname: str
    address: str
    pid: int
    version: str
    python: str
    state: str
    """`busy` while it runs something, `idle` when it could, else `suspended` (RQ's words)."""


@dataclass(frozen=True, slots=True)
class NodeGone:
    """A node left or was lost."""

    node_id: str


@dataclass(frozen=True, slots=True)
class Wake:
    """Have whoever listens woken at that time, epoch seconds; rounded up to a whole second, and once for all of it."""

    at: float


QueueOp = Push | Remove | Drop | Started | Ended | NodeSeen | NodeGone | Wake
