"""What tests of nodes that wait for work have in common."""

import asyncio
from typing import Any

from idlegrid_server.core.commands import Lease, NodeFacts, Report
from idlegrid_server.core.coordinator import Coordinator, Room
from idlegrid_server.core.model import NodeState, Outcome, Sandbox

LONG = 20.0
"""Seconds that a poll may wait; every test ends long before."""
HERE = NodeFacts(state=NodeState.IDLE, slots=4, cpu_cores=4.0, memory_mb=4096, sandbox=Sandbox(level=3))


async def open_poll(grid: Coordinator, node: str = "n1", slots: int = 1) -> "asyncio.Task[Any]":
    """A poll that waits by now."""
    before = grid.polls.waiting()
    asked = asyncio.ensure_future(grid.fetch(node, Room(slots), LONG))
    while grid.polls.waiting() == before:
        await asyncio.sleep(0)
    await grid.submit([])  # the poll's first look is asked for by now
    await grid.submit([])  # and was written before this
    return asked


def done(lease: Lease) -> Report:
    """That it went well."""
    return Report(run_uuid=lease.run.uuid, lease_id=lease.lease_id, outcome=Outcome.COMPLETED, result="1")


async def work_for(grid, node="n1", slots=1):
    """Ask as a node does, again and again: news of its terms, or an order, may end a poll empty."""
    for _ in range(5):
        work = await grid.fetch(node, Room(slots), LONG)
        if work.leases:
            return work
    raise AssertionError(f"no work came for {node}")
