"""Between the core's tasks and runs and the jobs API's words. Pure."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from idlegrid_server.core.definitions import Task, TaskStatus, Timing
from idlegrid_server.core.model import Run, RunState
from idlegrid_server.core.queries import Execution, RunFilter, RunView, TaskFilter
from idlegrid_server.core.words import JOB_STATUS, JOB_WORDS, iso
from idlegrid_server.http.dialects.jobs.schemas import ExecutionsQuery, JobsQuery
from idlegrid_server.http.dialects.tasks.task_words import number
from idlegrid_server.http.instants import seconds
from idlegrid_server.http.text import json_object

EXCERPT: Final = 16 << 10
"""Characters of a result, an error or parameters that a list shows."""
JOB_SORTS: Final[Mapping[str, tuple[str, bool]]] = {
    "id": ("name", False),
    "timeout_seconds": ("timeout", False),
    "enabled": ("paused", True),
}
"""Field → the core's sort, and whether it goes the other way; all others are called the same."""
RUN_SORTS: Final[Mapping[str, str]] = {"completed_at": "finished_at", "created_at": "id"}
"""The same of executions; runs have their ids in the order in which they were made."""
CANCELLED: Final = "cancelled"


def jobs_wanted(query: JobsQuery) -> TaskFilter:
    """Which tasks a list shows."""
    sort, is_reversed = JOB_SORTS.get(query.order_by, (query.order_by, False))
    descending = query.order_desc is not is_reversed
    return TaskFilter(kind=query.search, sort=sort, descending=descending, offset=query.offset, size=query.limit)


def executions_wanted(query: ExecutionsQuery) -> RunFilter:
    """Which runs a list of all shows."""
    return _wanted(query, search=query.search, or_states=_states(query.search))


def executions_of_wanted(query: ExecutionsQuery, task_id: int) -> RunFilter:
    """Which runs a list of one job's shows; what it searches for is a status."""
    return _wanted(query, task_id=task_id, states=_states(query.search) if query.search else None)


def _wanted(query: ExecutionsQuery, **words: Any) -> RunFilter:
    return RunFilter(
        **words,
        since=seconds(query.after),
        until=seconds(query.before),
        sort=RUN_SORTS.get(query.order_by, query.order_by),
        newest_first=query.order_desc,
        offset=query.offset,
        size=query.limit,
    )


def _states(word: str) -> list[str]:
    return sorted(state.value for state in JOB_WORDS.get(word.lower(), ()))


def page(items: Sequence[Mapping[str, Any]], total: int, offset: int, limit: int) -> dict[str, Any]:
    """One page of a list."""
    return {
        "data": list(items),
        "pagination": {
            "page": offset // limit + 1,
            "page_size": limit,
            "total": total,
            "total_pages": math.ceil(total / limit),
            "has_next": offset + limit < total,
            "has_prev": offset > 0,
        },
    }


def job(of: Task) -> dict[str, Any]:
    """A task."""
    said = of.definition
    return {
        "id": of.name,
        "job_type": said.job_type or said.need.task_type,
        "name": of.name,
        "job_category": said.job_category or None,
        "description": said.description,
        "schedule_type": _schedule_type(said.timing),
        "schedule": said.timing.schedule or None,
        "interval_seconds": number(said.timing.interval_seconds),
        "parameters": json.loads(said.parameters),
        "timeout_seconds": number(said.timeout),
        "max_instances": said.max_instances,
        "enabled": of.status is not TaskStatus.PAUSED,
        "last_run_at": iso(of.last_run_at),
        "next_run_at": iso(of.next_run_at),
        "created_at": iso(of.created_at),
        "updated_at": iso(of.updated_at),
    }


def _schedule_type(timing: Timing) -> str | None:
    if not timing.is_scheduled:
        return None
    return "cron" if timing.schedule else "interval"


def execution(of: Execution) -> dict[str, Any]:
    """A run, with texts of up to `EXCERPT` characters; longer ones have at least one more."""
    run = of.view.run
    result, error = OUTCOMES.get(run.state, _nothing_yet)(of.view)
    return {
        "id": str(run.id),
        "job_id": None if run.task_id is None else str(run.task_id),
        "job_name": run.task_name,
        "status": JOB_STATUS[run.state],
        "started_at": iso(run.started_at),
        "completed_at": iso(run.finished_at),
        "duration_ms": _duration(run),
        "result": result,
        "error": error,
        "trace_id": run.trace_id or None,
        "worker_id": run.node_id,
        "parameters_snapshot": _excerpt(of.parameters) or json.loads(of.parameters),
        "created_at": iso(run.created_at),
    }


def _duration(run: Run) -> int | None:
    if run.started_at is None or run.finished_at is None:
        return None
    return max(0, round((run.finished_at - run.started_at) * 1_000))


Outcome = tuple[dict[str, Any] | None, str | None]
"""Result and error."""


def _nothing_yet(_: RunView) -> Outcome:
    return None, None


def _completed(view: RunView) -> Outcome:
    text = view.result or ""
    said = _excerpt(text) or json_object(text)
    return {"output": text} if said is None else said, None


def _failed(view: RunView) -> Outcome:
    words = view.error or view.run.reason or JOB_STATUS[view.run.state].lower()
    cut = _excerpt(words, "error_message")
    return cut or {"error_message": words}, words[:EXCERPT]


def _cancelled(_: RunView) -> Outcome:
    return {"error_message": CANCELLED}, CANCELLED


OUTCOMES: Final[Mapping[RunState, Callable[[RunView], Outcome]]] = {
    RunState.COMPLETED: _completed,
    RunState.FAILED: _failed,
    RunState.TIMED_OUT: _failed,
    RunState.CANCELLED: _cancelled,
}


def _excerpt(text: str, name: str = "output") -> dict[str, Any] | None:
    """The beginning of a text that is too long to be shown whole."""
    return {name: text[:EXCERPT], "truncated": True} if len(text) > EXCERPT else None
