"""What endpoints are told: a happening as the body that is signed and sent. Pure; docs/protocol.md §5 has the words."""

import json
from typing import Any

from idlegrid_server.core.definitions import Task
from idlegrid_server.core.model import Node, NodeHealth, Run
from idlegrid_server.core.nodedesk import status_of
from idlegrid_server.core.webhooks import EventType, Happening
from idlegrid_server.core.words import STATUS, iso

LOST = "lost"
"""Why a node is gone that was not heard of."""


def body(happening: Happening) -> str:
    """The JSON that is sent, in ASCII, so that its bytes are the same everywhere."""
    words = {"event": happening.event.value, "timestamp": iso(happening.at), "data": data_of(happening)}
    return json.dumps(words, separators=(",", ":"))


def data_of(happening: Happening) -> dict[str, Any]:
    """What is told of a happening. A subject must have its id by now."""
    subject = happening.subject
    if isinstance(subject, Task):
        data = _task(subject)
    elif isinstance(subject, Node):
        data = _worker(subject)
    elif isinstance(subject, Run):
        data = _made(subject) if happening.event is EventType.TASK_TRIGGERED else _over(subject)
    else:
        data = dict(subject)
    return {**data, **happening.more}


def _task(of: Task) -> dict[str, Any]:
    return {
        "task_id": of.id,
        "task_name": of.name,
        "task_type": of.definition.need.task_type,
        "status": of.status.value,
        "schedule": of.definition.timing.schedule or None,
        "submitter": of.submitter,
    }


def _run(of: Run) -> dict[str, Any]:
    return {
        "task_id": of.task_id,
        "task_name": of.task_name,
        "run_id": of.id,
        "run_uuid": of.uuid,
        "trigger": of.trigger,
        "status": STATUS[of.state],
        "submitter": of.submitter,
    }


def _made(of: Run) -> dict[str, Any]:
    return {**_run(of), "scheduled_for": iso(of.scheduled_for)}


def _over(of: Run) -> dict[str, Any]:
    return {
        **_run(of),
        "reason": of.reason,
        "worker_id": of.node_id,
        "started_at": iso(of.started_at),
        "completed_at": iso(of.finished_at),
        "execution_time": round(of.wall_seconds, 3),
        "exit_code": of.exit_code,
        "attempts": of.attempts,
    }


def _worker(of: Node) -> dict[str, Any]:
    return {
        "worker_id": of.id,
        "hostname": of.hostname,
        "status": status_of(of),
        "state": of.state.value,
        "reason": LOST if of.health is NodeHealth.LOST else of.reason,
        "labels": list(of.labels),
    }
