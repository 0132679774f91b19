"""(i) The pages of a long history, over HTTP: every sort, filter and end of lists, details, statistics, metrics."""

import random
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

from benchlib import firing, history_jobs
from benchlib.history_data import Sizes, make
from benchlib.history_pages import DETAIL_MS, DETAILS, TaskPages
from benchlib.processes import Grid, grid
from benchlib.report import Figure
from idlegrid_server.record.engine import open_engine

STATS_MS = 100.0
"""The bound that the 99th percentile of the figures about everything is held to."""
STATS = 40

TASK_FILTERS: tuple[Mapping[str, str], ...] = (
    {},
    {"status": "active"},
    {"status": "paused", "task_type": "shell"},
    {"task_type": "python", "priority": "high"},
    {"search": "station 77"},
    {"search": "task-1", "status": "active"},
)
TASK_SORTS = ("created_at", "updated_at", "id", "name", "priority", "status", "task_type", "last_run_at", "next_run_at")
RUN_SORTS = ("created_at", "id", "started_at", "completed_at")


def figures(runs: int) -> list[Figure]:
    """Make a history of so many runs, start a coordinator on it, and turn its pages."""
    sizes = Sizes.of(runs)
    with grid(fill=lambda folder: fill(folder, sizes)) as here:
        return [*_figures(here, sizes), *history_jobs.figures(here.host, here.port, sizes), *firing.figures(here)]


def fill(folder: Path, sizes: Sizes) -> None:
    """Make a record of that size in a coordinator's data folder."""
    print(
        f"making {sizes.runs:,} runs of {sizes.tasks:,} tasks on {sizes.nodes:,} nodes …", file=sys.stderr, flush=True
    )
    engine = open_engine(f"sqlite:///{folder / 'grid.db'}")
    make(engine, sizes)
    engine.dispose()


def _figures(here: Grid, sizes: Sizes) -> Iterator[Figure]:
    reader = TaskPages(here.host, here.port)
    for name, filters in _run_filters(sizes).items():
        yield from reader.lists(f"/api/runs, {name}", "/api/runs", filters, RUN_SORTS)
    yield from reader.lists("/api/tasks", "/api/tasks", TASK_FILTERS, TASK_SORTS)
    yield from reader.lists("/api/workers", "/api/workers", ({}, {"status": "active"}), ("created_at", "hostname"))
    dice = random.Random(3)
    for what, count in (("runs", sizes.runs), ("tasks", sizes.tasks)):
        paths = [f"/api/{what}/{dice.randint(1, count)}" for _ in range(DETAILS)]
        yield from reader.times(f"/api/{what}/{{id}}", paths, DETAIL_MS)
    paths = [f"/api/workers/node-{dice.randrange(sizes.nodes):04}" for _ in range(DETAILS)]
    yield from reader.times("/api/workers/{id}", paths, DETAIL_MS)
    for path in ("/api/system/stats", "/api/system/metrics"):
        yield from reader.times(path, [path] * STATS, STATS_MS)


def _run_filters(sizes: Sizes) -> dict[str, tuple[Mapping[str, str], ...]]:
    """By kind; task 1 is the one with the most runs."""
    states = tuple({"status": status} for status in ("pending", "running", "completed", "failed", "aborted"))
    days = ({"start_date": _day(60), "end_date": _day(31)}, {"start_date": _day(0)}, {"end_date": _day(45)})
    middle = str(sizes.tasks // 2)
    names = ({"task_id": "1"}, {"task_id": middle}, {"worker_id": f"node-{sizes.nodes // 2:04}"})
    return {
        "all": ({},),
        "by status": states,
        "by date": days,
        "by task or worker": names,
        "by status and date": tuple({**one, **other} for one, other in product(states, days)),
        "by name and more": tuple({**one, **other} for one, other in product(names, (*states[2:], *days))),
    }


def _day(ago: int) -> str:
    return (datetime.now(UTC) - timedelta(days=ago)).date().isoformat()
