"""(f) Stopping and killing 50 busy processes of a sandbox, until the last of them stands or is gone."""

import random
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from benchlib.report import Figure, at_most, spread
from benchlib.sandboxes import WAIT_SECONDS, Lab, apart, lab, until
from idlegrid_node.sandbox.backend import Backend
from idlegrid_node.sandbox.execution import Execution
from idlegrid_node.sandbox.job import DISK_MB, Job, Limits
from idlegrid_node.sandbox.sandbox import Sandbox

SECTION = "f stop and kill"
LEVELS = (3, 2, 4)
ROUNDS = 20
PROCESSES = 50
SPIN = f"import os\nfor _ in range({PROCESSES - 1}):\n    if not os.fork(): break\nwhile True: pass"
LIMITS = Limits(memory_mb=512, timeout=60.0, processes=4 * PROCESSES)
"""Wide: the kernel counts a user's dead, too, until they are reaped, and the next round may have the same user."""
STOP_MS, KILL_MS = 50.0, 100.0

Times = dict[tuple[str, int], list[float]]


def figures() -> list[Figure]:
    """Interleave the levels, and stopping with killing."""
    return rows(apart(_measure))


def rows(times: Times) -> list[Figure]:
    """The figures of milliseconds by what was done and at which level."""
    kinds = (
        ("stop", f"stop {PROCESSES} busy processes", STOP_MS),
        ("kill", f"kill {PROCESSES} busy processes", KILL_MS),
    )
    return [
        figure
        for kind, name, limit in kinds
        for level in LEVELS
        if (kind, level) in times
        for figure in spread(SECTION, f"{name}, level {level}", times[kind, level], at_most(limit, "ms"))
    ]


def _measure() -> Times:
    with lab(LEVELS) as here:
        kinds: dict[tuple[str, int], Callable[[], float]] = {}
        for level, backend in here.backends.items():
            kinds["stop", level] = partial(_stop, backend)
            kinds["kill", level] = partial(_kill, here, backend)
        times: Times = {kind: [] for kind in kinds}
        order = random.Random(1)
        for _ in range(ROUNDS):
            for kind in order.sample(list(kinds), len(kinds)):
                times[kind].append(kinds[kind]())
    return times


def _stop(backend: Backend) -> float:
    """From `Sandbox.stop` until every process stands; nothing else holds the spinners back."""
    sandbox = Sandbox(backend, DISK_MB)
    spinners: list[int] = []
    try:
        sandbox.wait_ready(WAIT_SECONDS)
        ours = len(sandbox.pids()) - 1  # the last one becomes the code
        sandbox.start(Job(SPIN, limits=LIMITS))
        spinners = _spinners(sandbox, ours)
        began = time.perf_counter()
        sandbox.stop()
        until(lambda: _states(spinners) <= {"T"}, "all processes stand")
        return (time.perf_counter() - began) * 1000
    finally:
        sandbox.close()
        until(lambda: _gone(spinners), "no process is left")


def _kill(here: Lab, backend: Backend) -> float:
    """From the node's decision until no process of the sandbox is left."""
    sandbox = Sandbox(backend, DISK_MB)
    execution = here.execution(lambda: sandbox, SPIN, LIMITS)
    sandbox.wait_ready(WAIT_SECONDS)
    ours = len(sandbox.pids()) - 1
    thread = threading.Thread(target=_live, args=(execution,))
    thread.start()
    try:
        everything = {*sandbox.pids(), *_spinners(sandbox, ours)}
        began = time.perf_counter()
        execution.stop("cancelled")
        until(lambda: _gone(everything), "no process is left")
        return (time.perf_counter() - began) * 1000
    finally:
        execution.stop("cancelled")
        thread.join()


def _live(execution: Execution) -> None:
    execution.run()
    execution.close()


def _spinners(sandbox: Sandbox, ours: int) -> list[int]:
    """Wait until all processes of the code spin; `ours` processes stand before them in the tree."""
    found: list[int] = []

    def spin() -> bool:
        found[:] = sandbox.pids()[ours:]
        return len(found) == PROCESSES and _states(found) == {"R"}

    until(spin, f"{PROCESSES} processes spin")
    return found


def _gone(pids: Iterable[int]) -> bool:
    return not _states(pids) - {"Z", "X"}


def _states(pids: Iterable[int]) -> set[str]:
    """The states of those that there are, as proc(5) has them."""
    found = set()
    for pid in pids:
        with suppress(OSError, IndexError), open(f"/proc/{pid}/stat", "rb") as file:
            found.add(chr(file.read().rpartition(b")")[2].split()[0][0]))
    return found
