"""Between a task's row and the core's `Task`."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import select

from idlegrid_server.core.definitions import Task, TaskDefinition, TaskStatus, Timing, Wait
from idlegrid_server.core.model import Need, Priority, RunState
from idlegrid_server.record import tables as t

LIFE: Final = (
    "status",
    "next_run_at",
    "last_run_at",
    "last_run_id",
    "last_state",
    "last_completed_id",
    "total_runs",
    "completed_runs",
    "failed_runs",
    "cancelled_runs",
    "unfinished",
    "run_seconds",
)
"""What a task's life changes; the rest only its author does."""
_OWN: Final = ("submitter", "created_at", "updated_at", "has_code")
_SAME: Final = ("name", "description", "executor", "command", "retry_limit", "timeout", "metadata", "parameters")
_SAME_TOO: Final = ("max_instances", "job_type", "job_category")

_parent_run: Final = t.runs.alias("parent_run")
WAITS: Final = (
    select(t.runs.c.uuid, t.waits.c.parent_id, t.tasks.c.name, t.waits.c.parent_run_id, _parent_run.c.state)
    .join(t.waits, t.waits.c.run_id == t.runs.c.id)
    .outerjoin(t.tasks, t.tasks.c.id == t.waits.c.parent_id)
    .outerjoin(_parent_run, _parent_run.c.id == t.waits.c.parent_run_id)
    .order_by(t.waits.c.run_id, t.waits.c.parent_id)
)
"""What runs wait for; rows for `read_wait`."""


def read_wait(row: Any) -> Wait:
    """What the run of a row of `WAITS` waits for."""
    state = None if row.state is None else RunState(row.state)
    return Wait(row.parent_id, row.name or f"task {row.parent_id}", row.parent_run_id, state)


def read_task(row: Any, parents: Iterable[int] = ()) -> Task:
    """The task of a row that has every column of `tasks`; its parents are in a table of their own."""
    life = {name: getattr(row, name) for name in (*_OWN, *LIFE)}
    life["status"] = TaskStatus(row.status)
    life["last_state"] = None if row.last_state is None else RunState(row.last_state)
    return Task(id=row.id, definition=_definition(row, parents), **life)


def _definition(row: Any, parents: Iterable[int]) -> TaskDefinition:
    return TaskDefinition(
        **{name: getattr(row, name) for name in (*_SAME, *_SAME_TOO)},
        arguments=tuple(row.arguments),
        timing=Timing(schedule=row.schedule, interval_seconds=row.interval_seconds, timezone=row.timezone),
        need=Need(
            task_type=row.task_type,
            cpu=row.cpu,
            memory_mb=row.memory_mb,
            requires=tuple(row.requires),
            min_sandbox=row.min_sandbox,
        ),
        priority=Priority(row.priority),
        dependencies=tuple(sorted(parents)),
        tags=tuple(row.tags),
    )


def task_row(task: Task) -> dict[str, Any]:
    """The row of a task, without its id."""
    row = {name: getattr(task, name) for name in _OWN}
    return {**row, **life_row(task), **_definition_row(task.definition)}


def life_row(task: Task) -> dict[str, Any]:
    """The columns of `LIFE`."""
    row = {name: getattr(task, name) for name in LIFE}
    row["status"] = task.status.value
    row["last_state"] = None if task.last_state is None else task.last_state.value
    return row


def _definition_row(of: TaskDefinition) -> dict[str, Any]:
    return {
        **{name: getattr(of, name) for name in (*_SAME, *_SAME_TOO)},
        "task_type": of.need.task_type,
        "arguments": list(of.arguments),
        "schedule": of.timing.schedule,
        "interval_seconds": of.timing.interval_seconds,
        "timezone": of.timing.timezone,
        "cpu": of.need.cpu,
        "memory_mb": of.need.memory_mb,
        "requires": list(of.need.requires),
        "min_sandbox": of.need.min_sandbox,
        "priority": int(of.priority),
        "tags": list(of.tags),
    }
