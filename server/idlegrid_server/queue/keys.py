"""Every Redis key we read or write. Ours start with `idlegrid:`; the rest are RQ's own, spelled by RQ's constants."""

from typing import Final

from rq import Queue
from rq.defaults import RQ_KEY_PREFIX
from rq.intermediate_queue import IntermediateQueue
from rq.registry import StartedJobRegistry
from rq.suspension import WORKERS_SUSPENDED
from rq.worker import BaseWorker

NONEMPTY: Final = "idlegrid:queues"
"""Sorted set: queues that hold something, scored by `matching.score` of their heads."""

MARKER: Final = "idlegrid:marker"
"""The `run_id` of the server that held everything when `mark` was called."""

BEAT: Final = "idlegrid:beat"
"""When the last beat that arrived had been placed, in epoch seconds."""

BEAT_PLACED: Final = "idlegrid:beat:placed"
"""Here while a beat is on its way, so that many coordinators place one between them."""

BIAS: Final = "idlegrid:bias"
"""Hash: how many seconds later each lane counts as having come."""

DUE: Final = "idlegrid:due"
"""Channel: a second in which something is due has come; the message is that second."""

NEWS: Final = "idlegrid:news"
"""Channel: what coordinators tell each other (docs/protocol.md, 6)."""

QUEUES: Final[str] = Queue.redis_queues_keys
"""Set: the keys of all queues RQ knows."""

QUEUE_PREFIX: Final[str] = Queue.redis_queue_namespace_prefix
JOB_PREFIX: Final[str] = f"{RQ_KEY_PREFIX}:job:"
WORKER_PREFIX: Final[str] = BaseWorker.redis_worker_namespace_prefix
SUSPENDED: Final[str] = WORKERS_SUSPENDED

GRID: Final = "grid"
"""The marker queue that every node is a worker of; it never holds a job."""


def queue_key(queue: str) -> str:
    """The list of what waits."""
    return QUEUE_PREFIX + queue


def aside_key(queue: str) -> str:
    """RQ's intermediate list: popped, and nobody has said yet what became of it."""
    return str(IntermediateQueue.get_intermediate_queue_key(queue_key(queue)))


def executing_key(queue: str) -> str:
    """RQ's StartedJobRegistry: what is on nodes."""
    return str(StartedJobRegistry.key_template.format(queue))
