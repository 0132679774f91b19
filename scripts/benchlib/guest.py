"""(p) The guest's manners, with a synthetic owner: how fast the machine is given back, and what its owner notices."""

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil

from benchlib.owner import Owner, owner, programs
from benchlib.processes import Grid, NotReady, grid, process, text, tree, tree_cpu_seconds
from benchlib.report import Figure, Target, at_most, spread
from idlegrid import Client, Run
from idlegrid_node.policy import DESKTOP
from idlegrid_node.sandbox.meter import NICEST

SECTION = "p guest"
PARTS = "abcdef"
PATIENCE_SECONDS = 100.0
LOOK_SECONDS = 0.002
SETTLE_SECONDS = 5.0
"""Until the sandboxes that wait are there."""
CORES = len(os.sched_getaffinity(0))
CROWD = min(4 * CORES, 40)
MB = 2**20
BUSY = f"import os\nfor _ in range({CROWD - 1}):\n    if not os.fork(): break\nwhile True: pass"
HELD_MB = 400
HOLDS = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nkept = bytes([1]) * ({HELD_MB} << 20)\n{BUSY}"
"""As many processes, which share the memory; none of them leaves before it must."""
WORK = "n = 0\nfor i in range(50_000_000): n += i & 7"
"""The owner's own program, some seconds of it."""
IMPATIENT = {
    "start_after_s": 1.5,
    "resume_after_s": 1.2,
    "busy_if_input_within_s": 1.0,
    "busy_above_pct": 100,
    "evict_below_free_memory_pct": 0,
    "spare_cores": 0,
    "memory_pct": 95,
    "warm_sandboxes": 0,
    "watch_terminals": False,
    "watch_sessions": False,
    "stop_on_battery": False,
}
"""What is measured keeps its default; the rest would make us wait, or see this machine's owner in place of ours."""


def figures(parts: str, presses: int, rounds: int, seconds: float) -> list[Figure]:
    """Measure some of the parts; one that cannot be measured here says why and is left out."""
    measures: dict[str, Callable[[Grid, Owner], Iterator[Figure]]] = {
        "a": lambda here, someone: _input(here, someone, presses),
        "b": lambda here, someone: _load(here, someone, rounds),
        "c": lambda here, someone: _memory(here, someone, rounds),
        "d": lambda here, _someone: _loss(here, rounds),
        "e": lambda here, someone: _idle(here, someone, seconds),
        "f": lambda here, someone: _first_lease(here, someone, rounds),
    }
    found: list[Figure] = []
    for part in parts:
        try:
            with owner() as someone, grid() as here:
                found += measures[part](here, someone)
        except NotReady as error:
            print(f"part {part} could not be measured: {error}", file=sys.stderr, flush=True)
    return found


def _input(here: Grid, someone: Owner, presses: int) -> Iterator[Figure]:
    """From a key to the moment when every process of a busy run stands, at any moment between two looks."""
    times, dice = [], random.Random(7)
    with _node(here, someone, IMPATIENT) as node, _run(here, BUSY) as _:
        pids = _crowd(node)
        for _ in range(presses):
            _wait(lambda: not _stands(pids), "the run goes on")
            time.sleep(dice.uniform(0.3, 1.3))
            times.append(1000 * _seconds(someone.press, lambda: _stands(pids), "every process stands"))
    yield from spread(SECTION, f"a: a key to all {CROWD} busy processes standing", times, at_most(1000, "ms"), tail=1.0)


def _load(here: Grid, someone: Owner, rounds: int) -> Iterator[Figure]:
    policy = {**IMPATIENT, "busy_above_pct": DESKTOP.busy_above_pct, "clear_for_s": 1}
    times = []
    with _node(here, someone, policy) as node, _run(here, BUSY) as _:
        pids = _crowd(node)
        for _ in range(rounds):
            _wait(lambda: not _stands(pids), "the run goes on")
            began = time.monotonic()
            with programs(CORES):
                _wait(lambda: _stands(pids), "every process stands")
                times.append(time.monotonic() - began)
    bound = at_most(DESKTOP.busy_for_s, "s")
    name = f"b: other programs' load to all {CROWD} busy processes standing, the longest of {rounds}"
    yield Figure(SECTION, name, max(times), "s", bound, {"s": times})


def _memory(here: Grid, someone: Owner, rounds: int) -> Iterator[Figure]:
    """From a key to the moment when a run that ignores SIGTERM holds nothing any more."""
    for short, bound, times in ((False, DESKTOP.memory_back_s, 1), (True, DESKTOP.memory_short_back_s, rounds)):
        policy = {**IMPATIENT, "evict_below_free_memory_pct": _short_with_the_run() if short else 0.0}
        with _node(here, someone, policy) as node:
            took = [_memory_back(here, someone, node) for _ in range(times)]
        words = f"memory back of a run with {HELD_MB} MB{' where little is free' if short else ''}"
        name = f"c: the owner's return to the {words}, the longest of {times}"
        yield Figure(SECTION, name, max(took), "s", at_most(bound, "s"), {"s": took})


def _short_with_the_run() -> float:
    """The share of free memory that there is without the run, and is not with it."""
    memory = psutil.virtual_memory()
    return float((memory.available - HELD_MB / 2 * MB) / memory.total * 100)


def _memory_back(here: Grid, someone: Owner, node: psutil.Process) -> float:
    with _run(here, HOLDS) as _:
        pids = _crowd(node)
        began = time.monotonic()
        with someone.typing():
            _wait(lambda: _held_mb(pids) <= DESKTOP.frozen_memory_mb, "the memory is back")
            return time.monotonic() - began


def _loss(here: Grid, rounds: int) -> Iterator[Figure]:
    """The owner's program on every core, alone and beside a guest that nobody freezes, in turns."""
    alone, beside = [], []
    with _node(here, None, {"warm_sandboxes": 0, "memory_pct": 95}) as node:
        for _ in range(rounds):
            alone.append(_work())
            with _run(here, BUSY) as _:
                _crowd(node)
                beside.append(_work())
            _wait(lambda: not _guests(node), "the guest has gone")
    kept = statistics.median(alone) / statistics.median(beside) * 100
    name = f"d: speed that the owner's program keeps on {CORES} cores beside {CROWD} busy processes"
    yield Figure(SECTION, name, kept, "%", Target(97.0, "97 %", "≥"), {"alone_s": alone, "beside_s": beside})


def _work() -> float:
    began = time.monotonic()
    with programs(CORES, WORK) as started:
        for program in started:
            program.wait()
    return time.monotonic() - began


def _idle(here: Grid, someone: Owner, seconds: float) -> Iterator[Figure]:
    """A node on a desktop with all its probes, its owner away and nothing to do."""
    policy = {"start_after_s": 8, "resume_after_s": 5, "busy_if_input_within_s": 2}
    with _node(here, someone, policy) as node:
        time.sleep(SETTLE_SECONDS)
        before, began = tree_cpu_seconds(node), time.monotonic()
        time.sleep(seconds)
        cpu = (tree_cpu_seconds(node) - before) / (time.monotonic() - began) * 100
        memory = {p.name() + f" {p.pid}": p.memory_full_info().pss / MB for p in tree(node)}
    yield Figure(SECTION, "e: idle node with all probes, PSS", sum(memory.values()), "MB", at_most(60, "MB"), memory)
    yield Figure(SECTION, "e: idle node with all probes, CPU", cpu, "% of a core", at_most(0.3, "%"))


def _first_lease(here: Grid, someone: Owner, rounds: int) -> Iterator[Figure]:
    """From the end of the threshold after the last key to the start of a run that has waited for it."""
    threshold = 8.0
    policy = {**IMPATIENT, "start_after_s": threshold, "resume_after_s": 6.0, "warm_sandboxes": 2}
    late = []
    with _node(here, someone, policy) as _, Client(here.url) as client:
        for _ in range(rounds):
            _wait(lambda: _counts(here, "idle"), "the node is idle")
            someone.press()
            last = time.monotonic()
            _wait(lambda: _counts(here, "busy"), "the node is busy")
            run = client.submit("print(1)", memory=256, min_sandbox=1)
            _begun(run)
            late.append(time.monotonic() - last - threshold)
    name = f"f: the threshold's end to the first lease, the longest of {rounds}"
    yield Figure(SECTION, name, max(late), "s", at_most(2, "s"), {"s": late})


def _begun(run: Run) -> None:
    _wait(lambda: run.status != "pending", "the run has begun")


@contextmanager
def _node(here: Grid, someone: Owner | None, policy: dict[str, Any]) -> Iterator[psutil.Process]:
    """A node under a policy, with the owner at its display; without one, nobody uses the machine."""
    profile = "desktop" if someone else "always"
    file = here.data / "policy.toml"
    file.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in policy.items()))
    words = ["--server", here.url, "--profile", profile, "--data", str(here.data / "node"), "--slots", "1"]
    settings = {"IDLEGRID_NODE_POLICY": str(file), **(someone.environment if someone else {})}
    argv = [sys.executable, "-m", "idlegrid", "node", *words]
    with process("node", argv, here.data, lambda: _counts(here, "idle"), settings) as started:
        yield started


@contextmanager
def _run(here: Grid, code: str) -> Iterator[Run]:
    """A run on all cores, cancelled at the end; one that was evicted meanwhile must not come back."""
    with Client(here.url) as client:
        run = client.submit(code, cpu=CORES, memory=HELD_MB * 2, timeout=3600, min_sandbox=1)
        try:
            yield run
        finally:
            run.cancel()


def _counts(here: Grid, state: str) -> bool:
    """Whether the coordinator counts the one node as `idle` or `busy`."""
    return f'"{state}":1' in text(f"{here.url}/stats")


def _guests(node: psutil.Process) -> list[int]:
    """The processes of the code that the node runs: they alone have its nice value."""
    found = []
    for child in node.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found += [child.pid] * (child.nice() == NICEST and child.status() != psutil.STATUS_ZOMBIE)
    return found


def _crowd(node: psutil.Process) -> list[int]:
    """All processes of a run, once there are all."""
    _wait(lambda: len(_guests(node)) >= CROWD, f"{CROWD} busy processes")
    return _guests(node)


def _stands(pids: list[int]) -> bool:
    return all(_state(pid) in "TtZX" for pid in pids)


def _state(pid: int) -> str:
    with suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]
    return "X"


def _held_mb(pids: list[int]) -> float:
    """Memory of processes, in MB; what they share counts once."""
    held = 0
    for pid in pids:
        with suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as file:
            held += next((int(line.split()[1]) for line in file if line.startswith("Pss_Anon:")), 0)
    return held / 1024


def _seconds(cause: Callable[[], None], happened: Callable[[], bool], what: str) -> float:
    """The seconds from a cause to what follows of it."""
    began = time.monotonic()
    cause()
    _wait(happened, what)
    return time.monotonic() - began


def _wait(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        if time.monotonic() > deadline:
            raise NotReady(f"not within {PATIENCE_SECONDS:g} s: {what}")
        time.sleep(LOOK_SECONDS)
