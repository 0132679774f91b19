"""`GET /health`: healthy, degraded while the queue is away, 503 while starting or without the record."""

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse

from idlegrid_server.core.errors import QueueUnavailable, RecordUnavailable
from idlegrid_server.http.deps import Grid


async def health(grid: Grid) -> JSONResponse:
    """Each component as it is now. A missing Redis degrades and is no failure: submissions are still taken."""
    queue, record = await asyncio.gather(queue_state(grid), record_state(grid))
    ready = grid.settings.ready_file is None or grid.settings.ready_file.exists()
    status = "healthy" if queue == record == "healthy" else "degraded"
    if record != "healthy":
        status = "unhealthy"
    elif not ready:
        status = "starting"
    body: dict[str, Any] = {
        "status": status,
        "timestamp": grid.coordinator.clock.now(),
        "server_id": grid.server_id,
        "components": {"task_queue": queue, "memory_storage": record},
    }
    good = status in ("healthy", "degraded")
    return JSONResponse(body, HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE)


async def queue_state(grid: Grid) -> str:
    """`healthy`, or `unavailable` when Redis does not answer."""
    try:
        await asyncio.to_thread(grid.queue.ping)
    except QueueUnavailable:
        return "unavailable"
    return "healthy"


async def record_state(grid: Grid) -> str:
    """`healthy`, or `unavailable` when the database does not answer."""
    try:
        await asyncio.to_thread(grid.coordinator.reader.server_uuid)
    except RecordUnavailable:
        return "unavailable"
    return "healthy"
