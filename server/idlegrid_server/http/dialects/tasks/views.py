"""Putting together what an answer of the task API needs from several queries."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from idlegrid_server.core.coordinator import Coordinator
from idlegrid_server.core.errors import NotFound
from idlegrid_server.core.model import Run, RunState
from idlegrid_server.core.queries import RunFilter, TaskFilter
from idlegrid_server.core.taskdesk import checked_id
from idlegrid_server.core.waiting import why
from idlegrid_server.http.dialects.tasks import task_translate, translate

RECENT_RUNS: Final = 20
"""Newest runs of each task in a list."""
LOG_PIECES: Final = 1_000
"""Newest pieces of a log in a run's detail."""


async def task_page(coordinator: Coordinator, wanted: TaskFilter) -> dict[str, Any]:
    """One page of tasks."""
    tasks, total = await coordinator.read(coordinator.reader.tasks, wanted)
    recent = await coordinator.read(coordinator.reader.recent_runs, [task.id for task in tasks], RECENT_RUNS)
    return task_translate.page(tasks, recent, total, wanted.offset // wanted.size + 1, wanted.size)


async def triggered(coordinator: Coordinator, run: Run, task_id: int) -> dict[str, Any]:
    """A run that was just made, and when it may have ended."""
    task = await coordinator.read(coordinator.reader.task, task_id)
    estimate = None if task is None else await coordinator.tasks.estimate(run, task)
    return task_translate.triggered(run, task_id, estimate)


async def run_page(coordinator: Coordinator, wanted: RunFilter) -> dict[str, Any]:
    """One page of runs."""
    views, total = await coordinator.read(coordinator.reader.runs, wanted)
    names = await _hostnames(coordinator, [view.run for view in views])
    reasons = await _reasons(coordinator, [view.run for view in views])
    items = [translate.run(view, names, reasons[view.run.id]) for view in views]
    return translate.page(items, total, wanted.offset // wanted.size + 1, wanted.size)


async def run_detail(coordinator: Coordinator, run_id: int) -> dict[str, Any]:
    """A run whole. Raises NotFound."""
    found = await coordinator.read(coordinator.reader.detail, checked_id(run_id, "Run"))
    if found is None:
        raise NotFound(f"Run {run_id} not found")
    logs = await coordinator.read(coordinator.reader.last_logs, run_id, LOG_PIECES)
    waits = await coordinator.waiting_for(found.view.run)
    names = await _hostnames(coordinator, [found.view.run])
    return translate.detail(found, names, waits, logs)


async def run_usage(coordinator: Coordinator, run_id: int) -> dict[str, Any]:
    """What a run's attempts used over time. Raises NotFound."""
    if await coordinator.submitter_of(run_id) is None:
        raise NotFound(f"Run {run_id} not found")
    return translate.used_over_time(run_id, await coordinator.read(coordinator.reader.usage_points, run_id))


async def log_page(
    coordinator: Coordinator, run_id: int, after: int, limit: int, tail: int | None = None
) -> dict[str, Any]:
    """Some of a run's log: the oldest `limit` pieces after one, or of those the newest `tail`. Raises NotFound."""
    view = await coordinator.view(run_id, what="Run")
    if tail is not None:
        newest = await coordinator.read(coordinator.reader.last_logs, run_id, tail)
        pieces = [piece for piece in newest if piece.id > after]
        return translate.log_page(pieces, after, finished=view.run.state.is_final)
    pieces = await coordinator.read(coordinator.reader.logs, run_id, after, limit)
    return translate.log_page(pieces, after, finished=view.run.state.is_final and len(pieces) < limit)


async def _hostnames(coordinator: Coordinator, runs: Iterable[Run]) -> dict[str, str]:
    ids = sorted({run.node_id for run in runs if run.node_id})
    return await coordinator.read(coordinator.reader.hostnames, ids) if ids else {}


async def _reasons(coordinator: Coordinator, runs: Sequence[Run]) -> dict[int, str | None]:
    """Why each has not started; all that wait in one queue wait for the same."""
    queued = {run.queue: run for run in runs if run.state is RunState.PENDING}
    nodes = await coordinator.read(coordinator.reader.node_kinds) if queued else []
    by_queue = {queue: why(run, nodes) for queue, run in queued.items()}
    return {run.id: by_queue[run.queue] if run.state is RunState.PENDING else why(run, ()) for run in runs}
