"""(d) Choosing a queue among 200 classes, and `rq info` over 1,000 nodes and 200 queues."""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import redis

from benchlib.http11 import Connection
from benchlib.load import RESOURCES, RUN
from benchlib.processes import Grid, grid
from benchlib.report import Figure, at_most, p99

T = TypeVar("T")
SECTION = "d queues"
CLASSES = 200
NODES = 1000
LABELS = [f"class-{number}" for number in range(CLASSES // 2)]
"""Half as many: a node may carry 100. Each comes with two sizes of memory."""

CHOICES = LEASES = 300
RUNS_PER_CLASS = 4
"""Oldest first takes them in turn: after both 601 are gone and every class still has one."""


def figures() -> list[Figure]:
    """Fill 200 requirement classes, choose and lease one by one, let 1,000 nodes join, ask RQ's own tool."""
    with grid() as here:
        asyncio.run(_fill(here))
        chosen, inside = _choose(here.redis_url)
        leased = asyncio.run(_lease(here))
        asyncio.run(_join(here))
        seconds, counted = _rq_info(here.redis_url)
    choosing = f"choosing a queue among {CLASSES} classes (RedisQueue.pop of one run), p50"
    leasing = f"a lease over HTTP among {CLASSES} classes, p50"
    info = f"rq info, {counted['nodes']} nodes, {counted['queues']} queues"
    return [
        Figure(SECTION, choosing, statistics.median(chosen), "ms", at_most(1, "ms"), {"p99": p99(chosen)}),
        Figure(SECTION, "the same, the script inside Redis alone, mean", inside, "ms"),
        Figure(SECTION, leasing, statistics.median(leased), "ms", detail={"p99": p99(leased)}),
        Figure(SECTION, info, seconds, "s", at_most(5, "s"), counted),
    ]


def _choose(url: str) -> tuple[list[float], float]:
    """Milliseconds of each choice by the coordinator's own queue, and of the script in it on average.

    The first is Python's part, Redis' part and the way between them. Nobody else runs scripts meanwhile.
    """
    from idlegrid_server.core.matching import Capability, Offer
    from idlegrid_server.queue.redis_queue import RedisQueue

    able = Capability(frozenset(["python"]), frozenset(LABELS), cpu=256, memory_mb=1 << 20, sandbox=3)
    offer = Offer("chooser", able, slots=1, cpu=256, memory_mb=1 << 20)
    with redis.Redis.from_url(url) as connection, closing(RedisQueue(url)) as queue:
        queue.pop([offer])  # connects, and loads the scripts
        connection.config_resetstat()
        popped = [_timed(lambda: queue.pop([offer])) for _ in range(CHOICES)]
        script = connection.info("commandstats")["cmdstat_evalsha"]
    if any(len(uuids) != 1 for (uuids,), _ in popped):
        raise RuntimeError(f"nothing was popped although {CLASSES} classes have runs")
    return [milliseconds for _, milliseconds in popped], float(script["usec_per_call"]) / 1000


def _timed(action: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    return action(), (time.perf_counter() - started) * 1000


async def _fill(here: Grid) -> None:
    connection = Connection(here.host, here.port)
    classes = [(label, memory) for label in LABELS for memory in (128, 256)]
    runs = [{**RUN, "requires": [label], "resources": {"cpu": 1, "memory": memory}} for label, memory in classes]
    body = json.dumps({"tasks": runs}).encode()
    for _ in range(RUNS_PER_CLASS):
        await connection.post("/submit_many", body)
    connection.close()


async def _lease(here: Grid) -> list[float]:
    """Milliseconds of each lease of one run by a node that may serve every class."""
    connection = Connection(here.host, here.port)
    await connection.post("/internal/heartbeat", _heartbeat("chooser", LABELS, slots=LEASES))
    times = []
    for _ in range(LEASES):
        started = time.perf_counter()
        answer = await connection.get("/internal/task?node_id=chooser&wait=0&slots=1")
        times.append((time.perf_counter() - started) * 1000)
        if len(answer["attempts"]) != 1:
            raise RuntimeError(f"no run was leased although {CLASSES} classes have some: {answer}")
    connection.close()
    return times


async def _join(here: Grid) -> None:
    connections = [Connection(here.host, here.port) for _ in range(8)]
    numbers = iter(range(NODES))

    async def joiner(connection: Connection) -> None:
        for number in numbers:
            await connection.post("/internal/heartbeat", _heartbeat(f"node-{number}", [], slots=1))
        connection.close()

    await asyncio.gather(*map(joiner, connections))


def _heartbeat(node_id: str, labels: list[str], slots: int) -> bytes:
    sandbox = {"level": 3, "backend": "simulated", "version": "0", "reason": "", "remedy": ""}
    beat = {"node_id": node_id, "status": "idle", "reason": "always", "hostname": node_id, "slots": slots}
    beat |= {"task_types": ["python"], "labels": labels, "resources": RESOURCES, "sandbox": sandbox}
    return json.dumps({**beat, "attempts": []}).encode()


def _rq_info(url: str) -> tuple[float, dict[str, int]]:
    """Seconds of the whole command, and what it counted."""
    argv = [str(Path(sys.executable).with_name("rq")), "info", "--raw", "--url", url]
    started = time.perf_counter()
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=300).stdout
    seconds = time.perf_counter() - started
    kinds = [line.split(" ", 1)[0] for line in said.splitlines() if line]
    return seconds, {"nodes": kinds.count("worker"), "queues": kinds.count("queue")}
