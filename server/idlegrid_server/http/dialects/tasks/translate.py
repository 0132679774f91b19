"""From the core's runs and files to the task API's words, and which runs a list shows. Pure."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Final

from idlegrid_server.core.checkpoints import Checkpoint
from idlegrid_server.core.errors import InvalidInput
from idlegrid_server.core.explaining import Explanation
from idlegrid_server.core.files import StoredFile, TaskFile
from idlegrid_server.core.limits import MAX_INT64
from idlegrid_server.core.matching import parse_queue
from idlegrid_server.core.model import EndedAttempt, Priority, Run, RunState
from idlegrid_server.core.queries import LogLine, RunDetail, RunFilter, RunView, UsedOverTime
from idlegrid_server.core.waiting import Judged
from idlegrid_server.core.words import STATUS
from idlegrid_server.http.dialects.tasks.schemas import RunsQuery
from idlegrid_server.http.envelope import iso
from idlegrid_server.http.instants import seconds

LEVELS: Final = {"stdout": "info", "stderr": "error"}
SORTS: Final = {"created_at": "id", "id": "id", "started_at": "started_at", "completed_at": "finished_at"}
"""Runs have their ids in the order in which they were made."""
DAY: Final = 86_400.0


def runs_wanted(query: RunsQuery, within: str | None) -> RunFilter:
    """Which runs a list shows; `within` is the submitter whose runs alone are in reach, None is no bound.

    Raises InvalidInput when the days are in the wrong order.
    """
    first, last = _midnight(query.start_date), _midnight(query.end_date)
    if first is not None and last is not None and last < first:
        words = "end_date: it is before start_date"
        raise InvalidInput(words, field="end_date", rule="min", value=str(query.end_date))
    whose = query.submitter or within
    return RunFilter(
        states=_states(query.status) if within in (None, whose) else [],
        node_id=query.worker_id,
        submitter=whose,
        task_id=query.task_id,
        since=max((at for at in (first, seconds(query.since)) if at is not None), default=None),
        until=None if last is None else last + DAY,
        search=query.search,
        or_id=_number(query.search),
        sort=SORTS[query.sort],
        newest_first=query.order == "desc",
        offset=(query.page - 1) * query.size,
        size=query.size,
    )


def _number(search: str) -> int | None:
    """The run that is searched for by its number."""
    is_number = search.isascii() and search.isdigit() and int(search) <= MAX_INT64
    return int(search) if is_number else None


def _midnight(day: date | None) -> float | None:
    return None if day is None else datetime.combine(day, time(), UTC).timestamp()


def _states(status: str | None) -> list[str] | None:
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
        "task_id": of.task_id,
        "task_name": of.task_name,
        "trigger": of.trigger,
        "trace_id": of.trace_id or None,
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
    head, work = of.view.run, json.loads(of.work or "{}")
    return {
        **run(of.view, hostnames, waiting_for),
        "code": of.code,
        "command": work.get("command"),
        "arguments": work.get("arguments", []),
        "parameters": json.loads(of.parameters),
        "timeout_seconds": head.timeout,
        "scheduled_for": iso(head.scheduled_for),
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
        "checkpoint": _checkpoint(of.checkpoint),
        "attempt_list": [_ended(attempt) for attempt in of.attempts] + _current(head),
        "events": [{"timestamp": iso(at), "event": event, "detail": words} for at, event, words in of.story],
        "logs": [{"timestamp": iso(p.at), "level": LEVELS.get(p.stream, "info"), "message": p.text} for p in logs],
    }


def used_over_time(run_id: int, attempts: Sequence[UsedOverTime]) -> dict[str, Any]:
    """`GET /api/runs/{id}/usage`."""
    return {"run_id": run_id, "attempts": [{"number": one.attempt, "points": one.points} for one in attempts]}


def log_page(pieces: Sequence[LogLine], after: int, *, finished: bool) -> dict[str, Any]:
    """Some of a run's log."""
    items = [{"id": p.id, "timestamp": iso(p.at), "stream": p.stream, "text": p.text} for p in pieces]
    return {"items": items, "last": pieces[-1].id if pieces else after, "finished": finished}


def file(kept: StoredFile | TaskFile) -> dict[str, Any]:
    """A file."""
    return {
        "name": kept.name,
        "size": kept.size,
        "media_type": kept.media_type,
        "sha256": kept.sha256,
        "created_at": iso(kept.created_at),
    }


def files(kept: Sequence[StoredFile] | Sequence[TaskFile]) -> dict[str, Any]:
    """The files of a run or a task."""
    return {"items": [file(one) for one in kept], "total": len(kept)}


def explained(of: Explanation) -> dict[str, Any]:
    """Why a run does not run yet, or where it stands."""
    return {
        "run_id": of.run.id,
        "uuid": of.run.uuid,
        "status": STATUS[of.run.state],
        **_explanation(of),
        "position": None if of.ahead is None else of.ahead + 1,
        "nodes": _judged(of.nodes),
    }


def previewed(of: Explanation) -> dict[str, Any]:
    """Why a run would not start at once that has not been made, and what its queue asks of a node."""
    asked, nodes = parse_queue(of.run.queue), of.nodes
    needs = {
        "cpu": asked.cpu,
        "memory": asked.memory_mb,
        "task_type": asked.task_type,
        "requires": list(asked.requires),
        "min_sandbox": asked.min_sandbox,
        "queue": of.run.queue,
    }
    counts = {**_judged(nodes), "taking": len(nodes.taking), "free": len(nodes.free)}
    return {**_explanation(of), "nodes": counts, "needs": needs}


def _explanation(of: Explanation) -> dict[str, Any]:
    return {
        "summary": of.summary,
        "reasons": [{"code": r.code.value, "message": r.message, "details": dict(r.details)} for r in of.reasons],
        "ahead": of.ahead,
        "may_start_at": iso(of.may_start_at),
    }


def _judged(nodes: Judged) -> dict[str, Any]:
    return {"known": len(nodes.known), "able": len(nodes.able), "by_state": nodes.by_state}


def aborted(of: Run) -> dict[str, Any]:
    """`POST /api/runs/{id}/abort`."""
    return {"id": of.id, "status": STATUS[of.state], "completed_at": iso(of.finished_at), "message": "任务运行已中止"}


def restarted(of: Run, original: int) -> dict[str, Any]:
    """`POST /api/runs/{id}/restart`; the document shows a start, and until there is one that is when it was made."""
    started = iso(of.created_at if of.started_at is None else of.started_at)
    return {"original_run_id": original, "new_run_id": of.id, "status": STATUS[of.state], "started_at": started}


def _checkpoint(kept: Checkpoint | None) -> dict[str, Any] | None:
    return None if kept is None else {"attempt": kept.attempt, "size": kept.size, "created_at": iso(kept.created_at)}


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
