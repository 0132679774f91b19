"""`/api/tasks`."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from idlegrid_server.http.dialects.tasks import files, task_translate, task_words, views
from idlegrid_server.http.dialects.tasks.schemas import TaskChange, TaskIn, TasksQuery, TriggerIn
from idlegrid_server.http.documentation import BINARY_BODY, BYTES, Envelope
from idlegrid_server.http.envelope import envelope
from idlegrid_server.http.fingerprint import fingerprint
from idlegrid_server.http.routing import Call, GridRoute

router = APIRouter(prefix="/api/tasks", tags=["tasks"], route_class=GridRoute)
TaskId = Annotated[int, Path(ge=0)]


@router.get("")
async def tasks(query: Annotated[TasksQuery, Query()], call: Call) -> dict[str, Any]:
    """A page of tasks."""
    return envelope(await views.task_page(call.coordinator, task_words.tasks_wanted(query)))


@router.post("", status_code=201)
async def create(words: TaskIn, call: Call) -> dict[str, Any]:
    """Make a task."""
    made = task_words.definition(words), task_words.made_code(words), task_words.parents(words) or []
    return envelope(task_translate.task(await call.coordinator.tasks.create(*made, call.submitter)))


@router.get("/{task_id}")
async def detail(task_id: TaskId, call: Call) -> dict[str, Any]:
    """A task whole."""
    return envelope(task_translate.detail(await call.coordinator.tasks.detail(task_id)))


@router.put("/{task_id}")
async def update(task_id: TaskId, words: TaskChange, call: Call) -> dict[str, Any]:
    """Change what is named; `null` takes away."""
    code, parents, name = task_words.code(words), task_words.parents(words), task_words.new_name(words)
    edit = task_words.edit(words)
    task = await call.coordinator.tasks.update(task_id, edit, code=code, parents=parents, new_name=name)
    return envelope(task_translate.task(task))


@router.delete("/{task_id}")
async def delete(task_id: TaskId, call: Call) -> dict[str, Any]:
    """Delete a task, and cancel its unfinished runs."""
    await call.coordinator.tasks.remove(task_id)
    return envelope(task_translate.removed(task_id))


@router.post("/{task_id}/trigger")
async def trigger(task_id: TaskId, call: Call, words: TriggerIn | None = None) -> dict[str, Any]:
    """Run a task now."""
    words = words or TriggerIn()
    key = fingerprint(call, words, f"trigger {task_id}")
    run = await call.coordinator.tasks.trigger(task_id, task_words.wish(words, call.submitter, call.trace_id), *key)
    return envelope(await views.triggered(call.coordinator, run, task_id))


@router.post("/{task_id}/pause")
async def pause(task_id: TaskId, call: Call) -> dict[str, Any]:
    """Have a task fire no more."""
    return envelope(task_translate.paused(await call.coordinator.tasks.pause(task_id, paused=True)))


@router.post("/{task_id}/resume")
async def resume(task_id: TaskId, call: Call) -> dict[str, Any]:
    """Have it fire again."""
    return envelope(task_translate.paused(await call.coordinator.tasks.pause(task_id, paused=False)))


@router.get("/{task_id}/graph")
async def graph(task_id: TaskId, call: Call) -> dict[str, Any]:
    """The tasks that it depends on and that depend on it, and so on."""
    return envelope(task_translate.graph(await call.coordinator.tasks.graph(task_id)))


@router.get("/{task_id}/files")
async def task_files(task_id: TaskId, call: Call) -> dict[str, Any]:
    """What lies in the working folder of a task's runs."""
    return envelope(await files.of_task(call.coordinator, task_id))


@router.get("/{task_id}/files/{name:file}", response_class=Response, responses=BYTES)
async def task_file(task_id: TaskId, name: str, call: Call) -> Response:
    """The bytes of one file."""
    return await files.task_download(call, task_id, name)


@router.put(
    "/{task_id}/files/{name:file}",
    responses={200: {"model": Envelope}, 201: {"description": "It is new", "model": Envelope}},
    openapi_extra=BINARY_BODY,
)
async def put_task_file(task_id: TaskId, name: str, call: Call) -> Response:
    """Take a file; the same name again replaces."""
    return await files.upload(call, task_id, name)


@router.delete("/{task_id}/files/{name:file}")
async def delete_task_file(task_id: TaskId, name: str, call: Call) -> dict[str, Any]:
    """Drop a file."""
    return envelope(await files.remove(call.coordinator, task_id, name))
