"""When something was last typed on a terminal: a login over ssh, a console, a window with a shell.

Only the times of the devices are looked at, which needs no rights; the kernel keeps them with a grain of 8 s.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from idlegrid_node.probes.reading import AbsentError, Reading

FOLDER = Path("/dev")


class TerminalsProbe:
    """Answers with the seconds since the last input on any of them, listed anew at each look."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError where there is no terminal, OSError when they cannot be listed."""
        now = time.time()
        ages = [max(0.0, now - at) for at in _times(self._folder)]
        if not ages:
            raise AbsentError("no terminal is open")
        return Reading(min(ages), "terminals", time.monotonic())


def _times(folder: Path) -> Iterator[float]:
    for name in _listed(folder / "pts"):
        if name.isdigit():
            yield from _time(folder / "pts" / name)
    for name in _listed(folder):
        # ttyS and ttyACM are serial adapters, not people.
        if name.startswith("tty") and name[3:].isdigit():
            yield from _time(folder / name, login=True)


def _time(path: Path, *, login: bool = False) -> Iterator[float]:
    try:
        status = os.stat(path)
    except OSError:  # closed just now
        return
    if not login or status.st_uid != 0:  # an unused console belongs to root
        yield status.st_atime


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, PermissionError):
        return []
