"""Whether a program runs that wants the machine for itself, by its name (BOINC's exclusive applications)."""

import os
import time
from collections.abc import Iterable

from idlegrid_node.probes.reading import AbsentError, Reading

EVERY_S = 5.0
"""A look at all processes costs some 10 ms; BOINC looks every 10 s."""


class ExclusiveProbe:
    """Answers 1 while one of `programs` runs outside the node's own tree, else 0."""

    def __init__(self, programs: Iterable[str]) -> None:
        self._programs = {_plain(name) for name in programs}
        self._last: Reading | None = None

    def __call__(self) -> Reading:
        """Look now, or repeat what was seen less than EVERY_S ago. Raises AbsentError when none is named."""
        if not self._programs:
            raise AbsentError("no program is named")
        now = time.monotonic()
        if self._last is None or now - self._last.at >= EVERY_S:
            name = self._running()
            self._last = Reading(float(bool(name)), f"{name} runs" if name else "none of them runs", now)
        return self._last

    def _running(self) -> str:
        import psutil

        for process in psutil.process_iter():
            try:
                name = process.name()
                if _plain(name) in self._programs and not _ours(process.pid, [p.pid for p in process.parents()]):
                    return name
            except psutil.Error:
                continue
        return ""


def _ours(pid: int, parents: list[int]) -> bool:
    return os.getpid() in {pid, *parents}


def _plain(name: str) -> str:
    return name.casefold().removesuffix(".exe")
