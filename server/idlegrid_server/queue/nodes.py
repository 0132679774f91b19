"""A node as RQ sees it: a worker record that never works, so that RQ's own tools show the grid.

The names of keys and fields are RQ's: its serializer and its registration write them.
"""

from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from redis.client import Pipeline
from rq import worker_registration
from rq.worker import BaseWorker

from idlegrid_server.core.queue_ops import NodeGone, NodeSeen
from idlegrid_server.queue import keys

SHOWN_SECONDS: Final = 90
"""A node heartbeats every 10 s; one that nine times did not is not shown any more."""


class NodeWorker(BaseWorker):  # type: ignore[misc]  # RQ is not checked, so its classes are Any
    """The record of one node.

    It does not call RQ's constructor, which would rewrite the socket timeout of a shared connection pool and costs
    more than the whole heartbeat.
    """

    def __init__(self, node: NodeSeen | NodeGone, now: float) -> None:
        self.name = node.node_id
        self.birth_date = self.last_heartbeat = datetime.fromtimestamp(now, UTC)
        if isinstance(node, NodeSeen):
            self.hostname, self.ip_address, self.pid = node.hostname, node.address, node.pid
            self.version, self.python_version = node.version, node.python

    def queue_names(self) -> list[str]:
        """One marker queue: were a node to list every queue it serves, `rq info` would take minutes."""
        return [keys.GRID]

    def work(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Never: the node fetches its work over HTTP. Raises NotImplementedError."""
        raise NotImplementedError("a node's record does no work; the node fetches it over HTTP")


def seen(pipeline: Pipeline, node: NodeSeen, now: float) -> None:
    """Write the node's record, or renew it. `now` is epoch seconds."""
    worker = NodeWorker(node, now)
    fields = {name: "" if value is None else value for name, value in worker.serialize().items()}
    pipeline.hsetnx(worker.key, "birth", fields.pop("birth"))
    pipeline.hset(worker.key, mapping={**fields, "state": node.state})
    pipeline.expire(worker.key, SHOWN_SECONDS)
    worker_registration.register(worker, pipeline)
    # `rq info` lists the workers of the queues it knows, so the marker queue must be one of them.
    pipeline.sadd(keys.QUEUES, keys.queue_key(keys.GRID))


def gone(pipeline: Pipeline, node: NodeGone, now: float) -> None:
    """Remove the node's record."""
    worker = NodeWorker(node, now)
    worker_registration.unregister(worker, pipeline)
    pipeline.delete(worker.key, worker.executions_key)
