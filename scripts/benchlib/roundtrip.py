"""(b) From submit to result of `print(1)` on an idle node, beside a bare interpreter."""

import asyncio
import json
import statistics
import subprocess
import sys
import time

from benchlib.http11 import Connection
from benchlib.load import RUN
from benchlib.processes import grid, node
from benchlib.report import Figure, Target, p99

SECTION = "b round trip"
BARE = [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-c", "print(1)"]
"""The interpreter itself, not a virtual environment's link or a shell script that picks one."""


def figures(rounds: int) -> list[Figure]:
    """Interleave both, so that a busy moment of the machine hits both."""
    with grid() as here, node(here):
        trips, starts = asyncio.run(_rounds(here.host, here.port, rounds))
    bare = statistics.median(starts)
    name = "the bare interpreter's p50"
    return [
        Figure(SECTION, "python3 -I -S -c 'print(1)', p50", bare, "ms", detail={"ms": _rounded(starts)}),
        Figure(SECTION, "python3 -I -S -c 'print(1)', p99", p99(starts), "ms"),
        Figure(
            SECTION,
            "submit to result of print(1), p50",
            statistics.median(trips),
            "ms",
            Target(bare, name, "≤", 4),
            {"ms": _rounded(trips)},
        ),
        Figure(SECTION, "submit to result of print(1), p99", p99(trips), "ms", Target(bare, name, "≤", 10)),
    ]


async def _rounds(host: str, port: int, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each trip and of each bare start; the first three warm up and do not count."""
    connection = Connection(host, port)
    trips, starts = [], []
    for _ in range(rounds + 3):
        trips.append(await _trip(connection))
        starts.append(_bare_start())
    connection.close()
    return trips[3:], starts[3:]


async def _trip(connection: Connection) -> float:
    started = time.perf_counter()
    run_id = (await connection.post("/submit", json.dumps(RUN).encode()))["task_id"]
    answer = await connection.get(f"/status/{run_id}?wait=30")
    if answer["status"] != "completed" or answer["result"] != "1":
        raise RuntimeError(f"print(1) did not print 1: {answer}")
    return (time.perf_counter() - started) * 1000


def _bare_start() -> float:
    started = time.perf_counter()
    subprocess.run(BARE, check=True, stdout=subprocess.PIPE)
    return (time.perf_counter() - started) * 1000


def _rounded(times: list[float]) -> list[float]:
    return [round(value, 2) for value in times]
