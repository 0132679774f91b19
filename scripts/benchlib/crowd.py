"""Simulated nodes that wait: each with its poll open and a heartbeat now and then. Many live in one process.

What is given to one is answered at once, as if it had run; the parent hears when it arrived, and where.
"""

import asyncio
import json
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection as pipes
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import SpawnProcess

from benchlib.http11 import Address, Connection
from benchlib.load import heartbeat, loop_factory, result_of

HEARTBEAT_SECONDS = 10.0
WAIT_SECONDS = 25
JOINING = 20
"""Nodes of a process that join at a time."""
READY_SECONDS = 120.0
ARRIVAL_SECONDS = 30.0


@dataclass(frozen=True)
class Member:
    """A simulated node: its name, the label that it alone has, its key."""

    id: str
    label: str
    key: str = ""


@dataclass(frozen=True)
class Arrival:
    """A run that reached a node, by the clock that all processes of a machine share (`time.monotonic`)."""

    run_id: int
    node_id: str
    at: float


class Crowd:
    """The processes that the nodes live in."""

    def __init__(self, lines: Sequence[Pipe], pids: Sequence[int]) -> None:
        self._lines, self.pids = lines, pids

    def arrival(self) -> Arrival:
        """The next run that reaches a node."""
        ready = pipes.wait(self._lines, ARRIVAL_SECONDS)
        if not ready:
            raise TimeoutError(f"no node was given anything for {ARRIVAL_SECONDS:g} s")
        first = ready[0]
        assert isinstance(first, Pipe)
        found: Arrival = first.recv()
        return found


@contextmanager
def crowd(address: Address, members: Sequence[Member], processes: int = 2) -> Iterator[Crowd]:
    """Start the nodes, dealt out to processes; ready when every one has joined and asked for work."""
    context = get_context("spawn")
    started: list[tuple[SpawnProcess, Pipe]] = []
    try:
        for number in range(processes):
            ours, theirs = context.Pipe()
            child = context.Process(target=_live, args=(address, members[number::processes], theirs), daemon=True)
            child.start()
            started.append((child, ours))
        for _, line in started:
            if not line.poll(READY_SECONDS):
                raise TimeoutError("the nodes did not all join")
            line.recv()
        yield Crowd([line for _, line in started], [child.pid or 0 for child, _ in started])
    finally:
        for child, _ in started:
            child.terminate()
            child.join()


def _live(address: Address, members: Sequence[Member], line: Pipe) -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_all(address, members, line))


async def _all(address: Address, members: Sequence[Member], line: Pipe) -> None:
    door = asyncio.Semaphore(JOINING)
    nodes = [_Node(address, member, line) for member in members]
    await asyncio.gather(*(node.join(door) for node in nodes))
    line.send("ready")
    await asyncio.gather(*(node.live() for node in nodes))


class _Node:
    """Two connections, as a real node has: one for the poll, one for all else."""

    def __init__(self, address: Address, member: Member, line: Pipe) -> None:
        self._member, self._line = member, line
        self._polls = Connection(address.host, address.port, member.key)
        self._says = Connection(address.host, address.port, member.key)
        self._saying = asyncio.Lock()
        self._beat = heartbeat(member.id, "idle", 1, [member.label])

    async def join(self, door: asyncio.Semaphore) -> None:
        async with door:
            await self._say("/internal/heartbeat", self._beat)
            await self._polls.get(self._question(0))

    async def live(self) -> None:
        await asyncio.gather(self._poll(), self._heartbeats())

    async def _heartbeats(self) -> None:
        await asyncio.sleep(random.uniform(0, HEARTBEAT_SECONDS))
        while True:
            await self._say("/internal/heartbeat", self._beat)
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _poll(self) -> None:
        question = self._question(WAIT_SECONDS)
        while True:
            attempts = (await self._polls.get(question))["attempts"]
            at = time.monotonic()
            if attempts:
                for attempt in attempts:
                    self._line.send(Arrival(attempt["task_id"], self._member.id, at))
                results = [result_of(attempt, time.time()) for attempt in attempts]
                body = {"node_id": self._member.id, "results": results}
                await self._say("/internal/result", json.dumps(body).encode())

    async def _say(self, path: str, body: bytes) -> None:
        async with self._saying:
            await self._says.post(path, body)

    def _question(self, wait: int) -> str:
        return f"/internal/task?node_id={self._member.id}&wait={wait}&slots=1"
