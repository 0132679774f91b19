"""`/api/runs`."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from idlegrid_server.http.dialects.idle.translate import wish
from idlegrid_server.http.dialects.tasks import files, translate, views
from idlegrid_server.http.dialects.tasks.schemas import LogsQuery, PreviewIn, RunsQuery
from idlegrid_server.http.documentation import BYTES
from idlegrid_server.http.envelope import envelope
from idlegrid_server.http.fingerprint import fingerprint
from idlegrid_server.http.routing import Call, GridRoute

router = APIRouter(prefix="/api/runs", tags=["runs"], route_class=GridRoute)
RunId = Annotated[int, Path(ge=0)]


@router.get("")
async def runs(query: Annotated[RunsQuery, Query()], call: Call) -> dict[str, Any]:
    """A page of runs."""
    return envelope(await views.run_page(call.coordinator, translate.runs_wanted(query, call.confined_to)))


@router.post("/explain")
async def preview(words: PreviewIn, call: Call) -> dict[str, Any]:
    """Why a run with these needs would not start at once, and which nodes could take it; none is made."""
    return envelope(translate.previewed(await call.grid.explainer.preview(wish(words, call.submitter))))


@router.get("/{run_id}")
async def run(run_id: RunId, call: Call) -> dict[str, Any]:
    """A run whole."""
    await call.check_reach(run_id)
    return envelope(await views.run_detail(call.coordinator, run_id))


@router.get("/{run_id}/logs")
async def run_logs(run_id: RunId, query: Annotated[LogsQuery, Query()], call: Call) -> dict[str, Any]:
    """Pieces of a run's log after the one already had."""
    await call.check_reach(run_id)
    return envelope(await views.log_page(call.coordinator, run_id, query.after, query.limit, query.tail))


@router.get("/{run_id}/usage")
async def run_usage(run_id: RunId, call: Call) -> dict[str, Any]:
    """What a run's attempts used over time."""
    await call.check_reach(run_id)
    return envelope(await views.run_usage(call.coordinator, run_id))


@router.get("/{run_id}/files")
async def run_files(run_id: RunId, call: Call) -> dict[str, Any]:
    """What a run left."""
    await call.check_reach(run_id)
    return envelope(await files.of_run(call.coordinator, run_id))


@router.get("/{run_id}/files/{name:file}", response_class=Response, responses=BYTES)
async def run_file(run_id: RunId, name: str, call: Call) -> Response:
    """The bytes of one file."""
    await call.check_reach(run_id)
    return await files.download(call, run_id, name)


@router.get("/{run_id}/explain")
async def explain(run_id: RunId, call: Call) -> dict[str, Any]:
    """Why a run does not run yet, and when it may."""
    await call.check_reach(run_id)
    return envelope(translate.explained(await call.grid.explainer.explain(run_id)))


@router.post("/{run_id}/restart")
async def restart(run_id: RunId, call: Call) -> dict[str, Any]:
    """Make a run like one that has ended."""
    await call.check_reach(run_id)
    key = fingerprint(call, None, f"restart {run_id}")
    made = await call.coordinator.tasks.restart(run_id, call.submitter, call.trace_id, *key)
    return envelope(translate.restarted(made, run_id))


@router.post("/{run_id}/abort")
async def abort(run_id: RunId, call: Call) -> dict[str, Any]:
    """End a run now."""
    await call.check_reach(run_id)
    return envelope(translate.aborted(await call.coordinator.cancel(run_id)))
