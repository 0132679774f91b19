"""What the life of its runs changes in a task. Pure."""

from idlegrid_server.core.definitions import Task, TaskStatus
from idlegrid_server.core.model import Run, RunState

STATUS_AFTER = {
    RunState.COMPLETED: TaskStatus.COMPLETED,
    RunState.FAILED: TaskStatus.FAILED,
    RunState.TIMED_OUT: TaskStatus.FAILED,
}
"""What the end of its latest run makes of an unscheduled task; cancelling says nothing of it."""


def note_made(task: Task) -> None:
    """It has a new run; the record gives `last_run_id` with the run's number."""
    task.total_runs += 1
    task.unfinished += 1
    task.last_state = RunState.PENDING
    if task.status is not TaskStatus.PAUSED:
        task.status = TaskStatus.ACTIVE


def note_moved(task: Task, run: Run, before: RunState, now: float) -> None:
    """One of its runs went from `before` to the state it has."""
    latest = run.id == task.last_run_id
    if latest:
        task.last_state = run.state
    if run.state is RunState.RUNNING:
        task.last_run_at = now
    if run.state.is_final and not before.is_final:
        _note_end(task, run)
        if latest and not task.definition.timing.is_scheduled and task.status is not TaskStatus.PAUSED:
            task.status = STATUS_AFTER.get(run.state, task.status)


def _note_end(task: Task, run: Run) -> None:
    task.unfinished -= 1
    if run.state is RunState.COMPLETED:
        task.completed_runs += 1
        task.last_completed_id = max(task.last_completed_id, run.id)
        task.run_seconds += (run.finished_at or 0.0) - (run.started_at or run.finished_at or 0.0)
    elif run.state is RunState.CANCELLED:
        task.cancelled_runs += 1
    else:
        task.failed_runs += 1
