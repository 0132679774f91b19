"""(i) The same history by the jobs API and the execution API: lists, one task's executions, a thousand cancelled."""

import json
import random
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product

from benchlib.history_data import Sizes
from benchlib.history_pages import DETAIL_MS, DETAILS, LIST_MS, SECTION, JobPages
from benchlib.report import Figure, at_most

CANCELLED = 1_000
CANCEL_SECONDS = 2.0
"""The bound for cancelling so many in one call."""
PAGE = 100
JOBS, EXECUTIONS = "/api/v1/jobs", "/api/v1/jobs/executions"
JOB_SORTS = (
    "name",
    "id",
    "job_type",
    "job_category",
    "schedule",
    "enabled",
    "last_run_at",
    "next_run_at",
    "updated_at",
)
JOB_FILTERS: tuple[Mapping[str, str], ...] = ({}, {"search": "task-77"}, {"search": "shell"}, {"search": "none such"})
SORTS = ("started_at", "completed_at", "created_at", "id")
STATUSES = tuple({"search": word} for word in ("pending", "running", "success", "FAILED", "timeout"))


def figures(host: str, port: int, sizes: Sizes) -> Iterator[Figure]:
    """Turn the pages, and cancel at the end."""
    reader = JobPages(host, port)
    yield from reader.lists(JOBS, JOBS, JOB_FILTERS, JOB_SORTS)
    dice = random.Random(5)
    numbers = [dice.randint(1, sizes.tasks) for _ in range(DETAILS)]
    yield from reader.times(f"{JOBS}/{{id}}", [f"{JOBS}/{number}" for number in numbers], DETAIL_MS)
    for name, filters in _filters(sizes).items():
        yield from reader.lists(f"{EXECUTIONS}, {name}", EXECUTIONS, filters, SORTS)
    # Nearly all runs are gone through: no bound is promised for these.
    yield from reader.lists(f"{EXECUTIONS}, by a name that most have", EXECUTIONS, ({"search": "task-"},), SORTS, None)
    for job in ("task-1", f"task-{sizes.tasks // 2}"):
        path = f"{JOBS}/{job}/executions"
        yield from reader.lists(path, path, ({}, *STATUSES, *_times()), SORTS)
    names = [f"/tasks/running/task-{number}" for number in (1, *numbers[:99])]
    yield from reader.times("/tasks/running/{name}", names, LIST_MS)
    yield _cancelling(reader)


def _filters(sizes: Sizes) -> dict[str, tuple[Mapping[str, str], ...]]:
    """By kind; a name's part finds one task, eleven, or a hundred."""
    names = tuple({"search": part} for part in (f"task-{sizes.tasks // 2}", "task-123", "task-77"))
    return {
        "all": ({},),
        "by status": STATUSES,
        "by time": _times(),
        "by status and time": tuple({**one, **other} for one, other in product(STATUSES, _times())),
        "by part of a name": names,
        "by part of a name and time": tuple({**one, **other} for one, other in product(names, _times())),
    }


def _times() -> tuple[Mapping[str, str], ...]:
    """Instants within days."""
    long = {"after": _ago(60), "before": _ago(31)}
    return (long, {"after": _ago(0.04)}, {"before": _ago(45)}, {"after": _ago(40.2), "before": _ago(40.1)})


def _ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")


def _cancelling(reader: JobPages) -> Figure:
    """Cancel a thousand queued runs by their ids, in one call."""
    paths = [f"/api/runs?status=pending&size={PAGE}&page={page}" for page in range(1, CANCELLED // PAGE + 1)]
    uuids = [run["uuid"] for path in paths for run in reader.get(path)["data"]["items"]]
    began = time.perf_counter()
    done = json.loads(reader.ask("DELETE", "/tasks/executions/cancel/by-ids", {"executionIds": uuids}))
    seconds = time.perf_counter() - began
    detail = {"asked": len(uuids), "cancelled": len(done["cancelled"])}
    name = f"{len(done['cancelled']):,} executions cancelled by their ids in one call"
    return Figure(SECTION, name, seconds, "s", at_most(CANCEL_SECONDS, "s"), detail)
