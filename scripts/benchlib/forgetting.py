"""(m) Submissions while runs of long ago are being forgotten, and afterwards."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchlib.history_data import Sizes, make
from benchlib.http11 import Connection
from benchlib.load import RUN
from benchlib.processes import Grid, cpu_seconds, grid
from benchlib.report import Figure, Target, p99, spread
from idlegrid_server.record.engine import open_engine

SECTION = "m forgetting"
KEEP_DAYS = "1"
"""The history is of 90 days, so nearly all of it goes."""
PAUSE_SECONDS = 0.02
"""Between two submissions."""
SUBMISSIONS = 1_000
"""Of each kind at least."""
GIVE_UP_SECONDS = 1_800.0


def figures(runs: int) -> list[Figure]:
    """Make a history, start a coordinator that keeps a day of it, and submit all the while."""

    def fill(folder: Path) -> None:
        engine = open_engine(f"sqlite:///{folder / 'grid.db'}")
        make(engine, Sizes.of(runs))
        engine.dispose()

    with grid(fill=fill, env={"IDLEGRID_KEEP_RUNS_DAYS": KEEP_DAYS}) as here:
        return asyncio.run(_measure(here))


async def _measure(here: Grid) -> list[Figure]:
    with closing(sqlite3.connect(f"file:{here.data / 'grid' / 'grid.db'}?mode=ro", uri=True)) as record:
        old = time.time() - float(KEEP_DAYS) * 86_400 - 60
        query = "SELECT COUNT(*) FROM runs WHERE finished_at < ?"

        def left() -> int:
            return int(record.execute(query, (old,)).fetchone()[0])

        before, began, cpu = left(), time.monotonic(), cpu_seconds(here.coordinator)
        connection = Connection(here.host, here.port)
        meanwhile = await _submit(connection, lambda: left() > 0)
        seconds, cpu = time.monotonic() - began, cpu_seconds(here.coordinator) - cpu
        afterwards = await _submit(connection, lambda: False)
        connection.close()
    rate = Figure(SECTION, f"{before:,} runs forgotten while others are submitted", before / seconds, "runs/s")
    rate.detail.update(seconds=round(seconds, 1), cpu_s=round(cpu, 2))
    beside = Target(p99(afterwards), "afterwards, p99", "≤", None)
    return [
        rate,
        *spread(SECTION, "a submission while runs are forgotten", meanwhile, beside),
        *spread(SECTION, "a submission afterwards", afterwards),
    ]


async def _submit(connection: Connection, more: Callable[[], bool]) -> list[float]:
    """Milliseconds of each submission, one after the other, until it is enough."""
    times: list[float] = []
    deadline = time.monotonic() + GIVE_UP_SECONDS
    body = json.dumps(RUN).encode()
    while len(times) < SUBMISSIONS or (len(times) % 50 == 0 and more()) or len(times) % 50:
        await asyncio.sleep(PAUSE_SECONDS)
        began = time.perf_counter()
        await connection.post("/submit", body)
        times.append((time.perf_counter() - began) * 1000)
        if time.monotonic() > deadline:
            raise TimeoutError("forgetting does not come to an end")
    return times
