"""(c) What an idle coordinator and an idle node cost: memory and CPU of their whole process trees.

But RSS of the node alone: two sandboxes wait beside it, each of two interpreters that share nearly all their pages.
"""

import time
from dataclasses import dataclass
from typing import Any

import psutil

from benchlib.processes import grid, node, tree, tree_cpu_seconds
from benchlib.report import Figure, at_most

SECTION = "c idle"
SETTLE_SECONDS = 5.0
"""What start-up leaves to do: first heartbeats, first housekeeping."""

MB = 2**20


@dataclass(frozen=True)
class Idle:
    """Memory in MB at the end of the window, CPU in percent of one core over it."""

    rss: float
    pss: float
    cpu: float
    processes: int

    def detail(self) -> dict[str, Any]:
        """For the JSON file."""
        return {"rss_mb": self.rss, "pss_mb": self.pss, "cpu_percent": self.cpu, "processes": self.processes}


def figures(seconds: float) -> list[Figure]:
    """Watch both at once: one coordinator with one node, and nothing to do."""
    with grid() as here, node(here) as agent:
        time.sleep(min(SETTLE_SECONDS, seconds))
        before = (tree_cpu_seconds(here.coordinator), tree_cpu_seconds(agent))
        started = time.monotonic()
        time.sleep(seconds)
        window = time.monotonic() - started
        parts = (here.coordinator, agent)
        spent = [(tree_cpu_seconds(part) - then) / window * 100 for part, then in zip(parts, before, strict=True)]
        coordinator, guest = (_idle(part, cpu) for part, cpu in zip(parts, spent, strict=True))
        alone = agent.memory_info().rss / MB
    return [
        *_figures("coordinator", coordinator, 160, 2.0, coordinator.rss),
        *_figures("node", guest, 60, 0.5, alone),
        Figure(SECTION, "node with the sandboxes that wait, RSS: shared pages once for each process", guest.rss, "MB"),
    ]


def _figures(name: str, idle: Idle, memory: float, cpu: float, rss: float) -> list[Figure]:
    return [
        Figure(SECTION, f"{name}, RSS", rss, "MB", at_most(memory, "MB"), idle.detail()),
        Figure(SECTION, f"{name}, PSS", idle.pss, "MB", at_most(memory, "MB")),
        Figure(SECTION, f"{name}, CPU", idle.cpu, "% of a core", at_most(cpu, "%")),
    ]


def _idle(root: psutil.Process, cpu: float) -> Idle:
    memory = [process.memory_full_info() for process in tree(root)]
    return Idle(sum(m.rss for m in memory) / MB, sum(m.pss for m in memory) / MB, cpu, len(memory))
