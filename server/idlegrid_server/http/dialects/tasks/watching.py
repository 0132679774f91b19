"""`/api/system` for those who watch the grid: how it stands, what was harvested, what wants them, what waits."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from idlegrid_server.http.components import components
from idlegrid_server.http.dialects.tasks import watching_translate as translate
from idlegrid_server.http.dialects.tasks.system import Time
from idlegrid_server.http.dialects.tasks.system_translate import instant
from idlegrid_server.http.envelope import envelope
from idlegrid_server.http.routing import Call, GridRoute

router = APIRouter(prefix="/api/system", tags=["system"], route_class=GridRoute)


@router.get("/overview")
async def overview(
    call: Call,
    since: Time | None = None,
    window: Annotated[float, Query(ge=60, le=86_400)] = 900,
    points: Annotated[int, Query(ge=1, le=500)] = 45,
) -> dict[str, Any]:
    """How the grid stands, what ended since an instant, and how it stood lately."""
    found = await call.grid.watcher.overview(instant("since", since), window, points)
    return envelope(translate.overview(found))


@router.get("/usage")
async def usage(call: Call, hours: Annotated[int, Query(ge=1, le=744)] = 24) -> dict[str, Any]:
    """What was harvested, by hour, by node and by submitter."""
    first, harvest = await call.grid.watcher.harvest(hours)
    return envelope(translate.usage(first, hours, harvest))


@router.get("/attention")
async def attention(call: Call) -> dict[str, Any]:
    """What wants an operator, the worst first."""
    items, total = await call.grid.watcher.attention(await components(call.grid, call.app.state.traffic))
    return envelope({"items": [translate.item(one) for one in items], "total": total})


@router.get("/queues")
async def queues(call: Call, window: Annotated[float, Query(ge=60, le=31 * 86_400)] = 3_600) -> dict[str, Any]:
    """What waits and for what, and how long what started lately had waited."""
    return envelope(translate.queues(await call.grid.watcher.queues(window)))


@router.get("/timeline")
async def timeline(
    call: Call,
    window: Annotated[float, Query(ge=60, le=31 * 86_400)] = 3_600,
    buckets: Annotated[int, Query(ge=1, le=500)] = 60,
) -> dict[str, Any]:
    """What happened lately, in equal parts of time."""
    return envelope(translate.timeline(await call.grid.watcher.timeline(window, buckets)))
