"""The idle API's endpoints."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, StreamingResponse

from idlegrid_server.core.limits import MAX_BATCH, MAX_WAIT
from idlegrid_server.http.dialects.idle import streams, translate
from idlegrid_server.http.dialects.idle.health import health
from idlegrid_server.http.dialects.idle.schemas import ResultIn, SubmitIn, SubmitManyIn
from idlegrid_server.http.fingerprint import fingerprint
from idlegrid_server.http.routing import Call, GridRoute
from idlegrid_server.http.text import storable

router = APIRouter(tags=["idle"], route_class=GridRoute)
Wait = Annotated[float, Query(ge=0, le=MAX_WAIT)]


@router.get("/")
async def service(call: Call) -> dict[str, Any]:
    """What runs here."""
    return translate.service(await call.coordinator.read(call.coordinator.reader.totals), call.grid.server_id)


@router.post("/submit")
async def submit(words: SubmitIn, call: Call) -> dict[str, Any]:
    """Queue code."""
    wish = translate.submission(words, call.submitter, call.trace_id)
    runs = await call.coordinator.submit([wish], *fingerprint(call, words))
    return translate.submitted(runs[0].id, call.grid.server_id)


@router.post("/submit_many")
async def submit_many(words: SubmitManyIn, call: Call) -> dict[str, Any]:
    """Queue many, all or nothing."""
    wishes = [translate.submission(task, call.submitter, call.trace_id) for task in words.tasks]
    runs = await call.coordinator.submit(wishes, *fingerprint(call, words))
    return translate.submitted_many([run.id for run in runs], call.grid.server_id)


@router.get("/get_task")
async def get_task(call: Call) -> JSONResponse:
    """Lease one run to a legacy worker."""
    call.caller.check_legacy()
    address = call.client.host if call.client else "unknown"
    lease = await call.coordinator.legacy_lease(f"legacy:{address}")
    return JSONResponse(translate.assigned(lease), headers={"Cache-Control": "no-store"})


@router.post("/submit_result")
async def submit_result(words: ResultIn, call: Call) -> dict[str, Any]:
    """Record what a legacy worker found."""
    call.caller.check_legacy()
    result, error = storable(words.result) or "", storable(words.error)
    run = await call.coordinator.legacy_report(words.task_id, result, error, words.lease_id)
    return translate.recorded(run.id)


@router.get("/status/{task_id}")
async def status(task_id: int, call: Call, wait: Wait = 0.0) -> dict[str, Any]:
    """Where a run stands; with `wait`, once it has ended or after that many seconds."""
    await call.check_reach(task_id)
    view = await call.coordinator.view(task_id, wait)
    return translate.status(view, await call.coordinator.waiting_for(view.run))


@router.get("/results")
async def results(
    call: Call,
    limit: Annotated[int, Query(ge=1, le=100_000)] = MAX_BATCH,
    after_id: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
) -> StreamingResponse:
    """Completed runs, newest last."""
    ids = await call.coordinator.read(call.coordinator.reader.result_ids, after_id, limit, call.confined_to)
    return StreamingResponse(streams.results(call.coordinator, ids, call.grid.server_id), media_type="application/json")


@router.get("/health", response_model=None)
async def get_health(call: Call) -> JSONResponse:
    """Whether the grid is ready and its parts answer."""
    return await health(call.grid)


@router.get("/stats")
async def stats(call: Call) -> dict[str, Any]:
    """Counts since the record was made."""
    hour_ago = call.coordinator.clock.now() - 3600
    totals = await call.coordinator.read(call.coordinator.reader.totals)
    last_hour = await call.coordinator.read(call.coordinator.reader.completed_since, hour_ago)
    return translate.stats(totals, await call.coordinator.read(call.coordinator.reader.nodes), last_hour)
