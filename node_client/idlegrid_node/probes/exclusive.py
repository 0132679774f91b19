"""Whether a program runs that wants the machine for itself, by its name (BOINC's exclusive applications)."""

import os
import sys
import time
from collections.abc import Collection, Iterable, Iterator

from idlegrid_node.probes.reading import AbsentError, Reading

EVERY_S = 5.0
"""A look at 400 processes costs some 2 ms on Linux, and 10 elsewhere; BOINC looks every 10 s."""
KEPT = 15
"""So much of a program's name the kernel keeps (TASK_COMM_LEN)."""


class ExclusiveProbe:
    """Answers 1 while one of `programs` runs outside the node's own tree, else 0."""

    def __init__(self, programs: Iterable[str]) -> None:
        self._programs = {_plain(name) for name in programs}
        self._last: Reading | None = None

    def look_for(self, programs: Iterable[str]) -> None:
        """Look for other programs from now on."""
        self._programs, self._last = {_plain(name) for name in programs}, None

    def __call__(self) -> Reading:
        """Look now, or repeat what was seen less than EVERY_S ago. Raises AbsentError when none is named."""
        if not self._programs:
            raise AbsentError("no program is named")
        now, last = time.monotonic(), self._last
        if last is None or now - last.at >= EVERY_S:
            name = self._running()
            self._last = last = Reading(float(bool(name)), f"{name} runs" if name else "none of them runs", now)
        return last

    def _running(self) -> str:
        import psutil

        for pid in _likely(psutil.pids(), self._programs):
            try:
                process = psutil.Process(pid)
                name = process.name()
                if _plain(name) in self._programs and not _ours(process.pid, [p.pid for p in process.parents()]):
                    return name
            except psutil.Error:
                continue
        return ""


def _ours(pid: int, parents: list[int]) -> bool:
    return os.getpid() in {pid, *parents}


def _likely(pids: Iterable[int], programs: Collection[str]) -> Iterator[int]:
    """Yield the processes that may be one of them, told by cheaper means than psutil's where there are any."""
    if sys.platform != "linux":
        yield from pids
        return
    starts = {os.fsdecode(os.fsencode(name)[:KEPT]) for name in programs}
    for pid in pids:
        kept = _kept(pid).casefold()
        if kept in starts or _plain(kept) in programs:
            yield pid


def _kept(pid: int) -> str:
    import psutil

    try:
        with open(f"{psutil.PROCFS_PATH}/{pid}/comm", "rb", 0) as file:
            return os.fsdecode(file.read(KEPT))
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # it has just ended, or is hidden from us
        return ""


def _plain(name: str) -> str:
    return name.casefold().removesuffix(".exe")
