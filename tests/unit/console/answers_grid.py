"""What a coordinator says of the grid as a whole and of its nodes over time, in the shapes of docs/protocol.md."""

from datetime import UTC, datetime, timedelta

BEGIN = datetime(2025, 3, 4, 10, 0, tzinfo=UTC)
KINDS = ("idle", "working", "owner", "held", "lost", "away")


def overview_answer(points=4, **nodes):
    """`GET /api/system/overview`: so many nodes of each kind named, and none of the others."""
    kinds = dict.fromkeys(KINDS, 0) | nodes
    samples = {kind: [None, *[count] * (points - 1)] for kind, count in kinds.items()}
    return {
        "timestamp": BEGIN.isoformat(), "nodes": kinds,
        "runs": {"pending": 7, "running": 3, "completed": 120, "failed": 9, "aborted": 2},
        "since": {"completed": 41, "failed": 5, "aborted": 1},
        "samples": {"start": BEGIN.isoformat(), "step_seconds": 20, "nodes": samples,
                    "waiting": [None, 5, 6, 7][:points], "running": [None, 1, 2, 3][:points]},
    }  # fmt: skip


def usage_answer(*cpu_seconds):
    """`GET /api/system/usage`: what was harvested in each hour."""
    hours = [
        {"start": (BEGIN + timedelta(hours=hour)).isoformat(), "cpu_seconds": used, "wall_seconds": used, "attempts": 2}
        for hour, used in enumerate(cpu_seconds)
    ]
    total = {"cpu_seconds": sum(cpu_seconds), "wall_seconds": sum(cpu_seconds), "attempts": 2 * len(hours)}
    return {"start": BEGIN.isoformat(), "hours": hours, "total": total, "workers": [], "submitters": []}


def need_answer(kind, identity, **changed):
    """An item of `GET /api/system/attention`."""
    item = {"kind": kind, "id": identity, "name": str(identity), "since": BEGIN.isoformat(), "count": 3}
    return item | {"message": f"Something is the matter with {identity}."} | changed


def history_answer(**states):
    """`GET /api/workers/history` over an hour: of each worker the states that it was in, in spells of equal length."""
    workers = []
    for worker, told in states.items():
        each = timedelta(hours=1) / max(1, len(told))
        spells = [
            {"from": (BEGIN + place * each).isoformat(), "to": (BEGIN + (place + 1) * each).isoformat(),
             "state": state, "reason": "owner_away"}
            for place, state in enumerate(told)
        ]  # fmt: skip
        workers.append({"worker_id": worker, "spells": spells})
    return {"start": BEGIN.isoformat(), "end": (BEGIN + timedelta(hours=1)).isoformat(), "workers": workers}


def weeks_answer(idle=0.5, workers=3):
    """`GET /api/workers/weeks`: all hours alike."""
    return {"workers": workers, "hours": [{"hour": hour, "idle": idle, "seen_seconds": 9000.0} for hour in range(168)]}


def furnish(coordinator, **nodes):
    """Let the stand-in answer what the overview and the page of nodes ask; `nodes` as for `overview_answer`."""
    stats = {"reclaims": {"count": 8, "frozen_p50": 0.2, "frozen_p99": 0.9, "memory_p50": 3.0, "memory_p99": 20.0}}
    coordinator.extra |= {
        "/api/system/overview": overview_answer(**nodes), "/api/system/usage": usage_answer(3600, 7200),
        "/api/system/attention": {"items": [], "total": 0}, "/api/system/stats": stats,
        "/api/workers/weeks": weeks_answer(), "/api/workers/history": history_answer(),
    }  # fmt: skip
