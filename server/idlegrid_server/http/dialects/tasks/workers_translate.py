"""Between the words of `/api/workers` and the core's. Pure."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from idlegrid_server.core.commands import NodeFacts
from idlegrid_server.core.commands.operator import NodeChange, Registration
from idlegrid_server.core.errors import InvalidInput
from idlegrid_server.core.matching import slots_of, types_of
from idlegrid_server.core.model import Node, NodeWish
from idlegrid_server.core.node_queries import HeldRun, NodeFilter, NodeTotals
from idlegrid_server.core.nodedesk import ListedNode, NodeDetail, status_of
from idlegrid_server.core.reclaims import ReclaimFigures
from idlegrid_server.core.spells import Spell
from idlegrid_server.core.weeks import HOURS, Week, expected_until, idle_until
from idlegrid_server.http.envelope import iso

if TYPE_CHECKING:
    from idlegrid_server.http.dialects.tasks.workers import WorkerBeat, WorkerChange, WorkerIn, WorkersQuery

MAX_METADATA: Final = 65_536
"""Characters of a worker's metadata as JSON."""
WISHES: Final[Mapping[str, NodeWish]] = {
    "active": NodeWish.ACTIVE,
    "draining": NodeWish.DRAINING,
    "offline": NodeWish.OFFLINE,
}


def registration(words: "WorkerIn") -> Registration:
    """A worker that is registered by hand."""
    return Registration(
        hostname=words.hostname,
        address=words.ip_address,
        port=words.port,
        task_types=tuple(words.task_types),
        max_tasks=words.max_concurrent_tasks,
        metadata=_object(words.metadata) or "{}",
    )


def change(words: "WorkerChange") -> NodeChange:
    """What the operator changes of a worker."""
    return NodeChange(
        wish=None if words.status is None else WISHES[words.status],
        max_tasks=words.max_concurrent_tasks,
        task_types=None if words.task_types is None else tuple(words.task_types),
        metadata=_object(words.metadata),
        policy=json.dumps(words.policy or {}) if "policy" in words.model_fields_set else None,
    )


def facts(words: "WorkerBeat", node: Node) -> NodeFacts:
    """What a worker says of itself; its memory is counted against what it offers."""
    memory = None if words.memory_usage is None else 100 * words.memory_usage / max(1, node.memory_mb)
    return NodeFacts(
        cpu_percent=words.cpu_usage,
        memory_percent=memory,
        load_average=words.load_average,
        metadata=_object(words.metadata),
    )


def _object(given: dict[str, Any] | None) -> str | None:
    """Metadata as JSON text, which is ASCII. Raises InvalidInput for more than is kept."""
    if given is None:
        return None
    text = json.dumps(given)
    if len(text) > MAX_METADATA:
        words = f"metadata: at most {MAX_METADATA} characters as JSON"
        raise InvalidInput(words, field="metadata", rule="max_length", value=len(text))
    return text


def wanted(query: "WorkersQuery") -> NodeFilter:
    """Which workers a list shows."""
    return NodeFilter(**query.model_dump(exclude={"order"}), descending=query.order == "desc")


def page(nodes: Sequence[ListedNode], total: int, number: int, size: int) -> dict[str, Any]:
    """One page of workers."""
    items = [worker(of) for of in nodes]
    return {"items": items, "total": total, "page": number, "size": size, "total_pages": math.ceil(total / size)}


def worker(of: ListedNode) -> dict[str, Any]:
    """A worker in a list."""
    node, held = of.node, of.held
    return {
        "id": node.id,
        "hostname": node.hostname,
        "ip_address": node.address,
        "port": node.port,
        "task_types": list(types_of(node)),
        "max_concurrent_tasks": slots_of(node),
        "current_task_count": held,
        "status": status_of(node),
        "state": node.state.value,
        "reason": node.reason,
        "since": iso(node.since),
        "labels": list(node.labels),
        "sandbox": {**asdict(node.sandbox), "tested_at": iso(node.sandbox.tested_at)},
        "cpu_cores": node.cpu_cores,
        "memory_mb": node.memory_mb,
        "cpu_usage": node.cpu_percent,
        "memory_usage": round(node.memory_percent * node.memory_mb / 100),
        "load_average": _load(node),
        "version": node.version,
        "python": node.python,
        "profile": node.profile,
        "ended_per_minute": round(of.rates.ended_per_minute, 3),
        "failed_per_minute": round(of.rates.failed_per_minute, 3),
        "suspect": of.rates.suspect,
        "metadata": json.loads(node.metadata),
        "last_heartbeat": iso(node.last_seen),
        "registered_at": iso(node.registered_at),
    }


def _load(node: Node) -> float:
    return round(node.cpu_percent / 100 if node.load_average is None else node.load_average, 3)


def detail(of: NodeDetail, reclaims: ReclaimFigures, now: float) -> dict[str, Any]:
    """A worker whole."""
    statistics = _statistics(of.totals, now)
    tasks = [_current(run) for run in of.held]
    whole = {**changed(of), "current_tasks": tasks, "statistics": statistics}
    expected = expected_until(of.node, of.week, now)
    return {**whole, "reclaims": reclaimed(reclaims), "idle_until": iso(expected)}


def week(node: Node, known: Week, now: float) -> dict[str, Any]:
    """A worker's hours, from Monday midnight by its owner's clock, and what follows from them for now."""
    until = idle_until(known, now, node.utc_offset)
    return {
        "worker_id": node.id,
        "utc_offset": node.utc_offset,
        "hours": _hours(known),
        "window": {"until": iso(until), "seconds": None if until is None else round(until - now, 3)},
    }


def whole_week(workers: int, known: Week) -> dict[str, Any]:
    """The hours of all workers, each on its owner's clock."""
    return {"workers": workers, "hours": _hours(known)}


def history(known: Mapping[str, Sequence[Spell]], begin: float, end: float) -> dict[str, Any]:
    """What workers were between."""
    workers = [{"worker_id": node_id, "spells": list(map(_spell, spells))} for node_id, spells in known.items()]
    return {"start": iso(begin), "end": iso(end), "workers": workers}


def _spell(of: Spell) -> dict[str, Any]:
    return {"from": iso(of.start), "to": iso(of.end), "state": of.state, "reason": of.reason}


def _hours(known: Week) -> list[dict[str, Any]]:
    return [_hour(known, hour) for hour in range(HOURS)]


def _hour(known: Week, hour: int) -> dict[str, Any]:
    share = known.share(hour)
    return {
        "hour": hour,
        "idle": None if share is None else round(share, 4),
        "seen_seconds": round(known.seen[hour], 1),
    }


def changed(of: NodeDetail) -> dict[str, Any]:
    """A worker after the operator's word: with its owner's policy, and what the operator wants of that."""
    node, item = of.node, worker(ListedNode(of.node, len(of.held), of.rates))
    values, pushed = json.loads(node.policy), json.loads(node.pushed_policy)
    return {**item, "policy": {"values": values, "pushed": pushed, "refused": node.policy_refused}}


def reclaimed(of: ReclaimFigures) -> dict[str, Any]:
    """How fast owners got their machines back."""
    return {**asdict(of), "since": iso(of.since)}


def _current(run: HeldRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "task_id": run.task_id,
        "task_name": run.task_name,
        "started_at": iso(run.leased_at),
        "status": "running",
    }


def _statistics(totals: NodeTotals, now: float) -> dict[str, Any]:
    return {
        "total_tasks_executed": totals.completed + totals.failed,
        "successful_tasks": totals.completed,
        "failed_tasks": totals.failed,
        "average_execution_time": round(totals.wall_seconds / totals.attempts, 3) if totals.attempts else 0.0,
        "uptime": uptime(0.0 if totals.up_since is None else now - totals.up_since),
    }


def uptime(seconds: float) -> str:
    """A span of time as the document has it, e.g. `7d 12h 30m`."""
    minutes = max(0, int(seconds)) // 60
    return f"{minutes // 1_440}d {minutes // 60 % 24}h {minutes % 60}m"


def heard(node: Node) -> dict[str, Any]:
    """The answer to a heartbeat."""
    return {
        "worker_id": node.id,
        "status": status_of(node),
        "last_heartbeat": iso(node.last_seen),
        "message": "心跳接收成功",
    }
