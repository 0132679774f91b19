"""Sandboxes that wait for a job: each is used once, and a fresh one takes its place while nobody needs the time.

A waiting sandbox has started its interpreter and imported what the node's settings ask for: of a run's start only
the code itself is left. Nothing is shared between two of them.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

import structlog

from idlegrid_node.errors import SandboxUnavailable
from idlegrid_node.sandbox.backend import Backend
from idlegrid_node.sandbox.job import DISK_MB
from idlegrid_node.sandbox.sandbox import Sandbox

log = structlog.get_logger()
READY_SECONDS = 60.0
REFILL_AFTER_SECONDS = 0.02
"""A run that has just begun has the processor first: most are over by then."""
FAILED_PAUSE_SECONDS = 5.0
"""A sandbox that passes its test and then cannot be had is not asked for without end."""


class Pool:
    """Keeps up to `size` sandboxes waiting. `failed` is called, by its thread, when one cannot be had.

    Its thread starts them and lives as long as they do: bubblewrap dies with the *thread* that started it.
    """

    def __init__(self, size: int, failed: Callable[[str], None]) -> None:
        self._size = size
        self._failed = failed
        self._backend: Backend | None = None
        self._allowed = False
        self._open = True
        self._waiting: deque[Sandbox] = deque()
        self._starting: Sandbox | None = None
        self._not_before = 0.0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._keep_filled, name="pool", daemon=True)

    def start(self) -> None:
        """Begin to fill."""
        self._thread.start()

    def use(self, backend: Backend | None) -> None:
        """Fill with sandboxes of this backend from now on; those of another are dropped. None: none."""
        with self._changed:
            self._backend = backend
            self._drop()

    def allow(self, *, filling: bool) -> None:
        """Fill, or drop all: what waits takes the owner's memory."""
        with self._changed:
            if filling != self._allowed:
                self._allowed = filling
                if not filling:
                    self._drop()
                self._changed.notify_all()

    def take(self, backend: Backend, disk_mb: int) -> Sandbox:
        """Return a sandbox for one job: a waiting one, else one that is just being started, by this thread.

        Raises OSError or `SandboxUnavailable` when none can be started.
        """
        with self._changed:
            self._not_before = time.monotonic() + REFILL_AFTER_SECONDS
            while self._waiting and backend is self._backend and disk_mb == DISK_MB:
                sandbox = self._waiting.popleft()
                self._changed.notify_all()
                if sandbox.is_alive():
                    return sandbox
                sandbox.close()
        return Sandbox(backend, disk_mb)

    def waiting(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def close(self) -> None:
        """Drop all and fill no more. What was taken from here must have ended: its starter ends now."""
        with self._changed:
            self._open = False
            self._drop()
        if self._thread.is_alive():
            self._thread.join()

    def _drop(self) -> None:
        if self._starting is not None:
            self._starting.kill()
        while self._waiting:
            self._waiting.popleft().close()
        self._changed.notify_all()

    def _keep_filled(self) -> None:
        while (backend := self._wanted()) is not None:
            try:
                self._keep(backend, Sandbox(backend, DISK_MB))
            except (OSError, SandboxUnavailable) as error:
                self._give_up(backend, str(error))
            except Exception as error:
                # This thread must live as long as the sandboxes that it has started.
                log.exception("pool_broken", action="pool")
                self._give_up(backend, str(error))

    def _wanted(self) -> Backend | None:
        """Wait until there is room for one more; None when it is over."""
        with self._changed:
            while self._open:
                pause = self._not_before - time.monotonic()
                if not self._lacks():
                    self._changed.wait()
                elif pause > 0:
                    self._changed.wait(pause)
                else:
                    return self._backend
            return None

    def _lacks(self) -> bool:
        return self._allowed and self._backend is not None and len(self._waiting) < self._size

    def _keep(self, backend: Backend, sandbox: Sandbox) -> None:
        """Wait until it is ready and put it with the others; closed when it fails, or is not wanted any more."""
        self._starting = sandbox
        try:
            sandbox.wait_ready(READY_SECONDS)
        except BaseException:
            sandbox.close()
            raise
        finally:
            self._starting = None
        with self._changed:
            if self._open and self._allowed and backend is self._backend:
                self._waiting.append(sandbox)
                return
        sandbox.close()

    def _give_up(self, backend: Backend, reason: str) -> None:
        """Stop filling until there is a backend again: a machine that has lost its sandbox must say so."""
        with self._changed:
            if not (self._open and self._allowed and backend is self._backend):
                return
            self._backend = None
            self._not_before = time.monotonic() + FAILED_PAUSE_SECONDS
        log.warning("pool_failed", action="pool", reason=reason)
        self._failed(reason)
