"""Between the words of those who watch the grid and the core's. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from idlegrid_server.core.attention import Item
from idlegrid_server.core.matching import parse_queue
from idlegrid_server.core.model import RunState
from idlegrid_server.core.overview import Overview
from idlegrid_server.core.queries import Timeline
from idlegrid_server.core.watch_queries import Harvest, Used
from idlegrid_server.core.watching import HOUR, Queues, Waited, WaitingQueue
from idlegrid_server.core.words import STATUS
from idlegrid_server.http.envelope import iso

ENDED: Final = ("completed", "failed", "aborted")
ALL: Final = ("pending", "running", *ENDED)
NOTHING: Final = Used()


def overview(of: Overview) -> dict[str, Any]:
    """`GET /api/system/overview`."""
    return {
        "timestamp": iso(of.at),
        "runs": _by_status(of.runs, ALL),
        "since": _by_status(of.ended, ENDED),
        "nodes": dict(of.nodes),
        "samples": {**asdict(of.samples), "start": iso(of.samples.start)},
    }


def _by_status(states: Mapping[str, int], words: tuple[str, ...]) -> dict[str, int]:
    """Runs by the API's words for the states that they are in."""
    return {word: sum(states.get(state.value, 0) for state in RunState if STATUS[state] == word) for word in words}


def usage(first: int, hours: int, of: Harvest) -> dict[str, Any]:
    """`GET /api/system/usage`."""
    by_hour = [(hour, of.hours.get(hour, NOTHING)) for hour in range(first, first + hours)]
    total = {name: sum(_used(used)[name] for _, used in by_hour) for name in _used(NOTHING)}
    return {
        "start": iso(first * HOUR),
        "hours": [{"start": iso(hour * HOUR), **_used(used)} for hour, used in by_hour],
        "total": total,
        "workers": [{"name": name, **_used(used)} for name, used in of.nodes],
        "submitters": [{"name": name, **_used(used)} for name, used in of.submitters],
    }


def _used(used: Used) -> dict[str, float]:
    return {
        "cpu_seconds": round(used.cpu_seconds, 3),
        "wall_seconds": round(used.wall_seconds, 3),
        "attempts": used.attempts,
    }


def item(of: Item) -> dict[str, Any]:
    """One of the items of `GET /api/system/attention`."""
    return {
        "kind": of.kind.value,
        "id": of.id,
        "name": of.name,
        "since": iso(of.since),
        "count": of.count,
        "message": of.message,
    }


def queues(of: Queues) -> dict[str, Any]:
    """`GET /api/system/queues`."""
    return {
        "suspended": of.suspended,
        "waiting": of.waiting,
        "queues": [_queue(one, of.at) for one in of.queues],
        "waits": [_waits(one) for one in of.waits],
    }


def _queue(of: WaitingQueue, now: float) -> dict[str, Any]:
    wanted = parse_queue(of.depth.queue)
    return {
        "queue": of.depth.queue,
        "priority": wanted.priority.name.lower(),
        "task_type": wanted.task_type,
        "cpu": wanted.cpu,
        "memory": wanted.memory_mb,
        "requires": list(wanted.requires),
        "min_sandbox": wanted.min_sandbox,
        "pending": of.depth.pending,
        "executing": of.depth.executing,
        "oldest_seconds": None if of.head is None else round(max(0.0, now - of.head.made_at), 3),
        "oldest_run": None if of.head is None else of.head.run_id,
        "able": of.serving.able,
        "taking": of.serving.taking,
    }


def _waits(of: Waited) -> dict[str, Any]:
    times = {name: value if value is None else round(value, 3) for name, value in (("p50", of.p50), ("p95", of.p95))}
    return {"priority": of.priority.name.lower(), "class": of.words, "started": of.started, **times}


def timeline(of: Timeline) -> dict[str, Any]:
    """`GET /api/system/timeline`."""
    return {**asdict(of), "start": iso(of.start)}
