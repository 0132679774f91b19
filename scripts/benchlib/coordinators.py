"""(l) Dispatch by one coordinator and by two on one PostgreSQL and one Redis, beside one on SQLite, in turn."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from benchlib import keys
from benchlib.http11 import Address
from benchlib.load import SINGLE, Shape, measure
from benchlib.postgres import postgres
from benchlib.processes import SETTLE_SECONDS, cpu_seconds, folder, grid, redis_server, serve, tree_cpu_seconds
from benchlib.report import Figure, Target

SECTION = "l coordinators"
FACTOR = 1.5
"""The bound: two dispatch so many times what one does."""
SHAPE = Shape("single requests", nodes=8, lanes=8, batch=1, submitters=32, submit_batch=1)
"""Enough for two: each has as many nodes and submitters as (a) gives to one."""


@dataclass(frozen=True)
class Way:
    """Coordinators to share the load, and whose CPU is looked at."""

    addresses: Sequence[Address]
    parts: Mapping[str, Callable[[], float]]


def figures(runs: int, rounds: int) -> list[Figure]:
    """The three in turn, who is first changing with every round; the same load for each."""
    with _ways() as ways:
        for way in ways.values():
            _round(way, SINGLE, runs // 4)  # warm-up: connections, caches, the record's first pages
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
        for number in range(rounds):
            for name in list(ways)[:: -1 if number % 2 else 1]:
                found[name].append(_round(ways[name], SHAPE, runs))
    return list(_rows(found))


@contextmanager
def _ways() -> Iterator[dict[str, Way]]:
    """Two coordinators on PostgreSQL are there all the time; alone, the first has all the load."""
    with ExitStack() as stack:
        data = stack.enter_context(folder())
        url, database = stack.enter_context(postgres(data))
        redis_url, queue = stack.enter_context(redis_server(data))
        env = {"IDLEGRID_REDIS_URL": redis_url, "IDLEGRID_DATABASE_URL": url, **keys.OFF}
        served = [stack.enter_context(serve(data, name, env)) for name in ("first", "second")]
        embedded = stack.enter_context(grid(env=keys.OFF))
        time.sleep(SETTLE_SECONDS)
        load = _own(psutil.Process())
        both = {f"coordinator {number}": _own(process) for number, (process, _) in enumerate(served, start=1)}
        parts = {**both, "postgresql": lambda: tree_cpu_seconds(database), "redis": _own(queue), "load": load}
        alone = {"coordinator 1": _own(embedded.coordinator), "redis": _own(embedded.redis), "load": load}
        addresses = [Address("127.0.0.1", port) for _, port in served]
        yield {
            "SQLite, 1 coordinator": Way([embedded.address()], alone),
            "PostgreSQL, 1 coordinator": Way(addresses[:1], parts),
            "PostgreSQL, 2 coordinators": Way(addresses, parts),
        }


def _own(process: psutil.Process) -> Callable[[], float]:
    return lambda: cpu_seconds(process)


def _round(way: Way, shape: Shape, runs: int) -> dict[str, Any]:
    """The rate, and the CPU that each part took for a run."""
    before = {name: look() for name, look in way.parts.items()}
    seconds = measure(way.addresses, shape, runs)
    spent = {name: round((look() - before[name]) * 1000 / runs, 3) for name, look in way.parts.items()}
    return {"rate": runs / seconds, "runs": runs, "seconds": round(seconds, 3), "cpu_ms_per_run": spent}


def _rows(found: Mapping[str, list[dict[str, Any]]]) -> Iterator[Figure]:
    rates = {name: statistics.median(one["rate"] for one in rounds) for name, rounds in found.items()}
    for name, rounds in found.items():
        target = Target(rates["PostgreSQL, 1 coordinator"], "one on PostgreSQL", "≥", FACTOR) if "2" in name else None
        yield Figure(SECTION, f"{name}: {SHAPE.name}", rates[name], "runs/s", target, {"rounds": rounds})
    for name, rounds in found.items():
        for part in rounds[0]["cpu_ms_per_run"]:
            cpu = statistics.median(one["cpu_ms_per_run"][part] for one in rounds)
            yield Figure(SECTION, f"{name}: CPU of {part}", cpu, "ms a run")
