"""The attempts that the node holds, their room, and the ladder that decides over them. One lock for all.

Nothing here waits: not for the coordinator, not for a sandbox.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from idlegrid_node.ladder import Ladder, Position, State
from idlegrid_node.policy import Policy
from idlegrid_node.presence import Signs
from idlegrid_node.runner import Runner
from idlegrid_node.slots import Room, Slots


class Crew:
    """Runners by lease id. `changed` is called with each transition of the ladder (from, to), unlocked."""

    def __init__(self, policy: Policy, offered: Room, changed: Callable[[Position, Position], None]) -> None:
        self._lock = threading.RLock()
        self._left = threading.Condition(self._lock)
        self._ladder = Ladder(policy, time.monotonic())
        self._slots = Slots(offered)
        self._runners: dict[str, Runner] = {}
        self._working: set[str] = set()
        self._cpu_of_ended = 0.0
        self._changed = changed
        self._since = time.time()
        self._leaving = False
        self._unregistered = False

    @property
    def position(self) -> Position:
        """Where the ladder stands."""
        return self._ladder.position

    @property
    def since(self) -> float:
        """The epoch time at which it came to stand there."""
        return self._since

    @property
    def offered(self) -> Room:
        """What the node offers in all."""
        return self._slots.offered

    @property
    def unregistered(self) -> bool:
        """Whether the operator wants this node no more."""
        return self._unregistered

    def room(self) -> Room:
        """Return what may be asked for now."""
        with self._lock:
            free = self._slots.free
            return free if self._takes_work() else Room(0, free.cpu, free.memory_mb)

    def admit(self, lease_id: str, make: Callable[[], Runner]) -> Runner | None:
        """Take an attempt in and account for it; None when the node takes none, or has this one already."""
        with self._moving():
            if not self._takes_work() or lease_id in self._runners:
                return None
            runner = make()
            self._runners[lease_id] = runner
            self._working.add(lease_id)
            self._slots.take(lease_id, runner.lease.cpu, runner.lease.memory_mb)
            self._ladder.hold(len(self._working), time.monotonic())
            return runner

    def holds(self, lease_id: str) -> bool:
        """Tell whether an attempt is held."""
        return lease_id in self._runners

    def share(self, runner: Runner) -> Room:
        """Return what may be asked for in place of an attempt that has ended: what it took, and no more.

        The rest is asked for by the open poll; asked for twice it would be given twice.
        """
        lease = runner.lease
        return Room(1 if self._takes_work() else 0, lease.cpu, lease.memory_mb)

    def ended(self, runner: Runner) -> None:
        """The attempt works no more; it is held, and its room kept, until its report is delivered."""
        with self._moving():
            self._working.discard(runner.lease.lease_id)
            self._cpu_of_ended += runner.cpu_seconds
            self._ladder.hold(len(self._working), time.monotonic())

    def forget(self, runner: Runner) -> None:
        """Hold an attempt no more, and give its room to others."""
        with self._lock:
            self._slots.release(runner.lease.lease_id)
            self._runners.pop(runner.lease.lease_id, None)
            self._left.notify_all()

    def saw(self, signs: Signs) -> None:
        """Take what the probes see."""
        with self._moving():
            self._ladder.look(signs, time.monotonic(), datetime.now().astimezone())

    def sandbox(self, *, works: bool) -> None:
        """Note whether code can be run safely."""
        with self._moving():
            self._ladder.sandbox(time.monotonic(), works=works)

    def drain(self, *, draining: bool) -> None:
        """Take no more work (the operator's wish), or take it again."""
        with self._moving():
            self._ladder.order(time.monotonic(), draining=draining)

    def pause(self, *, paused: bool) -> None:
        """Let all stand still and take no more work (the owner's wish), or go on. Said again it only looks anew."""
        with self._moving():
            self._ladder.order(time.monotonic(), paused=paused)

    def unregister(self) -> bool:
        """End all, with nothing to report, and take no more for good; False when that was said before."""
        with self._moving():
            first, self._unregistered = not self._unregistered, True
            self._ladder.unregister(time.monotonic())
            for runner in self._runners.values():
                runner.stop("lease_gone")
        return first

    def stop(self, lease_id: str, reason: str) -> bool:
        """End one attempt; False when it is not held."""
        with self._lock:
            runner = self._runners.get(lease_id)
        if runner is not None:
            runner.stop(reason)
        return runner is not None

    def leave(self, timeout: float) -> bool:
        """End all and wait until none is held; True when none is."""
        with self._lock:
            self._leaving = True
            for runner in self._runners.values():
                runner.stop("shutdown")
            return self._left.wait_for(lambda: not self._runners, timeout)

    def runners(self) -> list[Runner]:
        """Return the attempts held now."""
        with self._lock:
            return list(self._runners.values())

    def working(self) -> bool:
        """Tell whether any attempt runs or stands frozen."""
        return bool(self._working)

    def cpu_seconds(self) -> float:
        """Return the CPU seconds that all attempts have used so far."""
        with self._lock:
            return self._cpu_of_ended + sum(self._runners[key].cpu_seconds for key in self._working)

    def _takes_work(self) -> bool:
        return self._ladder.takes_work and not self._leaving

    @contextmanager
    def _moving(self) -> Iterator[None]:
        """Hold the lock over a step of the ladder, and let the runners follow it."""
        with self._lock:
            before = self._ladder.position
            yield
            after = self._ladder.position
            if after != before:
                self._since = time.time()
                self._follow(after)
        if after != before:
            self._changed(before, after)

    def _follow(self, position: Position) -> None:
        for key in self._working:
            runner = self._runners[key]
            if position.state is State.FROZEN:
                runner.freeze(position.reason)
            elif position.state is State.EVICTING:
                runner.stop(f"evicted:{position.reason}")
            else:
                runner.thaw()
