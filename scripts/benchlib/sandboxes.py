"""Sandboxes of this machine for the figures that need no grid: by level, each as the node's self-test gives it."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from idlegrid_node.sandbox import interpreters
from idlegrid_node.sandbox.backend import Backend
from idlegrid_node.sandbox.cores import Placement
from idlegrid_node.sandbox.execution import Execution
from idlegrid_node.sandbox.files import FilesOut
from idlegrid_node.sandbox.floor import HostFloor
from idlegrid_node.sandbox.job import Job, Limits
from idlegrid_node.sandbox.limits import Host, Watcher
from idlegrid_node.sandbox.sandbox import Sandbox
from idlegrid_node.sandbox.selftest import Means, choose
from idlegrid_node.sandbox.users import SlotUsers

WAIT_SECONDS = 30.0
"""How long anything here may take before the measurement is given up."""
POLL_SECONDS = 0.0005

Result = TypeVar("Result")


class TooSlow(Exception):
    """What was waited for did not happen; the message names it."""


@dataclass(frozen=True)
class Lab:
    """What the figures share: a backend for each level that holds here, and what a node shares among its jobs."""

    backends: dict[int, Backend]
    folder: Path
    host: Host

    def execution(self, open_sandbox: Callable[[], Sandbox], code: str, limits: Limits) -> Execution:
        """One job as the node runs it, with a watcher and a place for files."""
        return Execution(open_sandbox, Job(code, limits=limits), Watcher(limits, self.host), FilesOut(self.folder))


@contextmanager
def lab(levels: Sequence[int], packages: Path | None = None, preload: tuple[str, ...] = ()) -> Iterator[Lab]:
    """Find the backends; a level that does not hold here is left out. To be entered before there is a thread."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="idlegrid-bench-")))
        staged = interpreters.stage(packages)
        users = SlotUsers() if os.geteuid() == 0 else None
        shown = interpreters.packages(packages, staged=staged)
        found = {level: choose(Means(staged, users, shown, preload, max_level=level)).backend for level in levels}
        held = {level: backend for level, backend in found.items() if backend and backend.level == level}
        yield Lab(held, folder / "files", Host(HostFloor(0.0), Placement()))


def apart(measure: Callable[..., Result], *arguments: Any) -> Result:
    """Call it in a process of its own: as root the sandbox changes what its process sees of the file system."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=_answer, args=(theirs, measure, arguments))
    worker.start()
    theirs.close()
    try:
        result: Result = ours.recv()
    except EOFError as error:
        raise RuntimeError("nothing was measured: the reason stands above") from error
    finally:
        worker.terminate()
        worker.join()
    return result


def until(happened: Callable[[], bool], what: str) -> float:
    """Wait for it; returns the milliseconds that it took. Raises `TooSlow`."""
    began = time.perf_counter()
    while not happened():
        if time.perf_counter() - began > WAIT_SECONDS:
            raise TooSlow(f"not within {WAIT_SECONDS:g} s: {what}")
        time.sleep(POLL_SECONDS)
    return (time.perf_counter() - began) * 1000


def _answer(answer: Connection, measure: Callable[..., Result], arguments: tuple[Any, ...]) -> None:
    answer.send(measure(*arguments))
