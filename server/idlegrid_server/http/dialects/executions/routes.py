"""The execution API's endpoints. What cancels takes POST, too: not every client sends a body with DELETE."""

from typing import Any

from fastapi import APIRouter

from idlegrid_server.core.definitions import Trigger
from idlegrid_server.core.model import Run
from idlegrid_server.http.dialects.executions import translate, views
from idlegrid_server.http.dialects.executions.logs import cursor
from idlegrid_server.http.dialects.executions.schemas import (
    After,
    ByIds,
    ByTaskNames,
    ExecuteIn,
    ExecutionId,
    Limit,
    TaskName,
)
from idlegrid_server.http.fingerprint import fingerprint
from idlegrid_server.http.routing import Call, GridRoute

router = APIRouter(prefix="/tasks", tags=["executions"], route_class=GridRoute)


@router.post("/{task_name}/execute/manual")
async def execute_manual(task_name: TaskName, call: Call, words: ExecuteIn | None = None) -> dict[str, Any]:
    """Run a task now, by hand."""
    return translate.executed(await _execute(call, task_name, words or ExecuteIn(), Trigger.MANUAL))


@router.post("/{task_name}/execute/api")
async def execute_api(task_name: TaskName, call: Call, words: ExecuteIn | None = None) -> dict[str, Any]:
    """Run a task now, from a program."""
    return translate.executed(await _execute(call, task_name, words or ExecuteIn(), Trigger.API))


async def _execute(call: Call, task_name: str, words: ExecuteIn, trigger: Trigger) -> Run:
    key = fingerprint(call, words, f"execute {trigger} {task_name}")
    task = await call.coordinator.runs.task(task_name)
    wish = translate.wish(words, trigger, call.submitter, call.trace_id)
    return await call.coordinator.tasks.trigger(task.id, wish, *key)


@router.get("/running/execution/{execution_id}")
async def execution(execution_id: ExecutionId, call: Call, after: After = "") -> dict[str, Any]:
    """Where an execution stands, and its log."""
    return await views.execution(call.coordinator, execution_id, call.confined_to, cursor(after))


@router.get("/running/{task_name}")
async def executions(task_name: TaskName, call: Call, limit: Limit = 100) -> list[dict[str, Any]]:
    """A task's unfinished executions and its latest finished ones, newest first."""
    return await views.executions(call.coordinator, task_name, limit, call.confined_to)


@router.delete("/executions/cancel/by-ids")
@router.post("/executions/cancel/by-ids")
async def cancel_by_ids(words: ByIds, call: Call) -> dict[str, Any]:
    """End these executions."""
    return translate.by_ids(await call.coordinator.runs.cancel(words.executionIds, call.confined_to))


@router.delete("/executions/cancel/by-task-names")
@router.post("/executions/cancel/by-task-names")
async def cancel_by_task_names(words: ByTaskNames, call: Call) -> dict[str, Any]:
    """End all unfinished executions of these tasks."""
    return translate.by_task_names(await call.coordinator.runs.cancel_of(words.taskNames, call.confined_to))


@router.delete("/executions/cancel/all")
@router.post("/executions/cancel/all")
async def cancel_all(call: Call) -> dict[str, Any]:
    """End all unfinished executions."""
    return {"count": await call.coordinator.runs.cancel_all(call.confined_to)}
