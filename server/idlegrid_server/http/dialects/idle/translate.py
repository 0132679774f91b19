"""Between the idle API's words and the core's. Pure."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from idlegrid_server import VERSION
from idlegrid_server.core.commands import Lease
from idlegrid_server.core.definitions import check_request, work
from idlegrid_server.core.errors import InvalidInput, MissingInput
from idlegrid_server.core.limits import DEFAULT_SANDBOX, MAX_CODE_CHARS, MAX_REQUIRES_CHARS
from idlegrid_server.core.model import Need, Node, NodeHealth, Notice, Priority, RunState, Submission
from idlegrid_server.core.queries import RunView, Totals
from idlegrid_server.http.dialects.idle.schemas import SubmitIn, Wish

SERVICE: Final = "Idle Computing Scheduler"

STATUS: Final[Mapping[RunState, str]] = {
    RunState.WAITING: "pending",
    RunState.PENDING: "pending",
    RunState.RUNNING: "running",
    RunState.COMPLETED: "completed",
    RunState.FAILED: "failed",
    RunState.TIMED_OUT: "failed",
    RunState.CANCELLED: "failed",
}
FAILED: Final = ("failed", "timed_out", "cancelled")
PENDING: Final = ("pending", "waiting")


def submission(words: SubmitIn, submitter: str, trace_id: str) -> Submission:
    """The wish for a run.

    Raises MissingInput for code that is empty or over-long, InvalidInput for a NUL in it, a number beyond all bounds,
    or what is no request.
    """
    if not words.code.strip():
        raise MissingInput("Code cannot be empty")
    if len(words.code) > MAX_CODE_CHARS:
        raise MissingInput(f"Code too long (max {MAX_CODE_CHARS} characters)")
    if "\0" in words.code:
        raise InvalidInput("Code cannot contain NUL characters")
    asked = replace(wish(words, submitter), trace_id=trace_id)
    if words.task_type == "python":
        return replace(asked, code=words.code)
    request = _request(words) if words.task_type == "http" else None
    if request is not None:
        check_request(words.code, request, "code", "request")
    return replace(asked, work=work(words.code, request=request))


def wish(words: Wish, submitter: str) -> Submission:
    """What a run would ask for, whatever it runs. Raises InvalidInput."""
    if sum(map(len, words.requires)) > MAX_REQUIRES_CHARS:
        words_in_all = f"requires: at most {MAX_REQUIRES_CHARS} characters in all"
        raise InvalidInput(words_in_all, field="requires", rule="max_length")
    if words.request is not None and words.task_type != "http":
        raise InvalidInput("request: only an http task has one", field="request", rule="task_type")
    return Submission(
        code="",
        timeout=words.timeout,
        need=_need(words),
        priority=Priority[words.priority.upper()],
        parameters=_parameters(words.parameters),
        submitter=submitter,
        retry_limit=words.retry_count,
    )


def _need(words: Wish) -> Need:
    """A legacy worker knows code alone: what is more than that states its sandbox level, as a task's runs do."""
    stated = DEFAULT_SANDBOX if words.min_sandbox is None and words.task_type != "python" else words.min_sandbox
    return Need(
        task_type=words.task_type,
        cpu=words.resources.cpu,
        memory_mb=math.ceil(words.resources.memory),
        requires=tuple(sorted(set(words.requires))),
        min_sandbox=stated,
    )


def _request(words: Wish) -> dict[str, Any]:
    return {} if words.request is None else words.request.model_dump(exclude_unset=True)


def _parameters(given: Mapping[str, Any]) -> str:
    try:
        return json.dumps(given, allow_nan=False)
    except ValueError as error:
        raise InvalidInput("parameters: numbers must be finite", field="parameters", rule="finite") from error


def service(totals: Totals, server_id: str) -> dict[str, Any]:
    """`GET /`."""
    return {
        "service": SERVICE,
        "status": "running",
        "version": VERSION,
        "server_id": server_id,
        "task_count": totals.total,
        "pending_tasks": totals.of(*PENDING),
    }


def submitted(run_id: int, server_id: str) -> dict[str, Any]:
    """`POST /submit`."""
    message = f"Task {run_id} has been queued"
    return {"task_id": run_id, "status": "submitted", "server_id": server_id, "message": message}


def submitted_many(ids: list[int], server_id: str) -> dict[str, Any]:
    """`POST /submit_many`."""
    message = f"{len(ids)} tasks have been queued"
    return {"task_ids": ids, "status": "submitted", "server_id": server_id, "message": message}


def assigned(lease: Lease | None) -> dict[str, Any]:
    """`GET /get_task`."""
    if lease is None:
        message = "No pending tasks available"
        return {"task_id": None, "code": None, "status": "no_tasks", "message": message}
    return {
        "task_id": lease.run.id,
        "code": lease.payload.code,
        "status": "assigned",
        "created_at": lease.run.created_at,
        "message": f"Task {lease.run.id} assigned for execution",
        "lease_id": lease.lease_id,
        "timeout": lease.run.timeout,
        "expires_at": lease.expires_at,
    }


def recorded(run_id: int) -> dict[str, Any]:
    """`POST /submit_result`."""
    return {"status": "ok", "task_id": run_id, "message": f"Result for task {run_id} recorded"}


def status(view: RunView, waiting_for: str | None) -> dict[str, Any]:
    """`GET /status/{id}`."""
    run, name = view.run, STATUS[view.run.state]
    words: dict[str, Any] = {
        "task_id": run.id,
        "status": name,
        "result": view.result,
        "created_at": run.created_at,
        "completed_at": run.finished_at,
    }
    if name == "failed":
        words.update(error=view.error or run.reason or run.state.value, exit_code=run.exit_code, reason=run.reason)
    if name == "pending":
        words.update(waiting_for=waiting_for)
    return words


def stats(totals: Totals, nodes: list[Node], last_hour: int) -> dict[str, Any]:
    """`GET /stats`."""
    completed = totals.of("completed")
    alive = [node for node in nodes if node.health is NodeHealth.ALIVE]
    idle = sum(node.state == "idle" for node in alive)
    return {
        "time_period": "all_time",
        "tasks": {
            "total": totals.total,
            "completed": completed,
            "pending": totals.of(*PENDING),
            "failed": totals.of(*FAILED),
            "avg_time": round(totals.average_seconds, 3),
        },
        "nodes": {"total": len(nodes), "idle": idle, "busy": len(alive) - idle, "offline": len(nodes) - len(alive)},
        "throughput": {"tasks_per_hour": last_hour, "compute_hours": round(totals.compute_seconds / 3600, 4)},
    }


def update(notice: Notice) -> dict[str, Any]:
    """One message of `WS /ws/updates`."""
    if notice.run_id is None:
        return {"event": notice.event, "data": {"node_id": notice.node_id, "status": notice.status}}
    name = STATUS[RunState(notice.status)]
    return {"event": notice.event, "data": {"task_id": notice.run_id, "status": name, "node_id": notice.node_id}}
