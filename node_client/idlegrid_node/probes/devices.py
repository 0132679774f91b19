"""When a keyboard or a pointer last sent something: the kernel's events are counted, never kept or decoded.

Sees every desktop, X11 or Wayland, and the bare console; needs root or the group `input`.
"""

import os
import time
from pathlib import Path

from idlegrid_node.probes.reading import AbsentError, Reading

FOLDER = Path("/dev/input")
ABOUT = Path("/sys/class/input")
AT_ONCE = 65536
"""Bytes taken with one read: more than the kernel keeps for a reader (64 events of 24 bytes, or 8 packets)."""


class DevicesProbe:
    """Answers with the seconds since the last event, or since this probe began to listen.

    A device is opened once and read at each look without waiting; the events of the time between two looks
    count as now, so that an answer is never too high. `refused` names those that may not be read: a desktop lets
    its user read a game pad, say, and not the keyboard.
    """

    def __init__(self, folder: Path = FOLDER, about: Path = ABOUT) -> None:
        self._folder = folder
        self._about = about
        self._open: dict[str, int] = {}
        self.refused: set[str] = set()
        self._last = time.monotonic()

    def __call__(self) -> Reading:
        """Look now. Raises AbsentError when no device may be read, OSError when they cannot be listed."""
        names = [name for name in _events(self._folder) if name in self._open or self._is_for_people(name)]
        for name in set(self._open) - set(names):
            os.close(self._open.pop(name))
        self.refused = {name for name in names if not self._listens(name)}
        if not self._open:
            raise AbsentError(f"no device in {self._folder} may be read" if names else "no keyboard and no pointer")
        now = time.monotonic()
        # All are read, also after one had something: what is left would count again at the next look.
        sent = [self._sent(name) for name in list(self._open)]
        self._last = now if any(sent) else self._last
        why = f"devices, without {len(self.refused)} that may not be read" if self.refused else "devices"
        return Reading(now - self._last, why, now)

    def close(self) -> None:
        """Listen no more."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _is_for_people(self, name: str) -> bool:
        """Tell whether it has keys or buttons: others are sensors. One that nothing is known of counts."""
        try:
            return set((self._about / name / "device/capabilities/key").read_text()) - set("0 \n") != set()
        except OSError:
            return True

    def _listens(self, name: str) -> bool:
        if name in self._open:
            return True
        try:
            self._open[name] = os.open(self._folder / name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return False
        self._last = time.monotonic()
        return True

    def _sent(self, name: str) -> bool:
        try:
            return bool(os.read(self._open[name], AT_ONCE))
        except BlockingIOError:
            return False
        except OSError:  # unplugged: it is opened anew if it comes back
            os.close(self._open.pop(name))
            return False


def _events(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.startswith("event")]
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise AbsentError(f"no device in {folder} may be read") from error
