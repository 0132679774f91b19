"""Between the execution API's words and the core's. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from idlegrid_server.core.commands.firing import TriggerWish
from idlegrid_server.core.definitions import Trigger
from idlegrid_server.core.model import Run
from idlegrid_server.core.queries import RunView
from idlegrid_server.core.rundesk import Cancelled
from idlegrid_server.core.words import EXECUTION_STATUS, iso
from idlegrid_server.http.dialects.executions.schemas import ExecuteIn


def wish(words: ExecuteIn, trigger: Trigger, submitter: str, trace_id: str) -> TriggerWish:
    """A run of a task."""
    return TriggerWish(trigger=trigger, parameters=json.dumps(words.params), submitter=submitter, trace_id=trace_id)


def executed(of: Run) -> dict[str, Any]:
    """What every answer says of a run; its start is its creation until there is one."""
    return {
        "executionId": of.uuid,
        "taskName": of.task_name,
        "status": EXECUTION_STATUS[of.state],
        "startedAt": iso(of.created_at if of.started_at is None else of.started_at),
    }


def execution(view: RunView, logs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A run with some of its log."""
    head = executed(view.run)
    error = view.error if head["status"] == "failed" else None
    return {**head, "completedAt": iso(view.run.finished_at), "error": error, "logs": list(logs)}


def by_ids(done: Cancelled) -> dict[str, Any]:
    """`…/cancel/by-ids`."""
    return {"cancelled": list(done.uuids), "notFound": list(done.not_found)}


def by_task_names(done: Cancelled) -> dict[str, Any]:
    """`…/cancel/by-task-names`."""
    return {"cancelled": list(done.uuids), "taskNotFound": list(done.not_found)}
