"""The node protocol's endpoints."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from idlegrid_server.core.coordinator import Room
from idlegrid_server.core.errors import StaleReport
from idlegrid_server.http.deps import GridDep, allow
from idlegrid_server.http.dialects.nodes import translate
from idlegrid_server.http.dialects.nodes.schemas import (
    Cores,
    HeartbeatIn,
    Megabytes,
    Name,
    ReportsIn,
    Slots,
)
from idlegrid_server.http.parsing import StrictRoute

router = APIRouter(prefix="/internal", tags=["nodes"], dependencies=[allow("node")], route_class=StrictRoute)


@router.post("/heartbeat")
async def heartbeat(words: HeartbeatIn, request: Request, grid: GridDep) -> dict[str, Any]:
    """A node is alive, and lists what it holds."""
    address = request.client.host if request.client else ""
    held = [translate.held(attempt) for attempt in words.attempts]
    orders = await grid.coordinator.beat(words.node_id, translate.facts(words, address), held)
    return translate.beat_answer(words.node_id, grid.server_id, grid.coordinator.times, orders)


@router.get("/task")
async def task(
    grid: GridDep,
    node_id: Name,
    wait: Annotated[float, Query(ge=0, le=60)] = 0.0,
    slots: Slots = 1,
    cpu: Cores | None = None,
    memory: Megabytes | None = None,
) -> dict[str, Any]:
    """Work or orders for a node, at once or within `wait` seconds."""
    work = await grid.coordinator.fetch(node_id, Room(slots, cpu, memory), wait)
    return translate.work(work, grid.server_id, grid.coordinator.times)


@router.post("/result")
async def result(words: ReportsIn, grid: GridDep) -> dict[str, Any]:
    """How attempts ended; a flat report that does not count is a 409."""
    reports = [translate.report(entry) for entry in words.results]
    answers, work = await grid.coordinator.report(words.node_id, reports, translate.room(words.next))
    if words.flat and answers[0].problem is not None:
        raise StaleReport(str(answers[0].problem))
    verdicts = translate.verdicts(answers)
    return {"status": "ok", **translate.work(work, grid.server_id, grid.coordinator.times), "results": verdicts}
