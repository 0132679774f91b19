"""The four parts that `/api/system/health` speaks of, each measured when it is asked for."""

import asyncio
from typing import Any, Final

from idlegrid_server.core.errors import QueueUnavailable, RecordUnavailable
from idlegrid_server.http.deps import Grid
from idlegrid_server.http.traffic import Traffic

BEAT_LATE: Final = 120.0
"""Seconds without a beat through waker and control worker after which schedules are late; one is due every 30."""

Component = dict[str, Any]


async def components(grid: Grid, traffic: Traffic) -> dict[str, Component]:
    """Each part with its `status`: `healthy`, `degraded` or `unhealthy`."""
    database, (queue, beat) = await asyncio.gather(_database(grid), _queue(grid))
    return {
        "database": database,
        "message_queue": queue,
        "scheduler": await _scheduler(grid, late=beat),
        "api": _api(traffic),
    }


def overall(parts: dict[str, Component]) -> str:
    """`unhealthy` without the record, `degraded` when another part is not well."""
    if parts["database"]["status"] != "healthy":
        return "unhealthy"
    return "healthy" if all(part["status"] == "healthy" for part in parts.values()) else "degraded"


async def _database(grid: Grid) -> Component:
    pool = grid.system.pool()
    counts = {"total": pool.active + pool.idle, "active": pool.active, "idle": pool.idle}
    try:
        seconds = await asyncio.to_thread(grid.system.ping)
    except RecordUnavailable:
        return {"status": "unhealthy", "response_time": None, "connection_pool": counts}
    return {"status": "healthy", "response_time": round(seconds, 6), "connection_pool": counts}


async def _queue(grid: Grid) -> tuple[Component, bool]:
    """The queue, and whether the beat through waker and control worker is late."""
    try:
        seconds = await asyncio.to_thread(grid.queue.ping)
        depths = await asyncio.to_thread(grid.queue.depths)
        age = await asyncio.to_thread(grid.queue.beat_age)
    except QueueUnavailable:
        return {"status": "unhealthy", "response_time": None, "queue_size": None}, True
    size = sum(depth.pending for depth in depths)
    up = grid.coordinator.clock.monotonic() - grid.started
    part = {"status": "healthy", "response_time": round(seconds, 6), "queue_size": size}
    return part, min(up, up if age is None else age) > BEAT_LATE


async def _scheduler(grid: Grid, *, late: bool) -> Component:
    """Work goes on without a beat, but schedules fire late."""
    try:
        nodes = await grid.coordinator.nodes.counts()
        totals = await grid.coordinator.read(grid.coordinator.reader.totals)
    except RecordUnavailable:
        return {"status": "unhealthy", "active_workers": None, "pending_tasks": None}
    pending = totals.of("pending", "waiting")
    status = "degraded" if late else "healthy"
    return {"status": status, "active_workers": nodes.by_status.get("active", 0), "pending_tasks": pending}


def _api(traffic: Traffic) -> Component:
    rate, seconds = traffic.lately()
    return {"status": "healthy", "request_rate": round(rate, 3), "response_time": round(seconds, 6)}
