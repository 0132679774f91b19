"""(i) The pages of a long history, over HTTP: every sort, filter and end of the lists, details, statistics, metrics."""

import http.client
import json
import random
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchlib import firing
from benchlib.history_data import Sizes, make
from benchlib.processes import Grid, grid
from benchlib.report import Figure, at_most, p50, spread
from idlegrid_server.record.engine import open_engine

SECTION = "i history"
LIST_MS, DETAIL_MS, STATS_MS = 50.0, 10.0, 100.0
"""The bounds that the 99th percentiles are held to."""
DETAILS, STATS = 300, 40
ROUNDS = 3
"""Answers per page; the middle one counts, because the machine has other things to do, too."""
WORST = 5
"""How many of the slowest pages are named with the figures."""

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
    with grid(fill=lambda folder: _fill(folder, sizes)) as here:
        return [*_figures(here, sizes), *firing.figures(here)]


def _fill(folder: Path, sizes: Sizes) -> None:
    print(
        f"making {sizes.runs:,} runs of {sizes.tasks:,} tasks on {sizes.nodes:,} nodes …", file=sys.stderr, flush=True
    )
    engine = open_engine(f"sqlite:///{folder / 'grid.db'}")
    make(engine, sizes)
    engine.dispose()


def _figures(here: Grid, sizes: Sizes) -> Iterator[Figure]:
    reader = Pages(here.host, here.port)
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


class Pages:
    """One client on one connection."""

    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port)

    def lists(
        self, name: str, path: str, filters: tuple[Mapping[str, str], ...], sorts: tuple[str, ...]
    ) -> list[Figure]:
        """First, middle and last page of a list by each filter, sort and order."""
        pages = product(filters, sorts, ("asc", "desc"))
        return self.times(name, [one for words in pages for one in self._ends(path, *words)], LIST_MS)

    def _ends(self, path: str, filters: Mapping[str, str], sort: str, order: str) -> Iterator[str]:
        words = {**filters, "sort": sort, "order": order}
        first = f"{path}?{urlencode(words)}"
        last = max(1, json.loads(self._get(first))["data"]["total_pages"])
        for page in sorted({1, (last + 1) // 2, last}):
            yield f"{first}&page={page}"

    def times(self, name: str, paths: list[str], limit: float) -> list[Figure]:
        """How long each path takes: the median of all rounds."""
        rounds = [[self._time(path) for path in paths] for _ in range(ROUNDS)]
        found = [(p50(answers), path) for path, *answers in zip(paths, *rounds, strict=True)]
        bound = at_most(limit, "ms")
        rows = spread(SECTION, f"{name}, {len(paths)} pages", [ms for ms, _ in found], bound, tail=1.0)
        rows[0].detail["slowest"] = sorted(found, reverse=True)[:WORST]
        return rows

    def _time(self, path: str) -> float:
        began = time.perf_counter()
        self._get(path)
        return (time.perf_counter() - began) * 1000

    def _get(self, path: str) -> Any:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return body
