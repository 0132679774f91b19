"""The task API's endpoints, as far as they stand."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.core.queries import RunFilter
from idlegrid_server.http.deps import CoordinatorDep, allow
from idlegrid_server.http.dialects.tasks import translate, views
from idlegrid_server.http.envelope import envelope

router = APIRouter(prefix="/api", tags=["tasks"])
Page = Annotated[int, Query(ge=1, le=1_000_000)]
Size = Annotated[int, Query(ge=1, le=200)]
RunId = Annotated[int, Path(ge=0)]
WorkerId = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
Status = Literal["pending", "running", "completed", "failed", "aborted"]


@router.get("/runs", dependencies=[allow("read:runs")])
async def runs(
    coordinator: CoordinatorDep,
    page: Page = 1,
    size: Size = 20,
    status: Status | None = None,
    worker_id: WorkerId | None = None,
    order: Literal["asc", "desc"] = "desc",
) -> dict[str, Any]:
    """A page of runs."""
    wanted = RunFilter(
        states=translate.states(status), node_id=worker_id, newest_first=order == "desc", page=page, size=size
    )
    return envelope(await views.run_page(coordinator, wanted))


@router.get("/runs/{run_id}", dependencies=[allow("read:runs")])
async def run(run_id: RunId, coordinator: CoordinatorDep) -> dict[str, Any]:
    """A run whole."""
    return envelope(await views.run_detail(coordinator, run_id))


@router.get("/runs/{run_id}/logs", dependencies=[allow("read:runs")])
async def run_logs(
    run_id: RunId,
    coordinator: CoordinatorDep,
    after: Annotated[int, Query(ge=-1, le=MAX_INT64)] = -1,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> dict[str, Any]:
    """Pieces of a run's log after the one already had."""
    return envelope(await views.log_page(coordinator, run_id, after, limit))


@router.post("/runs/{run_id}/abort", dependencies=[allow("write:runs")])
async def abort(run_id: RunId, coordinator: CoordinatorDep) -> dict[str, Any]:
    """End a run now."""
    return envelope(translate.aborted(await coordinator.cancel(run_id)))


@router.get("/workers", dependencies=[allow("read:workers")])
async def workers(coordinator: CoordinatorDep, page: Page = 1, size: Size = 200) -> dict[str, Any]:
    """A page of nodes."""
    return envelope(await views.worker_page(coordinator, page, size))


@router.get("/system/timeline", dependencies=[allow("read:system")])
async def timeline(
    coordinator: CoordinatorDep,
    window: Annotated[float, Query(ge=60, le=31 * 86_400)] = 3_600,
    buckets: Annotated[int, Query(ge=1, le=500)] = 60,
) -> dict[str, Any]:
    """What happened lately, in equal parts of time."""
    found = await coordinator.read(coordinator.reader.timeline, coordinator.clock.now(), window, buckets)
    return envelope(translate.timeline(found))
