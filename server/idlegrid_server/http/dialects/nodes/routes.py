"""The node protocol's endpoints."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from idlegrid_server.core.checkpoints import CheckpointUpload
from idlegrid_server.core.coordinator import Work
from idlegrid_server.core.errors import StaleReport
from idlegrid_server.core.files import Upload
from idlegrid_server.core.limits import MAX_WAIT
from idlegrid_server.core.nodedesk import Room
from idlegrid_server.http.dialects.nodes import translate
from idlegrid_server.http.dialects.nodes.files import sent
from idlegrid_server.http.dialects.nodes.schemas import (
    NO_NUL,
    Cores,
    HeartbeatIn,
    Hex,
    JoinIn,
    Megabytes,
    Name,
    ReportsIn,
    Slots,
)
from idlegrid_server.http.documentation import BINARY_BODY, BYTES
from idlegrid_server.http.names import checked_name
from idlegrid_server.http.routing import Call, GridRoute
from idlegrid_server.http.spool import spooled

router = APIRouter(prefix="/internal", tags=["nodes"], route_class=GridRoute)
RunPath = Annotated[str, Path(max_length=64, pattern=NO_NUL)]


@router.post("/join")
async def join(words: JoinIn, call: Call) -> dict[str, str]:
    """A key that speaks for one node alone, in exchange for a use of a join token."""
    key = await call.grid.key_desk.enrol(call.caller, words.node_id)
    return {"key": key, "node_id": words.node_id, "server_id": call.grid.server_id}


@router.post("/heartbeat")
async def heartbeat(words: HeartbeatIn, call: Call) -> dict[str, Any]:
    """A node is alive, and lists what it holds."""
    call.caller.check_node(words.node_id)
    address = call.client.host if call.client else ""
    held = [translate.held(attempt) for attempt in words.attempts]
    facts = translate.facts(words, address)
    reclaims = [translate.reclaim(words.node_id, told) for told in words.reclaims]
    heard = await call.coordinator.beat(words.node_id, facts, held, joins=words.joins, reclaims=reclaims)
    return translate.beat_answer(words.node_id, call.grid.server_id, call.coordinator.times, heard)


@router.get("/task")
async def task(
    call: Call,
    node_id: Name,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT)] = 0.0,
    slots: Slots = 1,
    cpu: Cores | None = None,
    memory: Megabytes | None = None,
) -> dict[str, Any]:
    """Work or orders for a node, at once or within `wait` seconds; nothing is leased to one that has hung up."""
    call.caller.check_node(node_id)
    fetching = call.coordinator.fetch(node_id, Room(slots, cpu, memory), wait)
    work = await (call.while_connected(fetching) if wait else fetching)
    return await _given(call, work)


@router.post("/result")
async def result(words: ReportsIn, call: Call) -> dict[str, Any]:
    """How attempts ended; a flat report that does not count is a 409, and brings no new work."""
    call.caller.check_node(words.node_id)
    reports = [translate.report(entry) for entry in words.results]
    room = None if words.flat else translate.room(words.next)
    answers, work = await call.coordinator.report(words.node_id, reports, room)
    if words.flat and answers[0].problem is not None:
        raise StaleReport(str(answers[0].problem))
    if words.flat and words.next is not None:
        work = await call.coordinator.fetch(words.node_id, Room(words.next.slots, words.next.cpu, words.next.memory))
    return {"status": "ok", **await _given(call, work), "results": translate.verdicts(answers)}


async def _given(call: Call, work: Work) -> dict[str, Any]:
    files = await call.coordinator.nodes.files_of(work.leases) if work.leases else {}
    return translate.work(work, files, call.grid.server_id, call.coordinator.times)


@router.put("/files/{run}/{name:file}", openapi_extra=BINARY_BODY)
async def put_file(run: RunPath, name: str, call: Call, node_id: Name, lease_id: Hex) -> dict[str, str]:
    """A file that an attempt left; one that will not be taken is refused before it is read."""
    call.caller.check_node(node_id)
    length = int(call.headers.get("content-length", 0))
    upload = Upload(run_uuid=run, lease_id=lease_id, name=checked_name(call, name), size=length)
    await call.coordinator.check_file(upload)
    async with spooled(call, call.grid.settings.data) as body:
        await call.coordinator.keep_file(replace(upload, size=body.size, sha256=body.sha256), body.file)
    return {"status": "ok"}


@router.get("/task-files/{run}/{name:file}", response_class=Response, responses=BYTES)
async def task_file(run: RunPath, name: str, call: Call, node_id: Name, lease_id: Hex) -> Response:
    """A file that lies in the working folder of a run, for the node that holds it."""
    call.caller.check_node(node_id)
    nodes = call.coordinator.nodes
    return sent(nodes.chunk, await nodes.file(run, lease_id, checked_name(call, name)))


@router.put("/checkpoints/{run}", openapi_extra=BINARY_BODY)
async def put_checkpoint(run: RunPath, call: Call, node_id: Name, lease_id: Hex) -> dict[str, str]:
    """What an attempt keeps for the next one; what will not be taken is refused before it is read."""
    call.caller.check_node(node_id)
    length = int(call.headers.get("content-length", 0))
    upload = CheckpointUpload(run_uuid=run, lease_id=lease_id, size=length)
    await call.coordinator.checkpoints.check(upload)
    async with spooled(call, call.grid.settings.data) as body:
        await call.coordinator.checkpoints.keep(replace(upload, size=body.size, sha256=body.sha256), body.file)
    return {"status": "ok"}


@router.get("/checkpoints/{run}", response_class=Response, responses=BYTES)
async def checkpoint(run: RunPath, call: Call, node_id: Name, lease_id: Hex) -> Response:
    """What an earlier attempt kept, for the node that holds the run."""
    call.caller.check_node(node_id)
    checkpoints = call.coordinator.checkpoints
    return sent(checkpoints.chunk, await checkpoints.of_attempt(run, lease_id))
