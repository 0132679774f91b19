"""Taking the memory of frozen runs back, and telling how long each return of the owner took.

Its thread alone waits for the kernel, which may take seconds over it: looking out for the owner goes on meanwhile.
"""

import threading
from collections.abc import Callable, Sequence

import structlog

from idlegrid_node.crew import Crew
from idlegrid_node.ladder import State
from idlegrid_node.reclaims import Reclaims
from idlegrid_node.runner import Runner

log = structlog.get_logger()
CHUNK_MB = 256.0
"""As much at a time: between two the thread looks whether the runs still stand."""
STANDING_SECONDS = 1.0
"""How often the memory of what stands is looked at; it changes by the kernel's hand alone."""
MOVING_SECONDS = 0.1
"""And how often while runs are being frozen or ended: as fine is what is measured."""


class Reclaimer:
    """Works while the owner is back and runs are held. `told` is called when another return was measured."""

    def __init__(self, crew: Crew, reclaims: Reclaims, told: Callable[[], None]) -> None:
        self._crew = crew
        self._reclaims = reclaims
        self._told = told
        self._spent: set[Runner] = set()
        self._look_now = threading.Event()
        self._open = True
        self._thread = threading.Thread(target=self._live, name="reclaim", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def now(self) -> None:
        """Look at once: something has moved."""
        self._look_now.set()

    def close(self) -> None:
        """Look no more."""
        self._open = False
        self._look_now.set()

    def _live(self) -> None:
        while self._open:
            period: float | None = STANDING_SECONDS
            try:
                period = self._round()
            except Exception:
                log.exception("reclaim_broken", action="reclaim")
            self._look_now.wait(period)
            self._look_now.clear()

    def _round(self) -> float | None:
        """Look at what is held, take some of it back, and tell what was measured; returns when to look again."""
        period = self._look(self._crew.returning())
        for reclaim in self._crew.measured():
            self._reclaims.add(reclaim)
            log.info("reclaimed", action="reclaim", **reclaim.as_json())
            self._told()
        return period

    def _look(self, runners: Sequence[Runner]) -> float | None:
        self._spent &= set(runners)
        if not runners:
            return None
        allowed = self._crew.frozen_memory_mb
        each = [runner.held_mb(allowed) for runner in runners]
        self._crew.weigh(each)
        greedy = [runner for runner, mb in zip(runners, each, strict=True) if mb > allowed]
        if any(self._take_back(runner) for runner in greedy if runner not in self._spent):
            return 0.0
        for runner in greedy:
            if runner.state == "stopping":
                runner.release()
        standing = self._crew.position.state is State.FROZEN and all(runner.state == "frozen" for runner in runners)
        return STANDING_SECONDS if standing else MOVING_SECONDS

    def _take_back(self, runner: Runner) -> bool:
        """Return whether the kernel took anything back; a run of which it takes nothing is not asked for again."""
        if runner.state != "frozen":
            return False
        taken = runner.reclaim(CHUNK_MB) >= 1.0
        if not taken:
            self._spent.add(runner)
        return taken
