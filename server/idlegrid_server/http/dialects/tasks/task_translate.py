"""From the core's tasks to the task API's words. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from idlegrid_server.core.definitions import Task
from idlegrid_server.core.model import Priority, Run, RunState
from idlegrid_server.core.queries import Graph, GraphTask, RecentRun
from idlegrid_server.core.taskdesk import TaskDetail
from idlegrid_server.core.words import STATUS
from idlegrid_server.http.dialects.tasks import translate
from idlegrid_server.http.dialects.tasks.task_words import number
from idlegrid_server.http.envelope import iso

LAST: Final[Mapping[RunState, str]] = {**STATUS, RunState.COMPLETED: "success"}
"""The document's words for how the last execution went."""


def item(of: Task) -> dict[str, Any]:
    """A task in a list."""
    said, need = of.definition, of.definition.need
    return {
        "id": of.id,
        "name": of.name,
        "description": said.description,
        "task_type": need.task_type,
        "executor": said.executor,
        "command": said.command,
        "schedule": said.timing.schedule or None,
        "interval_seconds": number(said.timing.interval_seconds),
        "timezone": said.timing.timezone,
        "priority": Priority(said.priority).name.lower(),
        "retry_count": said.retry_limit,
        "timeout_seconds": number(said.timeout),
        "status": of.status.value,
        **_times(of),
        "dependencies": [str(parent) for parent in said.dependencies],
        "tags": list(said.tags),
        "requires": list(need.requires),
        "resources": {"cpu": number(need.cpu), "memory": need.memory_mb},
        "min_sandbox": need.min_sandbox,
        "max_instances": said.max_instances,
        "job_type": said.job_type or None,
        "job_category": said.job_category or None,
        "submitter": of.submitter,
        "has_code": of.has_code,
        "last_status": None if of.last_state is None else STATUS[of.last_state],
    }


def _times(of: Task) -> dict[str, Any]:
    return {name: iso(getattr(of, name)) for name in ("created_at", "updated_at", "last_run_at", "next_run_at")}


def task(of: Task) -> dict[str, Any]:
    """A task, as creating and changing it answer."""
    said = of.definition
    return {
        **item(of),
        "arguments": list(said.arguments),
        "metadata": json.loads(said.metadata),
        "parameters": json.loads(said.parameters),
    }


def detail(of: TaskDetail) -> dict[str, Any]:
    """A task whole."""
    return {
        **task(of.task),
        "code": of.code,
        "files": of.files,
        "statistics": _statistics(of.task),
        "next_firings": [iso(due) for due in of.firings],
    }


def _statistics(of: Task) -> dict[str, Any]:
    mean = of.expected_seconds
    return {
        "total_runs": of.total_runs,
        "successful_runs": of.completed_runs,
        "failed_runs": of.failed_runs,
        "average_execution_time": None if mean is None else round(mean, 3),
        "last_execution_status": None if of.last_state is None else LAST[of.last_state],
    }


def page(
    tasks: Sequence[Task], recent: Mapping[int, Sequence[RecentRun]], total: int, number_: int, size: int
) -> dict[str, Any]:
    """One page of tasks, with their newest runs."""
    items = [{**item(of), "recent": [_recent(run) for run in recent.get(of.id, ())]} for of in tasks]
    return translate.page(items, total, number_, size)


def _recent(run: RecentRun) -> dict[str, Any]:
    return {"id": run.id, "status": STATUS[run.state]}


def graph(of: Graph) -> dict[str, Any]:
    """The tasks around one."""
    return {"tasks": [_around(task) for task in of.tasks], "edges": [list(edge) for edge in of.edges], "cut": of.is_cut}


def _around(of: GraphTask) -> dict[str, Any]:
    last = None if of.last_state is None else STATUS[of.last_state]
    return {"id": of.id, "name": of.name, "status": of.status, "last_status": last, "distance": of.distance}


def removed(task_id: int) -> dict[str, Any]:
    """`DELETE /api/tasks/{id}`."""
    return {"message": "任务删除成功", "deleted_id": task_id}


def paused(of: Task) -> dict[str, Any]:
    """`POST /api/tasks/{id}/pause` and `…/resume`."""
    return {"id": of.id, "status": of.status.value, "updated_at": iso(of.updated_at)}


def triggered(of: Run, task_id: int, estimated: float | None) -> dict[str, Any]:
    """`POST /api/tasks/{id}/trigger`."""
    return {
        "task_id": task_id,
        "run_id": of.id,
        "status": STATUS[of.state],
        "worker_id": of.node_id,
        "started_at": iso(of.started_at),
        "estimated_completion": iso(estimated),
    }


def file_removed(name: str) -> dict[str, Any]:
    """`DELETE /api/tasks/{id}/files/{name}`."""
    return {"message": "文件删除成功", "name": name}
