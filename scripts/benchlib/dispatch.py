"""(a) Whole lifecycles per second through one coordinator, beside two RQ workers on the same Redis."""

import json
import statistics
from collections.abc import Callable
from typing import Any

import psutil

from benchlib.load import BATCHES, SINGLE, Shape, measure
from benchlib.processes import Grid, cpu_seconds, grid, text
from benchlib.report import Figure, Target
from benchlib.rq_side import RqSide, rq_side

SECTION = "a dispatch"
BATCH_FACTOR = 5
"""Batches are that much faster, and a round should last as long."""


def figures(runs: int, rounds: int) -> list[Figure]:
    """Interleave the four measurements and give the median of the rounds."""
    with grid() as here, rq_side(here.redis_url) as rq:
        _lifecycles(here, SINGLE, runs // 4)  # warm-up: connections, caches, the record's first pages
        found = [_round(here, rq, runs) for _ in range(rounds)]
        _check(here, runs // 4 + sum(one["runs"] for kinds in found for one in kinds[2:]))
    workers, enqueued, single, batches = (
        statistics.median(one["rate"] for one in kind) for kind in zip(*found, strict=True)
    )
    detail = [{"rounds": list(kind)} for kind in zip(*found, strict=True)]
    name = "2 RQ SimpleWorkers"
    return [
        Figure(SECTION, f"{name}, enqueueing not counted", workers, "jobs/s", detail=detail[0]),
        Figure(SECTION, f"{name}, enqueueing counted", enqueued, "jobs/s", detail=detail[1]),
        *_against(SINGLE, single, workers, enqueued, 1.2, detail[2]),
        *_against(BATCHES, batches, workers, enqueued, 4.0, detail[3]),
    ]


def _round(here: Grid, rq: RqSide, runs: int) -> tuple[dict[str, Any], ...]:
    return (
        {"rate": rq.workers_only(runs)},
        {"rate": rq.with_enqueueing(runs)},
        _lifecycles(here, SINGLE, runs),
        _lifecycles(here, BATCHES, runs * BATCH_FACTOR),
    )


def _lifecycles(here: Grid, shape: Shape, runs: int) -> dict[str, Any]:
    """The rate, and the CPU seconds that each part took per 1,000 lifecycles: they show what bounds it."""
    parts = {"coordinator": here.coordinator, "redis": here.redis, "load": psutil.Process()}
    before = {name: cpu_seconds(part) for name, part in parts.items()}
    seconds = measure([here.address()], shape, runs)
    spent = {name: round((cpu_seconds(part) - before[name]) * 1000 / runs, 3) for name, part in parts.items()}
    return {"rate": runs / seconds, "runs": runs, "seconds": round(seconds, 3), "cpu_s_per_1000": spent}


def _check(here: Grid, runs: int) -> None:
    """Refuse figures of a coordinator that does not have every run on record as completed."""
    counts = json.loads(text(f"{here.url}/stats"))["tasks"]
    if (counts["total"], counts["completed"]) != (runs, runs):
        raise RuntimeError(f"{runs} runs were reported as completed, but the record says {counts}")


def _against(
    shape: Shape, rate: float, workers: float, enqueued: float, factor: float, detail: dict[str, Any]
) -> list[Figure]:
    name = f"submit, lease, report: {shape.name}"
    target: Callable[[float, str], Target] = lambda value, what: Target(value, what, "≥", factor)  # noqa: E731
    return [
        Figure(SECTION, name, rate, "runs/s", target(workers, "RQ, enqueueing not counted"), detail),
        Figure(SECTION, name, rate, "runs/s", target(enqueued, "RQ, enqueueing counted")),
    ]
