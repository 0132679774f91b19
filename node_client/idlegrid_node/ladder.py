"""The ladder of a node's states: who has the machine, its owner or the grid. Pure; the caller brings time.

::

    busy → cooling → idle ⇄ running → frozen → evicting → busy
                                ↑________|

and `unknown` (cannot tell, which counts as busy), `paused` (by the owner; for good, when the operator has
unregistered the node), `draining` (by the operator). `running` for the reason `hours` goes on and takes no more.
Each transition carries one reason code of the protocol. Three promises, tested as properties: after an input
nothing goes on running; what holds the owner's memory is told to leave in time to be gone when the policy says; and
nothing leads from `evicting` back to `running`: a stop once begun is carried through (Folding@home's issue 448 is
what happens otherwise).
"""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from idlegrid_node.policy import Policy
from idlegrid_node.presence import Cause, Presence, Signs


class State(StrEnum):
    """The states, by the protocol's names."""

    BUSY = "busy"
    COOLING = "cooling"
    IDLE = "idle"
    RUNNING = "running"
    FROZEN = "frozen"
    EVICTING = "evicting"
    UNKNOWN = "unknown"
    PAUSED = "paused"
    DRAINING = "draining"


@dataclass(frozen=True)
class Position:
    """A state, the one reason for it, the sign that decided, how old it was, and why it cannot be told (see `Cause`).

    Two positions that differ in the sign alone are the same: only state and reason are a transition.
    """

    state: State
    reason: str
    signal: str = field(default="", compare=False)
    age_s: float = field(default=0.0, compare=False)
    why: str = field(default="", compare=False)


def _position(state: State, cause: Cause) -> Position:
    return Position(state, cause.reason, cause.signal, cause.age_s, cause.why)


class Ladder:
    """Decides the node's state from what is seen, held and ordered.

    `look` takes the probes' signs; `hold` the number of attempts held; `order` what operator and owner want.
    `position` is where the node stands after any of them.
    """

    def __init__(self, policy: Policy, now: float) -> None:
        self._policy = policy
        self._presence = Presence(policy)
        self._held = 0
        self._sandbox: bool | None = None
        self._draining = False
        self._paused = False
        self._unregistered = False
        self._frozen_since: float | None = None
        self._returned_at: float | None = None
        self._memory_mb = 0.0
        self._evicting: Position | None = None
        self.position = Position(State.UNKNOWN, "starting")
        self._settle(now)

    def sandbox(self, now: float, *, works: bool) -> Position:
        """Note whether code can be run safely."""
        self._sandbox = works
        return self._settle(now)

    def look(self, signs: Signs, now: float, local: datetime | None = None) -> Position:
        """Take what the probes see; `local` is the owner's wall clock, which only the closed hours need."""
        self._presence.look(signs, now, local)
        return self._settle(now)

    def hold(self, attempts: int, now: float) -> Position:
        """Note how many attempts the node holds."""
        self._held = attempts
        if not attempts:
            self._evicting = None
        return self._settle(now)

    def held_memory(self, mb: float, now: float) -> Position:
        """Note the most memory that any frozen run still holds, in MB, after the kernel was asked to take it back."""
        self._memory_mb = mb
        return self._settle(now)

    def adopt(self, policy: Policy, now: float) -> Position:
        """Go on by another policy: what was seen, held and ordered stays so."""
        self._policy = policy
        self._presence.adopt(policy)
        return self._settle(now)

    def order(self, now: float, *, draining: bool | None = None, paused: bool | None = None) -> Position:
        """Note what the operator (`draining`) or the owner (`paused`) wants."""
        self._draining = self._draining if draining is None else draining
        self._paused = self._paused if paused is None else paused
        return self._settle(now)

    def unregister(self, now: float) -> Position:
        """The operator wants this node no more: nothing leads back but a new start."""
        self._unregistered = True
        return self._settle(now)

    @property
    def frozen_memory_mb(self) -> float:
        """The memory in MB that a frozen run may keep."""
        return self._policy.frozen_memory_mb

    @property
    def grace_s(self) -> float:
        """The seconds from SIGTERM to SIGKILL of what is evicted now."""
        return self._policy.grace(self.position.reason)

    @property
    def quiet_in_s(self) -> float:
        """The seconds from the last look until a machine that is only cooling could be idle; else infinite."""
        cools = self.position.reason in {"input", "after_return"} and not self._held
        return self._policy.start_after_s - self.position.age_s if cools else math.inf

    @property
    def takes_work(self) -> bool:
        """Whether new attempts may be asked for."""
        return self.position.state in {State.IDLE, State.RUNNING} and self.position.reason != "hours"

    def _settle(self, now: float) -> Position:
        self.position = self._unwanted() or (self._held_position(now) if self._held else self._free_position())
        frozen = self.position.state is State.FROZEN
        self._frozen_since = (self._frozen_since if self._frozen_since is not None else now) if frozen else None
        self._note_return(now)
        if self.position.state is State.EVICTING:
            self._evicting = self.position
        return self.position

    def _note_return(self, now: float) -> None:
        """The owner returned when the first sign of it came, not when it was seen."""
        if self.position.state is State.FROZEN and self._returned_at is None:
            self._returned_at = now - self.position.age_s
        elif self.position.state not in {State.FROZEN, State.EVICTING}:
            self._returned_at, self._memory_mb = None, 0.0

    def _unwanted(self) -> Position | None:
        return Position(State.PAUSED, "unregistered") if self._unregistered else None

    def _free_position(self) -> Position:
        if not self._sandbox:
            return Position(State.UNKNOWN, "starting" if self._sandbox is None else "no_sandbox")
        if self._paused:
            return Position(State.PAUSED, "owner_paused")
        if self._draining:
            return Position(State.DRAINING, "operator_drain")
        return self._owners(self._policy.start_after_s) or self._available(State.IDLE)

    def _held_position(self, now: float) -> Position:
        if self._evicting:
            return self._hurried(self._evicting)
        if closing := self._presence.closing(self._policy.evict_before_s):
            return _position(State.EVICTING, closing)
        if self._frozen_since is not None:
            return self._frozen_position(now, self._frozen_since)
        present = self._paused_by_owner() or self._owners(0.0)
        if present is not None:
            return replace(present, state=State.FROZEN)
        return self._available(State.RUNNING)

    def _frozen_position(self, now: float, since: float) -> Position:
        present = self._paused_by_owner() or self._owners(self._policy.resume_after_s)
        if present is None:
            return self._available(State.RUNNING)
        if short := self._presence.short_of_memory():
            return _position(State.EVICTING, short)
        if self._holds_too_long(now):
            return replace(present, state=State.EVICTING, reason="memory_held")
        if now - since >= self._policy.max_frozen_s:
            return replace(present, state=State.EVICTING, reason="max_frozen")
        return self.position if present.state is State.COOLING else replace(present, state=State.FROZEN)

    def _holds_too_long(self, now: float) -> bool:
        """Whether a run that holds its memory must be told to leave now, to be gone in time."""
        if self._memory_mb <= self._policy.frozen_memory_mb or self._returned_at is None:
            return False
        return now - self._returned_at >= self._policy.memory_kept_s

    def _hurried(self, evicting: Position) -> Position:
        """Return the eviction that goes on: with the short grace, where an owner who is back runs short of memory."""
        short = self._presence.short_of_memory() if self._returned_at is not None else None
        return _position(State.EVICTING, short) if short else evicting

    def _paused_by_owner(self) -> Position | None:
        return Position(State.PAUSED, "owner_paused") if self._paused else None

    def _available(self, state: State) -> Position:
        if self._draining:
            return Position(State.DRAINING, "operator_drain")
        if closing := self._presence.closing(self._policy.no_start_before_s):
            return _position(state, closing)
        return Position(state, "owner_away" if self._policy.watches else "always")

    def _owners(self, quiet_for_s: float) -> Position | None:
        """Return why the owner has the machine, or None if it has been left for `quiet_for_s`."""
        if not self._policy.watches:
            return None
        if blind := self._presence.blind():
            return _position(State.UNKNOWN, blind)
        if use := (None if self._held else self._unfit()) or self._presence.use():
            return _position(State.BUSY, use)
        cooling = self._presence.cooling(quiet_for_s)
        return _position(State.COOLING, cooling) if cooling else None

    def _unfit(self) -> Cause | None:
        """Return why nothing may start on a machine that nobody need be using."""
        return self._presence.closing(self._policy.no_start_before_s) or self._presence.short_of_memory()
