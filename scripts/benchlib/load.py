"""Simulated submitters and nodes: whole lifecycles (submit, lease, report) over real HTTP.

A simulated node speaks the node protocol as docs/protocol.md has it and runs nothing: it answers each leased
attempt at once with the output that `print(1)` would have given.
"""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from benchlib.http11 import Address, Connection

LIMIT_SECONDS = 300.0
"""When a round counts as stuck."""

RUN = {"code": "print(1)", "timeout": 60, "resources": {"cpu": 1.0, "memory": 128}}
RESOURCES = {"cpu_cores": 256, "memory_mb": 1_048_576}
"""So much that slots alone bound what a simulated node holds."""


@dataclass(frozen=True)
class Shape:
    """How the load is spread; `batch` runs go into one lease or report, `submit_batch` into one submission."""

    name: str
    nodes: int
    lanes: int
    batch: int
    submitters: int
    submit_batch: int

    @property
    def slots(self) -> int:
        """The most runs a node holds."""
        return self.lanes * self.batch


SINGLE = Shape("single requests", nodes=4, lanes=8, batch=1, submitters=16, submit_batch=1)
BATCHES = Shape("in batches", nodes=4, lanes=2, batch=50, submitters=4, submit_batch=100)


@dataclass
class Tally:
    """Counts acknowledged reports and says when all are in."""

    wanted: int
    done: int = 0
    conflicts: int = 0
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, results: list[dict[str, Any]]) -> None:
        """Count the answers to one report."""
        good = sum(result["status"] == "ok" for result in results)
        self.done += good
        self.conflicts += len(results) - good
        if self.done >= self.wanted:
            self.complete.set()


class SimulatedNode:
    """Keeps one poll open while it has room, and as many lanes that report and take the next in one call."""

    def __init__(self, address: Address, shape: Shape, tally: Tally) -> None:
        self.id = f"bench-{uuid4().hex[:8]}"
        self._connect = address.as_node
        self._shape = shape
        self._tally = tally
        self._room = asyncio.Semaphore(0)
        self._inbox: asyncio.Queue[list[dict[str, Any]]] = asyncio.Queue()

    async def join(self) -> None:
        """Make itself known."""
        await self._once(lambda c: c.post("/internal/heartbeat", self._heartbeat("idle")))

    async def leave(self) -> None:
        """End its open poll with a newer one, so that nothing is leased to nobody, and say goodbye."""
        await self._once(lambda c: c.get(f"/internal/task?node_id={self.id}&wait=0&slots=0"))
        await self._once(lambda c: c.post("/internal/heartbeat", self._heartbeat("offline")))

    def tasks(self) -> list[Coroutine[Any, Any, None]]:
        """All that it does at the same time."""
        return [self._poll(), *(self._lane() for _ in range(self._shape.lanes))]

    async def _once(self, ask: Callable[[Connection], Coroutine[Any, Any, Any]]) -> None:
        connection = self._connect()
        await ask(connection)
        connection.close()

    async def _poll(self) -> None:
        connection = self._connect()
        path = f"/internal/task?node_id={self.id}&wait=5&slots={self._shape.batch}"
        while True:
            await self._room.acquire()
            while not (attempts := (await connection.get(path))["attempts"]):
                pass
            self._inbox.put_nowait(attempts)

    async def _lane(self) -> None:
        connection = self._connect()
        while True:
            self._room.release()
            attempts = await self._inbox.get()
            while attempts:
                answer = await connection.post("/internal/result", self._report(attempts))
                self._tally.add(answer["results"])
                attempts = answer["attempts"]

    def _report(self, attempts: list[dict[str, Any]]) -> bytes:
        now = time.time()
        results = [result_of(attempt, now) for attempt in attempts]
        body = {"node_id": self.id, "results": results, "next": {"slots": self._shape.batch}}
        return json.dumps(body).encode()

    def _heartbeat(self, status: str) -> bytes:
        return heartbeat(self.id, status, self._shape.slots)


def heartbeat(node_id: str, status: str, slots: int, labels: Sequence[str] = ()) -> bytes:
    """The body of a heartbeat: all that a node says of itself, as a real one does each time."""
    sandbox = {"level": 3, "backend": "simulated", "version": "0", "reason": "", "remedy": ""}
    beat = {
        "node_id": node_id,
        "status": status,
        "reason": "always",
        "hostname": node_id,
        "profile": "always",
        "slots": slots,
        "task_types": ["python"],
        "labels": list(labels),
        "resources": RESOURCES,
        "current_load": {"cpu_percent": 1.0, "memory_percent": 20.0},
        "sandbox": sandbox,
        "attempts": [],
    }
    return json.dumps(beat).encode()


def measure(addresses: Sequence[Address], shape: Shape, runs: int) -> float:
    """Seconds from the first submission to the last acknowledged report of `runs` runs.

    Nodes and submitters are dealt out to the coordinators in turn.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_measure(addresses, shape, runs))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Prefer uvloop, which the coordinator brings along: it halves what the load costs."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _measure(addresses: Sequence[Address], shape: Shape, runs: int) -> float:
    tally = Tally(runs)
    nodes = [SimulatedNode(addresses[number % len(addresses)], shape, tally) for number in range(shape.nodes)]
    for node in nodes:
        await node.join()
    working = [asyncio.ensure_future(task) for node in nodes for task in node.tasks()]
    started = time.perf_counter()
    submitting = asyncio.ensure_future(_submit_all(addresses, shape, runs))
    await _first_to_end(tally, [submitting, *working])
    seconds = time.perf_counter() - started
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    for node in nodes:
        await node.leave()
    return seconds


async def _first_to_end(tally: Tally, tasks: list[asyncio.Future[Any]]) -> None:
    """Wait until the tally is complete; a task that fails first fails the round."""
    complete = asyncio.ensure_future(tally.complete.wait())
    left: set[asyncio.Future[Any]] = {complete, *tasks}
    async with asyncio.timeout(LIMIT_SECONDS):
        while not complete.done():
            ended, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()


async def _submit_all(addresses: Sequence[Address], shape: Shape, runs: int) -> None:
    left = iter(range(0, runs, shape.submit_batch))
    body = json.dumps({"tasks": [RUN] * shape.submit_batch} if shape.submit_batch > 1 else RUN).encode()
    path = "/submit_many" if shape.submit_batch > 1 else "/submit"

    async def submitter(address: Address) -> None:
        connection = address.as_submitter()
        for _ in left:
            # As the client library does: every submission carries its own key.
            await connection.post(path, body, b"Idempotency-Key: %s\r\n" % uuid4().hex.encode())
        connection.close()

    await asyncio.gather(*(submitter(addresses[number % len(addresses)]) for number in range(shape.submitters)))


def result_of(attempt: dict[str, Any], now: float) -> dict[str, Any]:
    """What a node reports of an attempt that printed 1."""
    return {
        "run": attempt["run"],
        "lease_id": attempt["lease_id"],
        "outcome": "completed",
        "reason": "",
        "result": "1",
        "error": None,
        "exit_code": 0,
        "truncated": False,
        "usage": {"cpu_seconds": 0.02, "wall_seconds": 0.03, "max_memory_mb": 11.0},
        "started_at": now,
        "finished_at": now,
        "logs": [],
    }
