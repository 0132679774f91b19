"""(e) From start to result of `print(1)` in a sandbox, waiting or not, beside the bare start of an interpreter."""

import os
import random
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchlib.report import Figure, Target, p50, spread
from benchlib.sandboxes import Lab, apart, lab, until
from idlegrid_node.policy import DESKTOP
from idlegrid_node.sandbox.backend import Backend
from idlegrid_node.sandbox.job import DISK_MB, Limits
from idlegrid_node.sandbox.pool import Pool
from idlegrid_node.sandbox.sandbox import Sandbox

SECTION = "e sandbox start"
LEVELS = (3, 2, 4)
WARM_UP = 3
BARE = "python3 -I -S -c pass"
OTHERS = {
    "cold": "start to result of print(1), level 3, none waiting",
    "refill": "from taking one until the next waits, level 3",
}
LIMITS = Limits(memory_mb=128, timeout=60.0)

Times = dict[str, list[float]]


def figures(rounds: int) -> list[Figure]:
    """Interleave all in a new order each round."""
    return rows(apart(_measure, rounds))


def rows(times: Times) -> list[Figure]:
    """The figures of milliseconds by name; a level that does not hold on this machine has none."""
    site = Target(p50(times["site"]), "python3 -c pass, p50", "≤", 0.4)
    bare = Target(p50(times["bare"]), "python3 -I -S -c pass, p50", "≤", None)
    figures = spread(SECTION, "python3 -c pass", times["site"]) + spread(SECTION, BARE, times["bare"])
    for level in LEVELS:
        if f"warm {level}" in times:
            name = f"start to result of print(1), level {level}, waiting"
            figures += spread(SECTION, name, times[f"warm {level}"], site)
            figures.append(spread(SECTION, name, times[f"warm {level}"], bare)[0])
    for kind, name in OTHERS.items():
        if kind in times:
            figures += spread(SECTION, name, times[kind])
    return figures


def _measure(rounds: int) -> Times:
    with ExitStack() as stack:
        here = stack.enter_context(lab(LEVELS))
        site = stack.enter_context(TemporaryDirectory(prefix="idlegrid-bench-"))
        venv.create(site, symlinks=True)
        pools = {level: _pool(backend, stack) for level, backend in here.backends.items()}
        kinds = _kinds(here, pools, Path(site))
        times: Times = {kind: [] for kind in (*kinds, "refill")}
        order = random.Random(1)
        for _ in range(WARM_UP + rounds):
            for kind in order.sample(list(kinds), len(kinds)):
                _all_wait(pools)
                began = time.perf_counter()
                times[kind].append(kinds[kind]())
                if kind == "warm 3":
                    until(lambda: pools[3].waiting() == DESKTOP.warm_sandboxes, "the next sandbox waits")
                    times["refill"].append((time.perf_counter() - began) * 1000)
    return {kind: values[WARM_UP:] for kind, values in times.items() if values}


def _kinds(here: Lab, pools: dict[int, Pool], site: Path) -> dict[str, Callable[[], float]]:
    kinds: dict[str, Callable[[], float]] = {
        # Of the interpreter's own site-packages anything may run at each start: an empty environment has none.
        "site": partial(_start, [str(site / "bin" / "python"), "-c", "pass"]),
        "bare": partial(_start, [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-c", "pass"]),
    }
    for level, backend in here.backends.items():
        kinds[f"warm {level}"] = partial(_run, here, partial(pools[level].take, backend, DISK_MB))
    if 3 in here.backends:
        kinds["cold"] = partial(_run, here, partial(Sandbox, here.backends[3], DISK_MB))
    return kinds


def _pool(backend: Backend, stack: ExitStack) -> Pool:
    pool = Pool(DESKTOP.warm_sandboxes, failed=lambda reason: print(reason, file=sys.stderr))
    pool.start()
    stack.callback(pool.close)
    pool.use(backend)
    pool.allow(filling=True)
    return pool


def _all_wait(pools: dict[int, Pool]) -> None:
    until(lambda: all(pool.waiting() == DESKTOP.warm_sandboxes for pool in pools.values()), "sandboxes wait")


def _run(here: Lab, open_sandbox: Callable[[], Sandbox]) -> float:
    """Milliseconds until output and exit are there; what is tidied afterwards is not in it."""
    began = time.perf_counter()
    execution = here.execution(open_sandbox, "print(1)", LIMITS)
    ending = execution.run()
    took = (time.perf_counter() - began) * 1000
    execution.close()
    if (ending.status, ending.out.text()) != (0, "1\n"):
        raise RuntimeError(f"print(1) did not print 1: {ending}")
    return took


def _start(words: list[str]) -> float:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    began = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.PIPE, env=environment)
    return (time.perf_counter() - began) * 1000
