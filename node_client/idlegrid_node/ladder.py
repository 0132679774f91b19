"""The ladder of a node's states: who has the machine, its owner or the grid. Pure; the caller brings time.

::

    busy → cooling → idle ⇄ running → frozen → evicting → busy
                                ↑________|

and `unknown` (cannot tell, which counts as busy), `paused` (by the owner; for good, when the operator has
unregistered the node), `draining` (by the operator).
Each transition carries one reason code of the protocol. Two promises, tested as properties: after an input
nothing goes on running, and nothing leads from `evicting` back to `running`: a stop once begun is carried
through (Folding@home's issue 448 is what happens otherwise).
"""

from dataclasses import dataclass
from enum import StrEnum

from idlegrid_node.policy import Policy


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
class Signs:
    """What the probes see now; None is "cannot tell".

    `input_idle_s`: seconds since the last input of any kind; `other_cpu_pct`: other programs' share of all
    cores; `free_memory_pct`: memory available to the owner.
    """

    input_idle_s: float | None = None
    other_cpu_pct: float | None = None
    on_battery: bool | None = None
    free_memory_pct: float | None = None


@dataclass(frozen=True)
class Position:
    """A state and the one reason for it."""

    state: State
    reason: str


class Hysteresis:
    """Becomes true after `on_s` seconds of true, and false after `off_s` seconds of false."""

    def __init__(self, on_s: float, off_s: float) -> None:
        self.value = False
        self._on_s = on_s
        self._off_s = off_s
        self._since: float | None = None

    def feed(self, *, above: bool, below: bool, now: float) -> bool:
        """Take what is seen now (`above` raises, `below` clears, neither leaves as is)."""
        turning = below if self.value else above
        if not turning:
            self._since = None
            return self.value
        self._since = now if self._since is None else self._since
        if now - self._since >= (self._off_s if self.value else self._on_s):
            self.value, self._since = not self.value, None
        return self.value


class Ladder:
    """Decides the node's state from what is seen, held and ordered.

    `look` takes the probes' signs; `hold` the number of attempts held; `order` what operator and owner want.
    `position` is where the node stands after any of them.
    """

    def __init__(self, policy: Policy, now: float) -> None:
        self._policy = policy
        self._cpu = Hysteresis(policy.busy_for_s, policy.clear_for_s)
        self._battery = Hysteresis(0.0, policy.ac_stable_s)
        self._held = 0
        self._sandbox: bool | None = None
        self._draining = False
        self._paused = False
        self._unregistered = False
        self._signs: Signs | None = None
        self._frozen_since: float | None = None
        self._evicting = ""
        self.position = Position(State.UNKNOWN, "starting")
        self._settle(now)

    def sandbox(self, now: float, *, works: bool) -> Position:
        """Note whether code can be run safely."""
        self._sandbox = works
        return self._settle(now)

    def look(self, signs: Signs, now: float) -> Position:
        """Take what the probes see."""
        self._signs = signs
        cpu, battery = signs.other_cpu_pct, signs.on_battery
        if cpu is not None:
            policy = self._policy
            self._cpu.feed(above=cpu > policy.busy_above_pct, below=cpu < policy.clear_below_pct, now=now)
        if battery is not None:
            self._battery.feed(above=battery, below=not battery, now=now)
        return self._settle(now)

    def hold(self, attempts: int, now: float) -> Position:
        """Note how many attempts the node holds."""
        self._held = attempts
        if not attempts:
            self._evicting = ""
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
    def takes_work(self) -> bool:
        """Whether new attempts may be asked for."""
        return self.position.state in {State.IDLE, State.RUNNING}

    def _settle(self, now: float) -> Position:
        self.position = self._unwanted() or (self._held_position(now) if self._held else self._free_position())
        frozen = self.position.state is State.FROZEN
        self._frozen_since = (self._frozen_since if self._frozen_since is not None else now) if frozen else None
        if self.position.state is State.EVICTING:
            self._evicting = self.position.reason
        return self.position

    def _unwanted(self) -> Position | None:
        return Position(State.PAUSED, "unregistered") if self._unregistered else None

    def _free_position(self) -> Position:
        if not self._sandbox:
            return Position(State.UNKNOWN, "starting" if self._sandbox is None else "no_sandbox")
        if self._paused:
            return Position(State.PAUSED, "owner_paused")
        if self._draining:
            return Position(State.DRAINING, "operator_drain")
        return self._presence(self._policy.start_after_s) or self._available(State.IDLE)

    def _held_position(self, now: float) -> Position:
        if self._evicting:
            return Position(State.EVICTING, self._evicting)
        if self._frozen_since is not None:
            return self._frozen_position(now, self._frozen_since)
        present = self._paused_by_owner() or self._presence(0.0)
        if present is not None:
            return Position(State.FROZEN, present.reason)
        if self._draining:
            return Position(State.DRAINING, "operator_drain")
        return self._available(State.RUNNING)

    def _frozen_position(self, now: float, since: float) -> Position:
        present = self._paused_by_owner() or self._presence(self._policy.resume_after_s)
        if present is None:
            return self._available(State.RUNNING)
        if self._memory_short():
            return Position(State.EVICTING, "memory_short")
        if now - since >= self._policy.max_frozen_s:
            return Position(State.EVICTING, "max_frozen")
        reason = self.position.reason if present.state is State.COOLING else present.reason
        return Position(State.FROZEN, reason)

    def _paused_by_owner(self) -> Position | None:
        return Position(State.PAUSED, "owner_paused") if self._paused else None

    def _available(self, state: State) -> Position:
        if self._draining:
            return Position(State.DRAINING, "operator_drain")
        return Position(state, "owner_away" if self._policy.watches else "always")

    def _presence(self, quiet_for_s: float) -> Position | None:
        """Return why the owner has the machine, or None if it has been left for `quiet_for_s`."""
        if not self._policy.watches:
            return None
        signs = self._signs
        if signs is None:
            return Position(State.UNKNOWN, "starting")
        if self._cannot_tell(signs):
            return Position(State.UNKNOWN, "probe_unknown")
        return self._use(signs) or self._cooling(signs, quiet_for_s)

    def _cannot_tell(self, signs: Signs) -> bool:
        blind = signs.input_idle_s is None and self._policy.input == "required"
        return blind or signs.other_cpu_pct is None or signs.free_memory_pct is None

    def _use(self, signs: Signs) -> Position | None:
        idle = signs.input_idle_s
        if idle is not None and idle < self._policy.busy_if_input_within_s:
            return Position(State.BUSY, "input")
        if self._battery.value and self._policy.stop_on_battery:
            return Position(State.BUSY, "battery")
        if self._cpu.value:
            return Position(State.BUSY, "cpu_load")
        if not self._held and self._memory_short():
            return Position(State.BUSY, "memory_short")
        return None

    def _cooling(self, signs: Signs, quiet_for_s: float) -> Position | None:
        if signs.input_idle_s is not None and signs.input_idle_s < quiet_for_s:
            return Position(State.COOLING, "after_return")
        return None

    def _memory_short(self) -> bool:
        free = self._signs.free_memory_pct if self._signs else None
        return free is not None and free < self._policy.evict_below_free_memory_pct
