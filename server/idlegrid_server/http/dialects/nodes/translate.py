"""Between the node protocol's words and the core's. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from idlegrid_server.core.checkpoints import Checkpoint
from idlegrid_server.core.commands import HeldAttempt, Lease, NodeFacts, Order, Report, ReportAnswer
from idlegrid_server.core.coordinator import Heard, Work
from idlegrid_server.core.files import TaskFile
from idlegrid_server.core.limits import Times
from idlegrid_server.core.model import Reclaim, Sandbox, Usage
from idlegrid_server.core.nodedesk import Room
from idlegrid_server.http.dialects.nodes.schemas import HeartbeatIn, HeldIn, LogIn, NextIn, ReclaimIn, ReportIn, UsageIn
from idlegrid_server.http.text import storable


def facts(words: HeartbeatIn, address: str) -> NodeFacts:
    """What a heartbeat says of its node."""
    load, room = words.current_load, words.resources
    return NodeFacts(
        state=words.status,
        reason=words.reason,
        hostname=words.hostname,
        address=address,
        pid=words.pid,
        version=words.version,
        python=words.python,
        profile=words.profile,
        slots=words.slots,
        task_types=None if words.task_types is None else tuple(words.task_types),
        labels=None if words.labels is None else tuple(words.labels),
        cpu_cores=room.cpu_cores if room else None,
        memory_mb=room.memory_mb if room else None,
        cpu_percent=load.cpu_percent if load else None,
        memory_percent=load.memory_percent if load else None,
        sandbox=Sandbox(**words.sandbox.model_dump()) if words.sandbox else None,
        utc_offset=words.utc_offset,
        policy=json.dumps(words.policy.values) if words.policy else None,
        policy_refused=words.policy.refused if words.policy else None,
    )


def reclaim(node_id: str, words: ReclaimIn) -> Reclaim:
    """An owner took a node back."""
    return Reclaim(node_id=node_id, **words.model_dump())


def held(words: HeldIn) -> HeldAttempt:
    """An attempt that a node lists."""
    frozen = words.state == "frozen"
    return HeldAttempt(
        run_uuid=words.run,
        lease_id=words.lease_id,
        frozen=frozen,
        usage=_usage(words.usage),
        points=_points(words.usage_points),
        logs=_logs(words.logs),
    )


def report(words: ReportIn) -> Report:
    """How an attempt ended."""
    return Report(
        run_uuid=words.run,
        lease_id=words.lease_id,
        outcome=words.outcome,
        reason=words.reason,
        result=storable(words.result),
        error=storable(words.error),
        exit_code=words.exit_code,
        truncated=words.truncated,
        usage=_usage(words.usage),
        points=_points(words.usage_points),
        sandbox=words.sandbox,
        logs=_logs(words.logs),
    )


def room(words: NextIn | None) -> Room | None:
    """What a node has free."""
    return None if words is None else Room(words.slots, words.cpu, words.memory)


def orders(given: Sequence[Order]) -> list[dict[str, str]]:
    """What a node is to do."""
    return [_order(order) for order in given]


def beat_answer(node_id: str, server_id: str, times: Times, heard: Heard) -> dict[str, Any]:
    """`POST /internal/heartbeat`."""
    told = {
        "status": "ok",
        "node_id": node_id,
        "server_id": server_id,
        "lease_seconds": times.lease,
        "heartbeat_seconds": times.heartbeat,
        "orders": orders(heard.orders),
    }
    pushed = json.loads(heard.policy)
    return {**told, "policy": pushed} if pushed else told


def work(given: Work, files: Mapping[int, Sequence[TaskFile]], server_id: str, times: Times) -> dict[str, Any]:
    """`GET /internal/task`, and what a report's `next` brings; `files` are those of the runs' tasks."""
    return {
        "server_id": server_id,
        "orders": orders(given.orders),
        "attempts": [_attempt(lease, files, times) for lease in given.leases],
    }


def verdicts(answers: Sequence[ReportAnswer]) -> list[dict[str, str]]:
    """Whether each report counted."""
    return [
        {"run": answer.run_uuid, "status": "ok"}
        if answer.problem is None
        else {"run": answer.run_uuid, "status": "conflict", "detail": str(answer.problem)}
        for answer in answers
    ]


def _attempt(lease: Lease, files: Mapping[int, Sequence[TaskFile]], times: Times) -> dict[str, Any]:
    run = lease.run
    told = {
        "task_id": run.id,
        "run": run.uuid,
        "lease_id": lease.lease_id,
        "number": lease.number,
        "task_type": run.task_type,
        "code": lease.payload.code,
        "parameters": json.loads(lease.payload.parameters),
        "timeout": run.timeout,
        "resources": {"cpu": run.cpu, "memory": run.memory_mb},
        "submitter": run.submitter,
        "trace_id": run.trace_id or None,
        "lease_seconds": times.lease,
    }
    if lease.checkpoint is not None:
        told["checkpoint"] = _checkpoint(lease.checkpoint)
    if not lease.payload.work:
        return told
    laid = [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in files.get(run.task_id or 0, ())]
    return {**told, "request": None, **json.loads(lease.payload.work), "files": laid}


def _checkpoint(kept: Checkpoint) -> dict[str, Any]:
    return {"size": kept.size, "sha256": kept.sha256, "attempt": kept.attempt}


def _order(order: Order) -> dict[str, str]:
    if order.kind != "stop":
        return {"kind": order.kind}
    return {"kind": "stop", "run": order.run_uuid, "lease_id": order.lease_id, "reason": order.reason}


def _usage(words: UsageIn) -> Usage:
    return Usage(
        cpu_seconds=words.cpu_seconds,
        wall_seconds=words.wall_seconds,
        max_memory_mb=words.max_memory_mb,
        processes=words.processes,
    )


def _points(told: Sequence[Sequence[float]]) -> str:
    return json.dumps(told, separators=(",", ":")) if told else ""


def _logs(pieces: Sequence[LogIn]) -> list[tuple[int, float, str, str]]:
    return [(piece.seq, piece.time, piece.stream, storable(piece.text) or "") for piece in pieces]
