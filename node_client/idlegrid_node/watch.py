"""Looking out for the owner: often while the machine is in use by us, rarely otherwise."""

import threading
import time
from collections.abc import Callable, Mapping

import structlog

from idlegrid_node.policy import Policy
from idlegrid_node.presence import Signs
from idlegrid_node.probes.panel import Panel
from idlegrid_node.probes.reading import Reading

log = structlog.get_logger()


class OwnerWatch:
    """Calls `saw` with what the probes see: every `poll_claimed_s` while `claimed`, else `poll_watching_s`.

    And when it may have been quiet for long enough, by `quiet_in_s`: a machine that is free is not left waiting.
    """

    def __init__(
        self,
        policy: Policy,
        guests: Callable[[], float],
        saw: Callable[[Signs], None],
        claimed: Callable[[], bool],
        quiet_in_s: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._panel = Panel(policy, guests)
        self._saw = saw
        self._claimed = claimed
        self._quiet_in_s = quiet_in_s
        self._look_now = threading.Event()
        self._open = True
        self._thread = threading.Thread(target=self._live, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def now(self) -> None:
        """Look at once: the machine has just been claimed."""
        self._look_now.set()

    def adopt(self, policy: Policy) -> None:
        """Look by another policy from the next look on."""
        self._policy = policy
        self._panel.adopt(policy)

    def readings(self) -> Mapping[str, Reading]:
        """Return what each probe last answered."""
        return self._panel.readings()

    def close(self) -> None:
        """Look no more."""
        self._open = False
        self._look_now.set()
        self._panel.close()

    def _period(self) -> float:
        often, seldom = self._policy.poll_claimed_s, self._policy.poll_watching_s
        return often if self._claimed() else min(seldom, max(often, self._quiet_in_s()))

    def _live(self) -> None:
        while self._open:
            began = time.monotonic()
            try:
                signs = self._panel.look()
            except Exception as error:
                log.exception("probes_failed", action="watch", reason=repr(error))
                signs = Signs()
            self._saw(signs)
            self._look_now.wait(max(0.0, began + self._period() - time.monotonic()))
            self._look_now.clear()
