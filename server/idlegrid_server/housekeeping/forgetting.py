"""A thread that forgets what need not be kept, a little at a time, so that nobody else waits for it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from idlegrid_server.core.errors import GridError
from idlegrid_server.core.ports import Clock
from idlegrid_server.core.retention import Walk

log = structlog.get_logger(__name__)

REST: Final = 4.0
"""After a transaction the record is left alone for so many times as long as it took: a fifth of the time at most is
forgetting's."""
LEAST_REST: Final = 0.01
"""Seconds of rest at least, so that whoever waited meanwhile gets his turn."""


class Forgetter:
    """Carries out a plan of walks when woken; whatever it is interrupted in, the next plan goes on there."""

    def __init__(self, plan: Callable[[float], Iterable[Walk]], clock: Clock, *, rest: float = REST) -> None:
        """`plan` gives the walks for a time of the clock; `rest` is 0 for one who has nobody to wait for him."""
        self._plan, self._clock, self._rest = plan, clock, rest
        self._woken, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="forgetting", daemon=True)

    def start(self) -> None:
        """Forget from now on whenever woken, in a thread."""
        self._thread.start()

    def wake(self) -> None:
        """Look for what is old now; nothing new begins while that is under way. From any thread."""
        self._woken.set()

    def stop(self) -> None:
        """End after the transaction under way."""
        self._stopped.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while self._woken.wait() and not self._stopped.is_set():
            self._woken.clear()
            try:
                self.forget()
            except GridError as error:
                log.warning("forgetting put off", action="forget", reason=str(error))
            except Exception:
                log.exception("forgetting failed", action="forget")

    def forget(self) -> Counter[str]:
        """All that is old enough now, or as much as there is time for; how many rows of each kind. Raises GridError."""
        dropped = Counter[str]()
        try:
            for walk in self._plan(self._clock.now()):
                self._follow(walk, dropped)
        finally:
            if dropped:
                log.info("forgotten", action="forget", **dropped)
        return dropped

    def _follow(self, walk: Walk, dropped: Counter[str]) -> None:
        while not self._stopped.is_set() and (step := walk.step()) is not None:
            if step.dropped:
                dropped[walk.name] += step.dropped
            if self._rest and step.held:
                self._stopped.wait(max(LEAST_REST, self._rest * step.held))
