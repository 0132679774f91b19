"""A probe with a time limit. A probe may hang for good (a stuck X server, a dead mount): its thread is then
left alone and the answer is "cannot tell" until it comes back; no second one is started beside it."""

import queue
import threading
import time
from collections.abc import Callable

from idlegrid_node.probes.reading import AbsentError, Reading

Probe = Callable[[], Reading]


class Watched:
    """Asks `probe` in a thread of its own and waits no longer than told."""

    def __init__(self, name: str, probe: Probe) -> None:
        self.name = name
        self._probe = probe
        self._questions: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._answer: Reading | None = None
        self._answered = threading.Event()
        self._answered.set()
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Start to look, unless the last look has not ended."""
        if not self._answered.is_set():
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"probe-{self.name}", daemon=True)
            self._thread.start()
        self._answered.clear()
        self._questions.put(True)

    def answer(self, deadline: float) -> Reading:
        """Return what was seen, waiting until the monotonic time `deadline` at most."""
        now = time.monotonic()
        if not self._answered.wait(max(0.0, deadline - now)) or self._answer is None:
            return Reading(None, f"{self.name} does not answer", now)
        return self._answer

    def close(self) -> None:
        """Let the thread end, once its probe returns."""
        self._questions.put(False)

    def _work(self) -> None:
        while self._questions.get():
            try:
                self._answer = self._probe()
            except AbsentError as error:
                self._answer = Reading(None, str(error), time.monotonic(), absent=True)
            except Exception as error:  # noqa: BLE001 - a thread that ends would never answer again
                self._answer = Reading(None, f"{self.name}: {str(error) or repr(error)}", time.monotonic())
            self._answered.set()
