"""`/api/system`: how the grid is, its figures, and its logs; and `/readyz`."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from idlegrid_server import VERSION
from idlegrid_server.core.errors import QueueUnavailable
from idlegrid_server.core.health import overall
from idlegrid_server.core.ports import QueueDepth
from idlegrid_server.core.system_queries import JournalFilter
from idlegrid_server.http.components import components
from idlegrid_server.http.deps import Grid
from idlegrid_server.http.dialects.idle.health import queue_state, record_state
from idlegrid_server.http.dialects.nodes.schemas import NO_NUL
from idlegrid_server.http.dialects.tasks import system_translate as translate
from idlegrid_server.http.envelope import envelope, error_envelope, iso
from idlegrid_server.http.metrics import CONTENT_TYPE, Figures, metrics_text
from idlegrid_server.http.routing import Call, GridRoute

router = APIRouter(prefix="/api/system", tags=["system"], route_class=GridRoute)
probes = APIRouter(tags=["system"], route_class=GridRoute)
Time = Annotated[str, Query(max_length=40, description="ISO 8601; without a zone it is UTC")]


@router.get("/health")
async def health(call: Call) -> JSONResponse:
    """Each part of the grid as it is now."""
    parts = await components(call.grid, call.app.state.traffic)
    status = overall(parts)
    if status == "unhealthy":
        words, code = "The record does not answer", HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse(error_envelope(code, words, details={"components": parts}), code, {"Retry-After": "1"})
    now = iso(call.coordinator.clock.now())
    return JSONResponse(envelope({"status": status, "timestamp": now, "version": VERSION, "components": parts}))


@router.get("/stats")
async def stats(call: Call) -> dict[str, Any]:
    """What is counted."""
    grid, clock = call.grid, call.coordinator.clock
    totals, nodes, reclaims, ended, machine = await asyncio.gather(
        call.coordinator.read(call.coordinator.reader.totals),
        call.coordinator.nodes.counts(),
        call.coordinator.nodes.reclaims(clock.now()),
        asyncio.to_thread(grid.system.ended_since, clock.now() - 60),
        asyncio.to_thread(grid.machine.usage),
    )
    up = clock.monotonic() - grid.started
    return envelope(translate.stats(totals, nodes, reclaims, machine, ended_in_last_minute=ended, up_seconds=up))


@router.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE: {}}}})
async def metrics(call: Call) -> Response:
    """The same for Prometheus, in its own format."""
    totals, nodes, reclaims, depths = await asyncio.gather(
        call.coordinator.read(call.coordinator.reader.totals),
        call.coordinator.nodes.counts(),
        call.coordinator.nodes.reclaims(call.coordinator.clock.now()),
        _depths(call.grid),
    )
    figures = Figures(totals, nodes, reclaims, depths, call.app.state.traffic.latencies)
    return Response(metrics_text(figures), media_type=CONTENT_TYPE)


async def _depths(grid: Grid) -> list[QueueDepth] | None:
    try:
        return await asyncio.to_thread(grid.queue.depths)
    except QueueUnavailable:
        return None


@router.get("/logs")
async def logs(
    call: Call,
    level: Literal["debug", "info", "warn", "error"] | None = None,
    service: Annotated[str, Query(max_length=40, pattern=NO_NUL)] | None = None,
    search: Annotated[str, Query(max_length=200, pattern=NO_NUL)] = "",
    start_time: Time | None = None,
    end_time: Time | None = None,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """What the coordinators logged, newest first: of the level named and above."""
    wanted = JournalFilter(
        levels=translate.levels(level),
        service=service,
        since=translate.instant("start_time", start_time),
        until=translate.instant("end_time", end_time),
        search=search,
        page=page,
        size=size,
    )
    entries, total = await asyncio.to_thread(call.grid.system.journal, wanted)
    return envelope(translate.journal_page(entries, total, page, size))


@probes.get("/readyz")
async def readyz(call: Call) -> JSONResponse:
    """Whether work can be given to this coordinator: a missing queue does not say no, for the record takes it."""
    queue, record = await asyncio.gather(queue_state(call.grid), record_state(call.grid))
    started = call.grid.settings.ready_file is None or call.grid.settings.ready_file.exists()
    ready = started and record == "healthy"
    body = {"status": "ready" if ready else "not ready", "record": record, "queue": queue}
    return JSONResponse(body, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)
