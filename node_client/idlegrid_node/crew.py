"""The attempts that the node holds, their room, and the ladder that decides over them. One lock for all.

Nothing here waits: not for the coordinator, not for a sandbox.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from idlegrid_node.ladder import Ladder, Position, State
from idlegrid_node.policy import Policy
from idlegrid_node.presence import Signs
from idlegrid_node.reclaims import Reclaim, Return
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
        self._return: Return | None = None
        self._returning: list[Runner] = []
        self._measured: list[Reclaim] = []
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

    def ended(self, runner: Runner, *, evicted: bool = False) -> None:
        """The attempt works no more; it is held, and its room kept, until its report is delivered."""
        with self._moving():
            self._working.discard(runner.lease.lease_id)
            if evicted and self._return is not None:  # also by itself: what cannot be frozen is ended
                self._return.evict()
            self._cpu_of_ended += runner.cpu_seconds
            self._ladder.hold(len(self._working), time.monotonic())
            self._look_who_stands()

    def stood(self) -> None:
        """An attempt stands, or goes on."""
        with self._lock:
            self._look_who_stands()

    def returning(self) -> list[Runner]:
        """Return the attempts from which the owner has taken the machine back, until their memory is free."""
        with self._lock:
            return [] if self._return is None or self._return.weighed else list(self._returning)

    def weigh(self, each: Sequence[float]) -> None:
        """Take what each of `returning` holds, in MB; one that holds too much for too long is evicted."""
        with self._moving():
            now = time.monotonic()
            self._look_who_stands()
            if self._return is not None:
                self._return.weigh(each, self.frozen_memory_mb, now)
                self._ladder.held_memory(max(each, default=0.0), now)
                self._close_return()

    def measured(self) -> list[Reclaim]:
        """Return the owner's returns that were over since the last call."""
        with self._lock:
            measured, self._measured = self._measured, []
            return measured

    @property
    def frozen_memory_mb(self) -> float:
        """The memory in MB that a frozen attempt may keep."""
        return self._ladder.frozen_memory_mb

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

    def adopt(self, policy: Policy) -> None:
        """Go on by another policy."""
        with self._moving():
            self._ladder.adopt(policy, time.monotonic())

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

    def quiet_in_s(self) -> float:
        """Return the seconds until a machine that is only cooling could be idle; else infinite."""
        return self._ladder.quiet_in_s

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
                self._clock(after)
        if after != before:
            self._changed(before, after)

    def _follow(self, position: Position) -> None:
        for key in self._working:
            runner = self._runners[key]
            if position.state is State.FROZEN:
                runner.freeze(position.reason)
            elif position.state is State.EVICTING:
                runner.evict(position.reason, self._ladder.grace_s)
            else:
                runner.thaw()

    def _clock(self, position: Position) -> None:
        """Start, follow and end the measuring of a return; what hands runs back by the clock alone is none."""
        if position.state is State.FROZEN and (self._return is None or self._return.ended):
            self._open_return(position)
        elif position.state is State.EVICTING and self._return is not None:
            self._return.evict()
        elif position.state is not State.FROZEN and self._return is not None:
            self._return.end(thawed=bool(self._working) and not self._unregistered)
            self._close_return()

    def _open_return(self, position: Position) -> None:
        self._close_return(whatever=True)
        age = position.age_s
        self._return = Return(time.time() - age, time.monotonic() - age, position)
        self._returning = [self._runners[key] for key in self._working]

    def _look_who_stands(self) -> None:
        if self._return is not None and all(self._runners[key].state == "frozen" for key in self._working):
            self._return.stand(time.monotonic())

    def _close_return(self, *, whatever: bool = False) -> None:
        if self._return is not None and (whatever or self._return.over):
            self._measured.append(self._return.measured())
            self._return, self._returning = None, []
