"""`/api/workers`: nodes, as their operator sees them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from idlegrid_server.core.commands.operator import MAX_SLOTS
from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.core.model import NodeState
from idlegrid_server.core.nodedesk import ListedNode
from idlegrid_server.core.spells import MOST_NODES, MOST_SECONDS
from idlegrid_server.http.dialects.nodes.policy import Pushed
from idlegrid_server.http.dialects.nodes.schemas import NO_NUL, Label, Percent
from idlegrid_server.http.dialects.tasks import workers_translate as translate
from idlegrid_server.http.envelope import envelope
from idlegrid_server.http.routing import Call, GridRoute

router = APIRouter(prefix="/api/workers", tags=["workers"], route_class=GridRoute)

Text = Annotated[str, StringConstraints(max_length=255, pattern=NO_NUL)]
WorkerId = Annotated[str, Path(max_length=200, pattern=NO_NUL)]
Id = Annotated[str, StringConstraints(max_length=200, pattern=NO_NUL)]
Types = Annotated[list[Label], Field(min_length=1, max_length=50)]
Tasks = Annotated[int, Field(ge=1, le=MAX_SLOTS)]
Port = Annotated[int, Field(ge=0, le=65_535)]
RunId = Annotated[int, Field(ge=0, le=MAX_INT64)]
Sort = Literal[
    "created_at",
    "registered_at",
    "id",
    "hostname",
    "status",
    "last_heartbeat",
    "load_average",
    "cpu_usage",
    "memory_usage",
]


class Words(BaseModel):
    """Numbers are finite, a number is a number and a text a text; what is unknown is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class WorkerIn(Words):
    """`POST /api/workers`."""

    hostname: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NO_NUL)]
    ip_address: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NO_NUL)]
    port: Port
    task_types: Types
    max_concurrent_tasks: Tasks = 5
    metadata: dict[str, Any] = Field(default_factory=dict)


class WorkerChange(Words):
    """`PUT /api/workers/{id}`: what is left out stays."""

    max_concurrent_tasks: Tasks | None = None
    task_types: Types | None = None
    status: Literal["active", "draining", "offline"] | None = None
    metadata: dict[str, Any] | None = None
    policy: Pushed | None = None
    """Null takes all of it away."""


class WorkerBeat(Words):
    """`POST /api/workers/{id}/heartbeat`: only runs that are listed are renewed."""

    current_task_count: Annotated[int, Field(ge=0, le=MAX_SLOTS)] | None = None
    load_average: Annotated[float, Field(ge=0, le=1e6)] | None = None
    memory_usage: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    cpu_usage: Percent | None = None
    current_tasks: list[RunId] = Field(default_factory=list, max_length=MAX_SLOTS)
    metadata: dict[str, Any] | None = None


class WorkersQuery(BaseModel):
    """`GET /api/workers`."""

    page: int = Field(default=1, ge=1, le=1_000_000)
    size: int = Field(default=20, ge=1, le=200)
    status: Literal["active", "draining", "offline"] | None = None
    task_type: Annotated[str, Field(max_length=100, pattern=NO_NUL)] | None = None
    hostname: Annotated[str, Field(max_length=255, pattern=NO_NUL)] | None = None
    state: NodeState | None = None
    search: str = Field(default="", max_length=200, pattern=NO_NUL)
    sort: Sort = "created_at"
    order: Literal["asc", "desc"] = "desc"


class HistoryQuery(BaseModel):
    """`GET /api/workers/history`; `window` in seconds."""

    window: float = Field(default=86_400.0, ge=1, le=MOST_SECONDS, allow_inf_nan=False)
    worker_id: list[Id] = Field(min_length=1, max_length=MOST_NODES)


@router.get("")
async def workers(query: Annotated[WorkersQuery, Query()], call: Call) -> dict[str, Any]:
    """A page of workers."""
    found = await call.coordinator.nodes.page(translate.wanted(query), call.coordinator.clock.now())
    return envelope(translate.page(*found, query.page, query.size))


@router.get("/history")
async def history(query: Annotated[HistoryQuery, Query()], call: Call) -> dict[str, Any]:
    """What workers were lately."""
    now = call.coordinator.clock.now()
    begin = now - query.window
    return envelope(translate.history(await call.coordinator.nodes.history(query.worker_id, begin, now), begin, now))


@router.get("/weeks")
async def weeks(call: Call) -> dict[str, Any]:
    """At which hours owners lend their machines."""
    return envelope(translate.whole_week(*await call.coordinator.nodes.whole_week()))


@router.post("", status_code=201)
async def register(call: Call, words: WorkerIn) -> dict[str, Any]:
    """Take in a worker by hand."""
    node = await call.coordinator.nodes.register(translate.registration(words))
    return envelope(translate.worker(ListedNode(node, 0)))


@router.get("/{worker_id}")
async def worker(worker_id: WorkerId, call: Call) -> dict[str, Any]:
    """A worker whole."""
    nodes, now = call.coordinator.nodes, call.coordinator.clock.now()
    found = await nodes.detail(worker_id, now)
    return envelope(translate.detail(found, await nodes.reclaims(now, worker_id), now))


@router.get("/{worker_id}/week")
async def week(worker_id: WorkerId, call: Call) -> dict[str, Any]:
    """At which hours a worker's owner lends it, and until when it should stay idle."""
    node, known = await call.coordinator.nodes.week(worker_id)
    return envelope(translate.week(node, known, call.coordinator.clock.now()))


@router.put("/{worker_id}")
async def update(worker_id: WorkerId, call: Call, words: WorkerChange) -> dict[str, Any]:
    """Change what the operator wants of a worker."""
    nodes = call.coordinator.nodes
    await nodes.update(worker_id, translate.change(words))
    return envelope(translate.changed(await nodes.detail(worker_id, call.coordinator.clock.now())))


@router.delete("/{worker_id}")
async def unregister(worker_id: WorkerId, call: Call) -> dict[str, Any]:
    """Send a worker away; its runs go back."""
    await call.coordinator.nodes.unregister(worker_id)
    return envelope({"message": "Worker 注销成功", "worker_id": worker_id})


@router.post("/{worker_id}/heartbeat")
async def heartbeat(worker_id: WorkerId, call: Call, words: WorkerBeat) -> dict[str, Any]:
    """A worker is alive, and says which runs it still holds."""
    nodes = call.coordinator.nodes
    node = await nodes.beat(worker_id, lambda node: translate.facts(words, node), words.current_tasks)
    return envelope(translate.heard(node))
