"""Between the task API's words and the core's. Pure."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from idlegrid_server.core.files import StoredFile
from idlegrid_server.core.model import EndedAttempt, Node, NodeHealth, NodeState, Priority, Run, RunState
from idlegrid_server.core.queries import LogLine, RunDetail, RunView, Timeline
from idlegrid_server.http.envelope import iso

STATUS: Final[Mapping[RunState, str]] = {
    RunState.WAITING: "pending",
    RunState.PENDING: "pending",
    RunState.RUNNING: "running",
    RunState.COMPLETED: "completed",
    RunState.FAILED: "failed",
    RunState.TIMED_OUT: "failed",
    RunState.CANCELLED: "aborted",
}
LEVELS: Final = {"stdout": "info", "stderr": "error"}


def states(status: str | None) -> list[str] | None:
    """The core's states that a status stands for."""
    if status is None:
        return None
    return [state.value for state, name in STATUS.items() if name == status]


def page(items: list[dict[str, Any]], total: int, number: int, size: int) -> dict[str, Any]:
    """One page of a list."""
    return {"items": items, "total": total, "page": number, "size": size, "total_pages": math.ceil(total / size)}


def run(view: RunView, hostnames: Mapping[str, str], waiting_for: str | None = None) -> dict[str, Any]:
    """A run in a list."""
    of = view.run
    return {
        "id": of.id,
        "uuid": of.uuid,
        "task_id": None,
        "task_name": None,
        "worker_id": of.node_id,
        "worker_hostname": hostnames.get(of.node_id or ""),
        "status": STATUS[of.state],
        "reason": of.reason,
        "priority": Priority(of.priority).name.lower(),
        "submitter": of.submitter,
        "started_at": iso(of.started_at),
        "completed_at": iso(of.finished_at),
        "execution_time": round(of.wall_seconds, 3) if of.finished_at else None,
        "result": view.result,
        "error_message": view.error,
        "exit_code": of.exit_code,
        "retry_count": of.retries,
        "attempts": of.attempts,
        "waiting_for": waiting_for,
        "created_at": iso(of.created_at),
    }


def detail(
    of: RunDetail, hostnames: Mapping[str, str], waiting_for: str | None, logs: Sequence[LogLine]
) -> dict[str, Any]:
    """A run whole."""
    head = of.view.run
    return {
        **run(of.view, hostnames, waiting_for),
        "code": of.code,
        "parameters": json.loads(of.parameters),
        "timeout_seconds": head.timeout,
        "resources": {"cpu": head.cpu, "memory": head.memory_mb},
        "min_sandbox": head.min_sandbox,
        "sandbox": head.sandbox,
        "truncated": head.truncated,
        "usage": {
            "cpu_seconds": head.cpu_seconds,
            "wall_seconds": head.wall_seconds,
            "max_memory_mb": head.max_memory_mb,
            "processes": head.processes,
        },
        "files": of.files,
        "attempt_list": [_ended(attempt) for attempt in of.attempts] + _current(head),
        "events": [{"timestamp": iso(at), "event": event, "detail": words} for at, event, words in of.story],
        "logs": [{"timestamp": iso(p.at), "level": LEVELS.get(p.stream, "info"), "message": p.text} for p in logs],
    }


def log_page(pieces: Sequence[LogLine], after: int, *, finished: bool) -> dict[str, Any]:
    """Some of a run's log."""
    items = [{"id": p.id, "timestamp": iso(p.at), "stream": p.stream, "text": p.text} for p in pieces]
    return {"items": items, "last": pieces[-1].id if pieces else after, "finished": finished}


def files(kept: Sequence[StoredFile]) -> dict[str, Any]:
    """The files of a run."""
    items = [
        {
            "name": file.name,
            "size": file.size,
            "media_type": file.media_type,
            "sha256": file.sha256,
            "created_at": iso(file.created_at),
        }
        for file in kept
    ]
    return {"items": items, "total": len(items)}


def aborted(of: Run) -> dict[str, Any]:
    """`POST /api/runs/{id}/abort`."""
    return {"id": of.id, "status": STATUS[of.state], "completed_at": iso(of.finished_at), "message": "任务运行已中止"}


def worker(node: Node, held: int) -> dict[str, Any]:
    """A node."""
    return {
        "id": node.id,
        "hostname": node.hostname,
        "ip_address": node.address,
        "port": 0,
        "task_types": list(node.task_types),
        "max_concurrent_tasks": node.slots,
        "current_task_count": held,
        "status": _worker_status(node),
        "state": node.state.value,
        "reason": node.reason,
        "since": iso(node.since),
        "labels": list(node.labels),
        "sandbox": {**asdict(node.sandbox), "tested_at": iso(node.sandbox.tested_at)},
        "cpu_cores": node.cpu_cores,
        "memory_mb": node.memory_mb,
        "cpu_usage": node.cpu_percent,
        "memory_usage": round(node.memory_percent * node.memory_mb / 100),
        "load_average": round(node.cpu_percent / 100, 3),
        "version": node.version,
        "python": node.python,
        "profile": node.profile,
        "last_heartbeat": iso(node.last_seen),
        "registered_at": iso(node.registered_at),
    }


def timeline(of: Timeline) -> dict[str, Any]:
    """`GET /api/system/timeline`."""
    return {**asdict(of), "start": iso(of.start)}


def _worker_status(node: Node) -> str:
    if node.health is not NodeHealth.ALIVE:
        return "offline"
    return "draining" if node.draining or node.state is NodeState.DRAINING else "active"


def _ended(attempt: EndedAttempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "worker_id": attempt.node_id,
        "leased_at": iso(attempt.leased_at),
        "ended_at": iso(attempt.ended_at),
        "outcome": attempt.outcome.value,
        "reason": attempt.reason,
        "sandbox": attempt.sandbox,
    }


def _current(head: Run) -> list[dict[str, Any]]:
    if head.state is not RunState.RUNNING:
        return []
    started = iso(head.leased_at)
    outcome = "frozen" if head.frozen else "running"
    return [
        {
            "number": head.attempts,
            "worker_id": head.node_id,
            "leased_at": started,
            "ended_at": None,
            "outcome": outcome,
            "reason": head.reason,
            "sandbox": head.sandbox,
        }
    ]
