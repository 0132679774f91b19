"""What the coordinator says of queues, its health and log, keys and webhooks, in the shapes of docs/protocol.md."""

from datetime import UTC, datetime, timedelta

NOW = datetime.now(UTC)
START = datetime(2025, 3, 4, 10, 0, tzinfo=UTC)


def before(**length):
    """A time of the wire that long ago."""
    return (NOW - timedelta(**length)).isoformat()


def queue_answer(queue="normal/python/1c/512M/s3", **changed):
    """A queue of `GET /api/system/queues`."""
    answer = {
        "queue": queue, "priority": "normal", "task_type": "python", "cpu": 1.0, "memory": 512, "requires": [],
        "min_sandbox": 3, "pending": 4, "executing": 2, "oldest_seconds": 125.5, "oldest_run": 17, "able": 3,
        "taking": 2,
    }  # fmt: skip
    return answer | changed


def queues_answer(*queues, suspended=False):
    """`GET /api/system/queues`."""
    waits = [
        {"priority": "normal", "class": "1 core, 512 MB", "started": 900, "p50": 0.4, "p95": 12.5},
        {"priority": "high", "class": "0.5 cores, 2048 MB, gpu+lab", "started": 12, "p50": 1.5, "p95": 60.0},
    ]
    known = list(queues)
    waiting = sum(queue["pending"] for queue in known)
    return {"suspended": suspended, "waiting": waiting, "queues": known, "waits": waits if known else []}


def overview_answer(waiting=(None, 0, 3, 8, 5), running=(None, 1, 2, 2, 2)):
    """`GET /api/system/overview`, as far as the chart of depth reads it."""
    samples = {"start": before(minutes=5), "step_seconds": 60, "waiting": list(waiting), "running": list(running)}
    return {"timestamp": NOW.isoformat(), "samples": samples}


def health_answer(**changed):
    """The components of `GET /api/system/health`."""
    return {
        "database": {
            "status": "healthy", "response_time": 0.0052, "connection_pool": {"total": 10, "active": 2, "idle": 8},
        },
        "message_queue": {"status": "healthy", "response_time": 0.0021, "queue_size": 7},
        "scheduler": {"status": "healthy", "active_workers": 3, "pending_tasks": 4},
        "api": {"status": "healthy", "request_rate": 10.5, "response_time": 0.001},
    } | changed  # fmt: skip


def stats_answer(**workers):
    """`GET /api/system/stats`."""
    return {
        "workers": {"total": 4, "active": 3, "offline": 1, "draining": 0, "average_load": 0.3} | workers,
        "performance": {"system_uptime": "7d 12h 30m"},
        "reclaims": {"count": 42, "frozen_p50": 0.25, "frozen_p99": 0.75, "memory_p50": 8.0, "memory_p99": 31.0},
        "resource_usage": {"cpu_usage": 25.5, "memory_usage": 2048, "disk_usage": 85.5},
    }


def usage_answer(hours=24):
    """`GET /api/system/usage`."""
    by_hour = [
        {"start": before(hours=hours - hour), "cpu_seconds": 3600.0 * (hour % 5), "wall_seconds": 4000.0, "attempts": 9}
        for hour in range(hours)
    ]
    return {
        "start": by_hour[0]["start"], "hours": by_hour,
        "total": {"cpu_seconds": 172800.0, "wall_seconds": 200000.0, "attempts": 1234},
        "workers": [
            {"name": "lab-01-3f2a91c4", "cpu_seconds": 100800.0, "wall_seconds": 110000.0, "attempts": 800},
            {"name": "lab-02-77aa01c4", "cpu_seconds": 72000.0, "wall_seconds": 90000.0, "attempts": 434},
        ],
        "submitters": [{"name": "ada", "cpu_seconds": 172800.0, "wall_seconds": 200000.0, "attempts": 1234}],
    }  # fmt: skip


def log_answer(message="nodes lost", **changed):
    """A line of `GET /api/system/logs`."""
    answer = {
        "timestamp": before(minutes=3), "level": "warn", "service": "scheduler", "message": message,
        "metadata": {"action": "lose_nodes", "trace_id": "req_0123456789abcdef", "path": "/api/runs/17/abort"},
    }  # fmt: skip
    return answer | changed


def page_of(items, query):
    """A page of a list, as the query asks for it."""
    page, size = int(query.get("page", 1)), int(query.get("size", 20))
    shown = items[(page - 1) * size : page * size]
    return {"items": shown, "total": len(items), "page": page, "size": size, "total_pages": -(-len(items) // size)}


def key_answer(number, name="ada", **changed):
    """A key of `GET /api/keys`."""
    answer = {
        "id": number, "name": name, "prefix": f"ig_user_{number:04d}", "scopes": ["read:runs", "submit"],
        "node_id": None, "uses_left": None, "created_at": before(days=9), "expires_at": None, "revoked_at": None,
        "last_used_at": before(minutes=2),
    }  # fmt: skip
    return answer | changed


def webhook_answer(number, url="https://example.org/hook", **changed):
    """An endpoint of `GET /api/webhooks`."""
    answer = {
        "id": number, "url": url, "events": ["task.completed", "task.failed"], "active": True,
        "secret": "whsec_…YWJj", "owner": "ada", "created_at": before(days=2), "updated_at": before(hours=1),
        "failing_since": None, "disabled_reason": None,
    }  # fmt: skip
    return answer | changed


def delivery_answer(number, state="delivered", **changed):
    """A delivery of `GET /api/webhooks/{id}/deliveries`."""
    ended = state != "pending"
    answer = {
        "id": f"msg_{number:030d}", "event": "task.completed", "state": state, "attempts": 1,
        "next_attempt_at": None if ended else before(minutes=-1), "status_code": 204 if state == "delivered" else 500,
        "error": "it answered 500" if state == "failed" else None, "seconds": 0.012,
        "created_at": before(minutes=number), "ended_at": before(minutes=number) if ended else None,
        "body": '{"event": "task.completed", "timestamp": "2026-01-01T00:00:00Z", "data": {"run_id": 17}}',
    }  # fmt: skip
    return answer | changed
