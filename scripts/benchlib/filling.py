"""(g) A program that takes 10 GB under a limit of 512 MB: the most that the host gave it, and how long it lived."""

import time
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection

from benchlib.report import Figure, at_most, p50
from benchlib.sandboxes import WAIT_SECONDS, Lab, apart, lab
from idlegrid_node.sandbox.backend import Backend
from idlegrid_node.sandbox.job import DISK_MB, Limits
from idlegrid_node.sandbox.meter import MIB, PAGE, tree
from idlegrid_node.sandbox.sandbox import Sandbox

SECTION = "g memory limit"
LEVELS = (3, 4)
ROUNDS = 5
LIMIT_MB, TARGET_MB = 512, 620
LOOK_SECONDS = 0.002
TAKE_10_GB = {
    "in pieces of 4 MB": "kept = []\nfor _ in range(2560): kept.append(bytearray(2**22))",
    # The quickest that we know: the kernel hands out 2 MB per fault, and to two cores at once.
    "2 processes, huge pages": """
import mmap, os
os.fork()
kept = []
for _ in range(80):
    kept.append(mmap.mmap(-1, 2**26, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
    kept[-1].madvise(mmap.MADV_HUGEPAGE)
    for place in range(0, 2**26, 2**21): kept[-1][place] = 1
""",
}

Found = dict[tuple[str, int], list[tuple[float, float]]]


def figures() -> list[Figure]:
    """Interleave the programs and the levels."""
    return rows(apart(_measure))


def rows(found: Found) -> list[Figure]:
    """The figures of (peak in MB, seconds to the end) by program and level."""
    return [figure for (name, level), pairs in found.items() for figure in _rows(f"10 GB {name}, level {level}", pairs)]


def _rows(name: str, pairs: list[tuple[float, float]]) -> list[Figure]:
    peaks, seconds = zip(*pairs, strict=True)
    detail = {"rounds": len(pairs), "peaks_mb": peaks, "seconds": seconds}
    return [
        Figure(SECTION, f"{name}: highest peak", max(peaks), "MB", at_most(TARGET_MB, "MB"), detail),
        Figure(SECTION, f"{name}: until its end, p50", p50(seconds), "s"),
    ]


def _measure() -> Found:
    with lab(LEVELS) as here:
        kinds = [(name, level) for name in TAKE_10_GB for level in here.backends]
        found: Found = {kind: [] for kind in kinds}
        for _ in range(ROUNDS):
            for name, level in kinds:
                found[name, level].append(_fill(here, here.backends[level], TAKE_10_GB[name]))
    return found


def _fill(here: Lab, backend: Backend, code: str) -> tuple[float, float]:
    """The highest peak of its tree in MB, and the seconds until no process of it was left."""
    sandbox = Sandbox(backend, DISK_MB)
    execution = here.execution(lambda: sandbox, code, Limits(memory_mb=LIMIT_MB, timeout=WAIT_SECONDS))
    sandbox.wait_ready(WAIT_SECONDS)
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    sampler = context.Process(target=_sample, args=(sandbox.pid, theirs))
    sampler.start()
    try:
        ours.recv()
        began = time.perf_counter()
        ending = execution.run()
        execution.close()
        seconds = time.perf_counter() - began
        ours.send("over")
        peak: float = ours.recv()
    finally:
        execution.close()
        sampler.terminate()
        sampler.join()
    if ending.cause != "memory_limit":
        raise RuntimeError(f"it did not end by its memory: {ending}")
    return peak, seconds


def _sample(root: int, line: Connection) -> None:
    """Look at the tree's memory until told that it is over; then say the highest sum, in MB."""
    line.send("watching")
    peak = 0
    while not line.poll(LOOK_SECONDS):
        peak = max(peak, sum(map(_resident, tree(root))))
    line.send(peak / MIB)


def _resident(pid: int) -> int:
    """Resident bytes, what is shared with others included: never too low."""
    with suppress(OSError, IndexError), open(f"/proc/{pid}/statm", "rb") as file:
        return int(file.read().split()[1]) * PAGE
    return 0
