"""Tasks as rows, facts and texts."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pandas as pd

from idlegrid import TaskInfo
from idlegrid.display import visible
from idlegrid_console.data import runs, sandbox, schedule, task_history
from idlegrid_console.data.clock import ago
from idlegrid_console.data.text import duration, moment, one_line
from idlegrid_console.texts import PRIORITY, RUN_STATUS, TASK_TYPE, _, name

COLUMNS = (
    "id", "name", "status", "type", "when", "next", "last", "recent", "ran", "priority", "tags", "description",
    "submitter",
)  # fmt: skip
"""The columns of `table`, in their order."""

Details = Mapping[str, Any]
"""A task as `GET /api/tasks/{id}` answers it."""


def table(tasks: Iterable[TaskInfo]) -> pd.DataFrame:
    """One row per task; `status` and `last` are lists of one, which the table draws as coloured labels."""
    frame = pd.DataFrame([_row(task) for task in tasks], columns=list(COLUMNS))
    for column in ("next", "ran"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def worth_showing(frame: pd.DataFrame) -> list[str]:
    """The columns of the table that are shown at first: so many fit a laptop's screen, and none that says nothing."""
    dull = {column for column in ("tags", "submitter") if not frame[column].any()}
    return [column for column in frame.columns if column not in dull | {"description", "priority", "ran"}]


def _row(task: TaskInfo) -> dict[str, Any]:
    return {
        "id": task.id,
        "name": one_line(task.name),
        "status": [one_line(task.status)],
        "type": one_line(name(task.task_type, TASK_TYPE)),
        "when": schedule.words(asdict(task)),
        "next": moment(task.next_run_at),
        "last": [one_line(task.last_status)] if task.last_status else [],
        "recent": task_history.image(task.recent),
        "ran": moment(task.last_run_at),
        "priority": name(task.priority, PRIORITY),
        "tags": one_line(", ".join(map(str, task.tags))),
        "description": one_line(task.description),
        "submitter": one_line(task.submitter or ""),
    }


def facts(task: Details, now: datetime, zone: str | None = None) -> list[tuple[str, str]]:
    """What is worth knowing of a task at a glance, as label and text; what it does not have is left out."""
    known = [
        (_("Type"), one_line(name(task.get("task_type"), TASK_TYPE)) or "–"),
        (_("Due"), schedule.words(task)),
        (_("Last run"), ago(task.get("last_run_at"), now, zone)),
        (_("Priority"), name(task.get("priority"), PRIORITY) or "–"),
        (_("Retries"), _known(task.get("retry_count"))),
        (_("Time limit"), duration(task.get("timeout_seconds"))),
        (_("Runs at a time"), _known(task.get("max_instances"))),
        (_("Asked for"), runs.resources(task.get("resources") or {})),
        (_("Labels"), _listed(task.get("requires"))),
        (_("Sandbox"), sandbox.of_run(task)),
        (_("Depends on"), _listed(task.get("dependencies"))),
        (_("Tags"), _listed(task.get("tags"))),
        (_("Author"), _known(task.get("submitter") or None)),
        (_("Category"), _listed([task.get("job_type"), task.get("job_category")])),
        (_("Files"), _known(task.get("files") or None)),
    ]
    return [(label, value) for label, value in known if value != "–"]


def statistics(task: Details) -> list[tuple[str, str]]:
    """How its runs went, as label and text."""
    known = task.get("statistics") or {}
    total, good = known.get("total_runs") or 0, known.get("successful_runs") or 0
    last = known.get("last_execution_status")
    return [
        (_("Runs in all"), f"{total:,}"),
        (_("Done"), f"{good:,} ({100 * good / total:.0f} %)" if total else "0"),
        (_("Failed"), f"{known.get('failed_runs') or 0:,}"),
        (_("Run time on average"), duration(known.get("average_execution_time"))),
        (_("Latest run"), name("completed" if last == "success" else last, RUN_STATUS) or "–"),
    ]


def source(task: Details) -> tuple[str, bool]:
    """What it runs, as text, and whether that is Python: its inline code, else its command with arguments."""
    if task.get("code"):
        return visible(task["code"]), True
    return "\n".join(visible(part) for part in [task.get("command") or "", *(task.get("arguments") or [])]), False


def as_json(value: Mapping[str, Any] | None) -> str:
    """An object as its author would write it."""
    return json.dumps(value or {}, ensure_ascii=False, indent=2)


def _known(value: Any) -> str:
    return "–" if value is None else one_line(value)


def _listed(values: Any) -> str:
    return one_line(", ".join(str(value) for value in values or [] if value)) or "–"
