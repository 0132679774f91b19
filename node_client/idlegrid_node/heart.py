"""The heartbeat: every few seconds, and at once when something has changed."""

import threading
import time
from collections.abc import Callable

import structlog

from idlegrid.errors import IdlegridError
from idlegrid_node.link import Backoff

log = structlog.get_logger()


class Heart:
    """Calls `beat` when it is due; `beat` returns the seconds to the next one, and may raise IdlegridError."""

    def __init__(self, beat: Callable[[], float]) -> None:
        self._beat = beat
        self._due = time.monotonic()
        self._not_before = 0.0
        self._changed = threading.Condition()
        self._open = True
        self._backoff = Backoff()
        self._thread = threading.Thread(target=self._live, name="heart", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def soon(self, within: float = 0.0) -> None:
        """Beat within so many seconds, unless the coordinator does not answer: then by its backoff."""
        due = time.monotonic() + within
        with self._changed:
            if due < self._due:
                self._due = due
                self._changed.notify_all()

    def close(self) -> None:
        """Beat no more."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def _live(self) -> None:
        while self._wait():
            try:
                interval = self._beat()
            except IdlegridError as error:
                interval = self._failed(str(error))
            except Exception as error:
                # A full disk, no more threads: the node must live to see the end of it.
                log.exception("heartbeat_broken", action="heartbeat")
                interval = self._failed(str(error))
            else:
                self._backoff.reset()
            self.soon(interval)

    def _failed(self, reason: str) -> float:
        """Return how long to wait; nothing may shorten that."""
        interval = self._backoff.seconds()
        self._not_before = time.monotonic() + interval
        log.warning("heartbeat_failed", action="heartbeat", reason=reason, again_in_s=round(interval, 1))
        return interval

    def _wait(self) -> bool:
        """Wait until a beat is due; False when there shall be no more."""
        with self._changed:
            while self._open:
                left = max(self._due, self._not_before) - time.monotonic()
                if left <= 0:
                    self._due = float("inf")
                    return True
                self._changed.wait(left)
            return False
