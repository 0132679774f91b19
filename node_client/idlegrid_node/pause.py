"""The owner's pause: kept in the data folder, over restarts, until its time or until the owner ends it.

Its end is a time of the wall clock: a laptop that sleeps through it wakes unpaused.
"""

import json
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from idlegrid_node.errors import SettingsError
from idlegrid_node.settings import write_whole

log = structlog.get_logger()
FILE = "pause.json"
LOOK_SECONDS = 5.0
"""How often a pause is looked at: its end may come by a clock that was set, and what it froze ages meanwhile."""
UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
LONGEST = 366 * 86400.0
_DURATION = re.compile("".join(f"(?:([0-9]{{1,6}}){unit})?" for unit in UNITS))


@dataclass(frozen=True)
class Pause:
    """Since when, and until when (None: until it is ended), as epoch times."""

    since: float
    until: float | None = None

    def holds(self, now: float) -> bool:
        """Tell whether it is not over yet."""
        return self.until is None or now < self.until

    def as_json(self) -> dict[str, float | None]:
        """Return it by its names."""
        return asdict(self)


def duration(text: str) -> float:
    """Return 30m, 1h or 2h30m in seconds. Raises `SettingsError`."""
    found = _DURATION.fullmatch(text)
    parts = zip(UNITS.values(), found.groups(), strict=True) if found else ()
    seconds = sum(unit * int(count) for unit, count in parts if count)
    if not 0 < seconds <= LONGEST:
        raise SettingsError(f"{text!r} is no time for a pause: write 30m, 1h or 2h30m, at most a year")
    return seconds


def read(folder: Path, now: float) -> Pause | None:
    """Return the kept pause, unless there is none or it is over."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept: Any = json.loads((folder / FILE).read_text("utf-8"))
        pause = Pause(float(kept["since"]), None if kept["until"] is None else float(kept["until"]))
        return pause if pause.holds(now) else None
    return None


def keep(folder: Path, pause: Pause | None) -> None:
    """Write a pause down, or None for none. Raises OSError."""
    if pause is None:
        (folder / FILE).unlink(missing_ok=True)
    else:
        write_whole(folder / FILE, json.dumps(pause.as_json()))


class PauseKeeper:
    """Holds the node to the owner's pause: `apply` is told True at its start and every LOOK_SECONDS, False at its end.

    Safe between threads.
    """

    def __init__(self, folder: Path, apply: Callable[[bool], None], clock: Callable[[], float] = time.time) -> None:
        self._folder, self._apply, self._clock = folder, apply, clock
        self._changed = threading.Condition()
        self._pause: Pause | None = None
        self._open = True
        self._thread = threading.Thread(target=self._live, name="pause", daemon=True)

    @property
    def pause(self) -> Pause | None:
        """The pause that holds now."""
        return self._pause

    def start(self) -> None:
        """Take up the pause that an earlier start of the node left."""
        with self._changed:
            self._pause = read(self._folder, self._clock()) or self._pause
            if self._pause is not None:
                self._apply(True)
        self._thread.start()

    def begin(self, until: float | None) -> None:
        """Pause at once. Raises OSError when that holds, but cannot be kept over a restart."""
        self._set(Pause(self._clock(), until))

    def end(self) -> None:
        """Pause no more. Raises OSError when that holds, but a restart would pause again."""
        self._set(None)

    def close(self) -> None:
        """Look no more."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def _set(self, pause: Pause | None) -> None:
        with self._changed:
            self._pause = pause
            self._apply(pause is not None)
            self._changed.notify_all()
            keep(self._folder, pause)

    def _live(self) -> None:
        with self._changed:
            while self._open:
                self._changed.wait(self._patience())
                try:
                    self._look()
                except OSError as error:
                    log.warning("pause_not_kept", action="pause", reason=str(error))

    def _look(self) -> None:
        if self._pause is None:
            return
        if self._pause.holds(self._clock()):
            self._apply(True)
        else:
            self._set(None)

    def _patience(self) -> float | None:
        """Return how long to sleep: with no pause until there is one."""
        if self._pause is None:
            return None
        left = LOOK_SECONDS if self._pause.until is None else self._pause.until - self._clock()
        return min(LOOK_SECONDS, max(0.0, left))
