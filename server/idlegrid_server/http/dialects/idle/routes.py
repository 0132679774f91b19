"""The idle API's endpoints."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse

from idlegrid_server.core.limits import MAX_BATCH
from idlegrid_server.http.deps import CoordinatorDep, GridDep, SubmitterDep, allow
from idlegrid_server.http.dialects.idle import streams, translate
from idlegrid_server.http.dialects.idle.health import health
from idlegrid_server.http.dialects.idle.schemas import ResultIn, SubmitIn, SubmitManyIn
from idlegrid_server.http.fingerprint import fingerprint
from idlegrid_server.http.parsing import StrictRoute, storable

router = APIRouter(tags=["idle"], route_class=StrictRoute)
KeyHeader = Annotated[str, Header(alias="Idempotency-Key", max_length=255)]
Wait = Annotated[float, Query(ge=0, le=60)]


@router.get("/")
async def service(grid: GridDep) -> dict[str, Any]:
    """What runs here."""
    return translate.service(await grid.coordinator.read(grid.coordinator.reader.totals), grid.server_id)


@router.post("/submit")
async def submit(words: SubmitIn, grid: GridDep, submitter: SubmitterDep, key: KeyHeader = "") -> dict[str, Any]:
    """Queue code."""
    wish = translate.submission(words, submitter)
    runs = await grid.coordinator.submit([wish], *fingerprint(key, submitter, words))
    return translate.submitted(runs[0].id, grid.server_id)


@router.post("/submit_many")
async def submit_many(
    words: SubmitManyIn, grid: GridDep, submitter: SubmitterDep, key: KeyHeader = ""
) -> dict[str, Any]:
    """Queue many, all or nothing."""
    wishes = [translate.submission(task, submitter) for task in words.tasks]
    runs = await grid.coordinator.submit(wishes, *fingerprint(key, submitter, words))
    return translate.submitted_many([run.id for run in runs], grid.server_id)


@router.get("/get_task", dependencies=[allow("node")])
async def get_task(request: Request, coordinator: CoordinatorDep) -> JSONResponse:
    """Lease one run to a legacy worker."""
    address = request.client.host if request.client else "unknown"
    lease = await coordinator.legacy_lease(f"legacy:{address}")
    return JSONResponse(translate.assigned(lease), headers={"Cache-Control": "no-store"})


@router.post("/submit_result", dependencies=[allow("node")])
async def submit_result(words: ResultIn, coordinator: CoordinatorDep) -> dict[str, Any]:
    """Record what a legacy worker found."""
    result, error = storable(words.result) or "", storable(words.error)
    run = await coordinator.legacy_report(words.task_id, result, error, words.lease_id)
    return translate.recorded(run.id)


@router.get("/status/{task_id}", dependencies=[allow("submit")])
async def status(task_id: int, coordinator: CoordinatorDep, wait: Wait = 0.0) -> dict[str, Any]:
    """Where a run stands; with `wait`, once it has ended or after that many seconds."""
    view = await coordinator.view(task_id, wait)
    return translate.status(view, await coordinator.waiting_for(view.run))


@router.get("/results", dependencies=[allow("submit")])
async def results(
    grid: GridDep,
    limit: Annotated[int, Query(ge=1, le=100_000)] = MAX_BATCH,
    after_id: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
) -> StreamingResponse:
    """Completed runs, newest last."""
    ids = await grid.coordinator.read(grid.coordinator.reader.result_ids, after_id, limit)
    return StreamingResponse(streams.results(grid.coordinator, ids, grid.server_id), media_type="application/json")


@router.get("/health", response_model=None)
async def get_health(grid: GridDep) -> JSONResponse:
    """Whether the grid is ready and its parts answer."""
    return await health(grid)


@router.get("/stats", dependencies=[allow("submit")])
async def stats(coordinator: CoordinatorDep) -> dict[str, Any]:
    """Counts since the record was made."""
    hour_ago = coordinator.clock.now() - 3600
    totals = await coordinator.read(coordinator.reader.totals)
    last_hour = await coordinator.read(coordinator.reader.completed_since, hour_ago)
    return translate.stats(totals, await coordinator.read(coordinator.reader.nodes), last_hour)
