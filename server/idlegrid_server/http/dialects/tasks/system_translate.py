"""Between the words of `/api/system` and the core's. Pure."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from idlegrid_server.core.errors import InvalidInput
from idlegrid_server.core.node_queries import NodeCounts
from idlegrid_server.core.queries import Totals
from idlegrid_server.core.reclaims import ReclaimFigures
from idlegrid_server.core.system_queries import LEVELS, JournalEntry
from idlegrid_server.http.dialects.tasks.workers_translate import reclaimed, uptime
from idlegrid_server.http.envelope import iso
from idlegrid_server.http.machine import MachineUsage
from idlegrid_server.http.metrics import tasks_of


def stats(
    totals: Totals,
    nodes: NodeCounts,
    reclaims: ReclaimFigures,
    machine: MachineUsage,
    *,
    ended_in_last_minute: int,
    up_seconds: float,
) -> dict[str, Any]:
    """`GET /api/system/stats`."""
    tasks = tasks_of(totals)
    completed, failed = totals.of("completed"), totals.of("failed", "timed_out")
    return {
        "tasks": {"total": sum(tasks.values()), **tasks},
        "task_runs": {
            "total": totals.total,
            "pending": totals.of("pending", "waiting"),
            "running": totals.of("running"),
            "completed": completed,
            "failed": failed,
            "aborted": totals.of("cancelled"),
        },
        "workers": {
            "total": nodes.total,
            "active": nodes.by_status.get("active", 0),
            "offline": nodes.by_status.get("offline", 0),
            "draining": nodes.by_status.get("draining", 0),
            "average_load": round(nodes.average_load, 3),
        },
        "performance": {
            "average_execution_time": round(totals.average_seconds, 3),
            "tasks_per_minute": float(ended_in_last_minute),
            "success_rate": round(100 * completed / (completed + failed), 2) if completed + failed else 0.0,
            "system_uptime": uptime(up_seconds),
        },
        "reclaims": reclaimed(reclaims),
        "resource_usage": _usage(machine),
    }


def _usage(machine: MachineUsage) -> dict[str, Any]:
    return {
        "cpu_usage": machine.cpu_percent,
        "memory_usage": machine.memory_mb,
        "disk_usage": machine.disk_percent,
        "network_io": {"bytes_in": machine.bytes_in, "bytes_out": machine.bytes_out},
    }


def levels(lowest: str | None) -> tuple[str, ...] | None:
    """The levels that a filter lets through: the one named and all above."""
    return None if lowest is None else LEVELS[LEVELS.index(lowest) :]


def instant(field: str, text: str | None) -> float | None:
    """A time in ISO 8601 as epoch seconds; without a zone it is UTC. Raises InvalidInput that names the field."""
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        words = f"{field} is a time in ISO 8601, such as 2024-01-01T00:00:00Z"
        raise InvalidInput(words, field=field, rule="datetime", value=text) from error


def journal_page(entries: Sequence[JournalEntry], total: int, number: int, size: int) -> dict[str, Any]:
    """`GET /api/system/logs`."""
    items = [
        {
            "timestamp": iso(entry.at),
            "level": entry.level,
            "service": entry.service,
            "message": entry.message,
            "metadata": json.loads(entry.metadata),
        }
        for entry in entries
    ]
    return {"items": items, "total": total, "page": number, "size": size, "total_pages": math.ceil(total / size)}
