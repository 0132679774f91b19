"""Watching a job's limits while it runs: who looks, how often, and what each breach is called."""

import os
from dataclasses import dataclass, replace

from idlegrid_node.sandbox.cores import Placement, Shaper
from idlegrid_node.sandbox.floor import HostFloor
from idlegrid_node.sandbox.job import Limits
from idlegrid_node.sandbox.meter import Usage
from idlegrid_node.sandbox.sandbox import Sandbox
from idlegrid_node.sandbox.series import Series

METER_SECONDS = 0.05
"""How often memory is looked at; a desktop fills up to 0.5 GB in it."""
CLOSE_SECONDS = 0.02
"""And how often when half of what is allowed is taken."""


@dataclass(frozen=True)
class Host:
    """What all jobs of a node share: its memory's floor, and who works on which core."""

    floor: HostFloor
    placement: Placement


class Watcher:
    """Looks at one job's usage. `due` is when to `look` next; `used` is its CPU time and its peaks so far, and `series`
    what it used when.
    """

    def __init__(self, limits: Limits, host: Host) -> None:
        self._limits = limits
        self._host = host
        self._sandbox: Sandbox | None = None
        self._shaper: Shaper | None = None
        self.used = Usage()
        self.series = Series()
        self._began = 0.0
        self.due = 0.0

    def begin(self, sandbox: Sandbox, now: float) -> None:
        """The code runs from now on."""
        self._sandbox, self._began = sandbox, now
        self.used = Usage(processes=1)
        self.due = now + METER_SECONDS
        self._host.floor.enter(self)
        groups = sandbox.backend.groups
        if groups is None or not groups.shares_cpu:
            self._shaper = Shaper(self._limits.cpu, os.sched_getaffinity(0), self._host.placement)

    def look(self, now: float) -> str:
        """Measure, and return the name of the limit that is broken, or nothing."""
        self.due = now + METER_SECONDS
        if self._sandbox is None:
            return ""
        current = self._sandbox.usage()
        if current.memory_mb > self._limits.memory_mb / 2:
            self.due = now + CLOSE_SECONDS
        self._note(current)
        # The sum over a tree falls when one of it ends that nobody waits for.
        self.series.note(now - self._began, replace(current, cpu_seconds=self.used.cpu_seconds))
        if self._sandbox.over_memory(self._limits, current):
            return "memory_limit"
        if current.processes > self._limits.processes:
            return "process_limit"
        if current.cpu_seconds > self._limits.cpu_seconds:
            return "cpu_limit"
        if self._host.floor.must_die(self, now):
            return "host_memory_floor"
        if self._shaper is not None:
            self._shaper.look(self._sandbox.pids(), current.cpu_seconds, now)
        return ""

    def take_note(self) -> None:
        """Measure once more: it is about to be killed, and may have lived for less than one look."""
        if self._sandbox is not None:
            self._note(self._sandbox.usage())

    def stands(self, *, frozen: bool) -> None:
        """A job that stands takes no more memory: should it run short, those that run are asked."""
        if frozen:
            self._host.floor.leave(self)
        else:
            self._host.floor.enter(self)

    def exited(self, cpu_seconds: float, peak_mb: float) -> str:
        """Take the supervisor's own figures at the end; returns `memory_limit` if the kernel ended it for that."""
        if self._sandbox is None:
            return ""
        self._note(Usage(cpu_seconds, peak_mb, 1))  # most runs are over before anybody could count them
        return "memory_limit" if self._sandbox.killed_for_memory() else ""

    def close(self) -> None:
        """It is over: others may have its place."""
        self._host.floor.leave(self)
        if self._shaper is not None:
            self._shaper.close()

    def _note(self, current: Usage) -> None:
        most = max(self.used.memory_mb, min(current.memory_mb, float(self._limits.memory_mb)))
        self.used = Usage(
            max(self.used.cpu_seconds, current.cpu_seconds), most, max(self.used.processes, current.processes)
        )
