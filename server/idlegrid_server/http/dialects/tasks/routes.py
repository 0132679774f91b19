"""The task API's endpoints, as far as they stand."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.core.queries import RunFilter
from idlegrid_server.http.dialects.tasks import files, translate, views
from idlegrid_server.http.envelope import envelope
from idlegrid_server.http.routing import Call, GridRoute

router = APIRouter(prefix="/api", tags=["tasks"], route_class=GridRoute)
Page = Annotated[int, Query(ge=1, le=1_000_000)]
Size = Annotated[int, Query(ge=1, le=200)]
RunId = Annotated[int, Path(ge=0)]
WorkerId = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
Status = Literal["pending", "running", "completed", "failed", "aborted"]


@router.get("/runs")
async def runs(
    call: Call,
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
    return envelope(await views.run_page(call.coordinator, wanted))


@router.get("/runs/{run_id}")
async def run(run_id: RunId, call: Call) -> dict[str, Any]:
    """A run whole."""
    return envelope(await views.run_detail(call.coordinator, run_id))


@router.get("/runs/{run_id}/logs")
async def run_logs(
    run_id: RunId,
    call: Call,
    after: Annotated[int, Query(ge=-1, le=MAX_INT64)] = -1,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> dict[str, Any]:
    """Pieces of a run's log after the one already had."""
    return envelope(await views.log_page(call.coordinator, run_id, after, limit))


@router.get("/runs/{run_id}/files")
async def run_files(run_id: RunId, call: Call) -> dict[str, Any]:
    """What a run left."""
    return envelope(await files.file_list(call.coordinator, run_id))


@router.get("/runs/{run_id}/files/{name:file}")
async def run_file(run_id: RunId, name: str, call: Call) -> Response:
    """The bytes of one file."""
    return await files.download(call, run_id, name)


@router.post("/runs/{run_id}/abort")
async def abort(run_id: RunId, call: Call) -> dict[str, Any]:
    """End a run now."""
    return envelope(translate.aborted(await call.coordinator.cancel(run_id)))


@router.get("/workers")
async def workers(call: Call, page: Page = 1, size: Size = 200) -> dict[str, Any]:
    """A page of nodes."""
    return envelope(await views.worker_page(call.coordinator, page, size))


@router.get("/system/timeline")
async def timeline(
    call: Call,
    window: Annotated[float, Query(ge=60, le=31 * 86_400)] = 3_600,
    buckets: Annotated[int, Query(ge=1, le=500)] = 60,
) -> dict[str, Any]:
    """What happened lately, in equal parts of time."""
    found = await call.coordinator.read(call.coordinator.reader.timeline, call.coordinator.clock.now(), window, buckets)
    return envelope(translate.timeline(found))
