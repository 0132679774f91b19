"""How the parts of a grid are, each measured when it is asked for."""

from dataclasses import dataclass
from typing import Any, Final

from idlegrid_server.core.errors import QueueUnavailable, RecordUnavailable
from idlegrid_server.core.node_queries import NodeReader
from idlegrid_server.core.ports import Clock, Queue
from idlegrid_server.core.queries import Reader
from idlegrid_server.core.system_queries import SystemReader

BEAT_LATE: Final = 120.0
"""Seconds without a beat through waker and control worker after which schedules are late; one is due every 30."""

Component = dict[str, Any]
"""`status` (`healthy`, `degraded`, `unhealthy`) and what was measured, None for what could not be."""


@dataclass(frozen=True, slots=True)
class Health:
    """Measures what all coordinators share. Every method may take as long as the record and the queue do."""

    system: SystemReader
    queue: Queue
    reader: Reader
    nodes: NodeReader
    clock: Clock
    started: float
    """When this coordinator did, by its monotonic clock: no beat is late before that."""

    def components(self) -> dict[str, Component]:
        """`database`, `message_queue` and `scheduler`."""
        database, (queue, late) = self._database(), self._queue()
        return {"database": database, "message_queue": queue, "scheduler": self._scheduler(late=late)}

    def _database(self) -> Component:
        pool = self.system.pool()
        counts = {"total": pool.active + pool.idle, "active": pool.active, "idle": pool.idle}
        try:
            seconds = self.system.ping()
        except RecordUnavailable:
            return {"status": "unhealthy", "response_time": None, "connection_pool": counts}
        return {"status": "healthy", "response_time": round(seconds, 6), "connection_pool": counts}

    def _queue(self) -> tuple[Component, bool]:
        """The queue, and whether the beat through waker and control worker is late."""
        try:
            seconds, depths, age = self.queue.ping(), self.queue.depths(), self.queue.beat_age()
        except QueueUnavailable:
            return {"status": "unhealthy", "response_time": None, "queue_size": None}, True
        size, up = sum(depth.pending for depth in depths), self.clock.monotonic() - self.started
        part = {"status": "healthy", "response_time": round(seconds, 6), "queue_size": size}
        return part, min(up, up if age is None else age) > BEAT_LATE

    def _scheduler(self, *, late: bool) -> Component:
        """Work goes on without a beat, but schedules fire late."""
        try:
            nodes, totals = self.nodes.counts(), self.reader.totals()
        except RecordUnavailable:
            return {"status": "unhealthy", "active_workers": None, "pending_tasks": None}
        pending = totals.of("pending", "waiting")
        status = "degraded" if late else "healthy"
        return {"status": status, "active_workers": nodes.by_status.get("active", 0), "pending_tasks": pending}


def overall(parts: dict[str, Component]) -> str:
    """`unhealthy` without the record, `degraded` when another part is not well."""
    if parts["database"]["status"] != "healthy":
        return "unhealthy"
    return "healthy" if all(part["status"] == "healthy" for part in parts.values()) else "degraded"
