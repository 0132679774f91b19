"""(b) From submit to result of `print(1)` on an idle node, beside a bare interpreter."""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchlib.http11 import Connection
from benchlib.load import RUN
from benchlib.processes import grid, node
from benchlib.report import Figure, Target, p50, spread

SECTION = "b round trip"
BARE = [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-c", "print(1)"]
"""The interpreter itself, not a virtual environment's link or a shell script that picks one."""
BLOCK = 10
"""Trips of a kind in one go, kinds in a random order: what follows on what must follow on its own kind."""
PAUSE_SECONDS = 0.1
"""Between two paced trips: who sits at a notebook takes longer; a node has new sandboxes waiting by then."""

Times = dict[str, list[float]]


def figures(rounds: int) -> list[Figure]:
    """Interleave all kinds, so that a busy moment of the machine hits each."""
    with grid() as here, node(here):
        times, level = asyncio.run(_measure(here.host, here.port, rounds))
    return rows(times, level)


def rows(times: Times, level: int) -> list[Figure]:
    """The figures of milliseconds by kind, for a node that ran them at `level`."""
    bare = p50(times["bare"])
    within = Target(bare, "the bare interpreter's p50", "≤", 1.5)
    trip = f"submit to result of print(1), level {level}, {{}}"
    return [
        *spread(SECTION, "python3 -I -S -c 'print(1)'", times["bare"]),
        *spread(SECTION, trip.format("back to back"), times["back"], within, tail=10),
        *spread(SECTION, trip.format("100 ms between two"), times["paced"], within, tail=10),
    ]


async def _measure(host: str, port: int, rounds: int) -> tuple[Times, int]:
    """Milliseconds of each trip and of each bare start, after one block of each that warms up."""
    connection = Connection(host, port)
    kinds: dict[str, Callable[[], Awaitable[float]]] = {
        "bare": _bare_start,
        "back": lambda: _trip(connection),
        "paced": lambda: _paced(connection),
    }
    times: Times = {kind: [] for kind in kinds}
    order = random.Random(1)
    for _ in range(1 + max(1, rounds // BLOCK)):
        for kind in order.sample(list(kinds), len(kinds)):
            times[kind] += [await kinds[kind]() for _ in range(BLOCK)]
    level = await _level(connection)
    connection.close()
    return {kind: values[BLOCK:] for kind, values in times.items()}, level


async def _trip(connection: Connection) -> float:
    started = time.perf_counter()
    await _run(connection)
    return (time.perf_counter() - started) * 1000


async def _paced(connection: Connection) -> float:
    await asyncio.sleep(PAUSE_SECONDS)
    return await _trip(connection)


async def _run(connection: Connection) -> str:
    run_id = (await connection.post("/submit", json.dumps(RUN).encode()))["task_id"]
    answer = await connection.get(f"/status/{run_id}?wait=30")
    if answer["status"] != "completed" or answer["result"] != "1":
        raise RuntimeError(f"print(1) did not print 1: {answer}")
    return str(run_id)


async def _level(connection: Connection) -> int:
    """The sandbox level that a run had."""
    found: dict[str, Any] = await connection.get(f"/api/runs/{await _run(connection)}")
    return int(found.get("data", found)["sandbox"])


async def _bare_start() -> float:
    started = time.perf_counter()
    subprocess.run(BARE, check=True, stdout=subprocess.PIPE)
    return (time.perf_counter() - started) * 1000
