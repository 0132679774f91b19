"""What counts as the owner's use of the machine, and which sign of it decides. Pure; the caller brings time.

A sign that was seen and cannot be read any more counts as it was last: unknown is never taken for away.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from idlegrid_node.hours import Hours
from idlegrid_node.policy import Policy

SLEPT_S = 60.0
"""A wall clock that gains so much on the monotonic one says that the machine slept: somebody has woken it."""
LONGEST_GAP_S = 600.0
"""Where the monotonic clock counts sleep, so long without a look says the same (looks are seconds apart)."""


@dataclass(frozen=True)
class Signs:
    """What the probes see now; None is "cannot tell", or "not watched" for what `faults` does not name.

    `input_idle_s`: seconds since the last input of any kind; `other_cpu_pct`: other programs' share of all
    cores; `free_memory_pct`: memory available to the owner; `inhibited`: a program keeps the screen on;
    `exclusive`: one of the owner's exclusive programs runs; `cpu_pressure_pct`, `memory_pressure_pct`: the
    share of the last 10 s in which a program, ours included, waited (PSI, `some avg10`); `faults`: by the
    names of the others, why a probe that has something to ask does not answer.
    """

    input_idle_s: float | None = None
    other_cpu_pct: float | None = None
    on_battery: bool | None = None
    free_memory_pct: float | None = None
    inhibited: bool | None = None
    exclusive: bool | None = None
    cpu_pressure_pct: float | None = None
    memory_pressure_pct: float | None = None
    faults: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Cause:
    """A reason code, the sign that decided (a field of `Signs`, `hours` or `wake`), and that sign's age.

    The age is that of the input, or of the moment since which the sign counts. `why` is what a probe says
    that cannot tell.
    """

    reason: str
    signal: str
    age_s: float = 0.0
    why: str = ""


class Hysteresis:
    """Becomes true after `on_s` seconds of true, and false after `off_s` seconds of false."""

    def __init__(self, on_s: float, off_s: float) -> None:
        self.value = False
        self.turned_at = 0.0
        self._on_s = on_s
        self._off_s = off_s
        self._since: float | None = None

    def go_on_from(self, earlier: "Hysteresis") -> None:
        """Stand where another one stands; what has to be false for a while begins to be so anew."""
        self.value, self.turned_at = earlier.value, earlier.turned_at
        self._since = None if earlier.value else earlier._since

    def feed(self, *, above: bool, below: bool, now: float, since: float | None = None) -> bool:
        """Take what is seen now (`above` raises, `below` clears, neither leaves as is).

        `since` is when what is above began to be so, if that is known better than by this look.
        """
        turning = below if self.value else above
        if not turning:
            self._since = None
            return self.value
        if self._since is None:
            self._since = now if self.value or since is None else since
        if now - self._since >= (self._off_s if self.value else self._on_s):
            self.value, self.turned_at, self._since = not self.value, now, None
        return self.value


@dataclass(frozen=True)
class Sense:
    """One sign that counts when it lasts: above `busy_above`, until it has been below `clear_below`."""

    reason: str
    signal: str
    busy_above: float
    clear_below: float
    latch: Hysteresis
    is_mean: bool = False
    """Whether it is a mean since the look before: what is above then has been so from there on."""

    def feed(self, signs: Signs, now: float, before: float) -> None:
        """Take what is seen now, and was looked at `before`; what cannot be told changes nothing."""
        value = getattr(signs, self.signal)
        if value is not None:
            since = before if self.is_mean else None
            self.latch.feed(above=value > self.busy_above, below=value < self.clear_below, now=now, since=since)


def senses(policy: Policy) -> list[Sense]:
    """Return the lasting signs that the policy counts, the one that is named first before the others."""
    held, mains = Hysteresis(0.0, policy.resume_after_s), Hysteresis(0.0, policy.ac_stable_s)
    load, waits = (Hysteresis(policy.busy_for_s, policy.clear_for_s) for _ in range(2))
    stalls, cpu = policy.busy_above_memory_pressure_pct, policy.busy_above_cpu_pressure_pct
    every = [
        (policy.inhibitors_count, Sense("inhibitor", "inhibited", 0.5, 0.5, held)),
        (True, Sense("exclusive_program", "exclusive", 0.5, 0.5, Hysteresis(0.0, policy.exclusive_hold_s))),
        (policy.stop_on_battery, Sense("battery", "on_battery", 0.5, 0.5, mains)),
        (True, Sense("cpu_load", "other_cpu_pct", policy.busy_above_pct, policy.clear_below_pct, load, True)),
        (cpu > 0, Sense("cpu_load", "cpu_pressure_pct", cpu, cpu, waits)),
        # The kernel's figure is a mean of 10 s already, and who waits for memory should not wait for us too.
        (
            stalls > 0,
            Sense("memory_pressure", "memory_pressure_pct", stalls, stalls, Hysteresis(0.0, policy.clear_for_s)),
        ),
    ]
    return [sense for counted, sense in every if counted]


class Presence:
    """Whether the owner has the machine, as of the last look."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._hours: Hours = policy.hours
        self._senses = senses(policy)
        self._signs: Signs | None = None
        self._looked = 0.0
        self._local: datetime | None = None
        self._woken: float | None = None

    def adopt(self, policy: Policy) -> None:
        """Go on by another policy, with all that has been seen."""
        earlier = {sense.signal: sense.latch for sense in self._senses}
        self._policy, self._hours, self._senses = policy, policy.hours, senses(policy)
        for sense in self._senses:
            if sense.signal in earlier:
                sense.latch.go_on_from(earlier[sense.signal])

    def look(self, signs: Signs, now: float, local: datetime | None) -> None:
        """Take what the probes see at `now` (monotonic), which is `local` on the owner's clock."""
        if self._signs is not None and self._policy.input == "required" and self._slept(now, local):
            self._woken = now
        # Of a longer gap than that between two looks at a claimed machine the beginning may have been quiet.
        before = max(self._looked, now - self._policy.poll_claimed_s) if self._signs is not None else now
        self._signs, self._looked, self._local = signs, now, local
        for sense in self._senses:
            sense.feed(signs, now, before)

    def blind(self) -> Cause | None:
        """Return which sign is missing that the policy counts, and why.

        What this machine does not have is not missed, but for a last input, its load and its memory.
        """
        signs = self._signs
        if signs is None:
            return Cause("starting", "")
        counted = (sense.signal for sense in self._senses)
        needed = {
            "input_idle_s": signs.input_idle_s is None and self._policy.input == "required",
            "other_cpu_pct": signs.other_cpu_pct is None,
            "free_memory_pct": signs.free_memory_pct is None,
            "hours": bool(self._hours.days) and self._local is None,
        }
        missing = (name for name, lacks in needed.items() if lacks)
        name = next(missing, None) or next((name for name in counted if name in signs.faults), None)
        return Cause("probe_unknown", name, why=signs.faults.get(name, "")) if name else None

    def use(self) -> Cause | None:
        """Return the sign that says that somebody uses the machine."""
        last = self._last_input()
        if last is not None and last.age_s < self._policy.busy_if_input_within_s:
            return last
        lasting = (sense for sense in self._senses if sense.latch.value)
        return next((Cause(s.reason, s.signal, self._looked - s.latch.turned_at) for s in lasting), None)

    def cooling(self, quiet_for_s: float) -> Cause | None:
        """Return the last input if it is not `quiet_for_s` old yet."""
        last = self._last_input()
        return Cause("after_return", last.signal, last.age_s) if last and last.age_s < quiet_for_s else None

    def short_of_memory(self) -> Cause | None:
        """Tell whether so little memory is free that a guest must not keep any."""
        free = self._signs.free_memory_pct if self._signs else None
        short = free is not None and free < self._policy.evict_below_free_memory_pct
        return Cause("memory_short", "free_memory_pct") if short else None

    def closing(self, within_s: float) -> Cause | None:
        """Tell whether the machine is closed, or will be within so many seconds."""
        wait = self._hours.closes_in(self._local) if self._local else None
        return None if wait is None or wait > within_s else Cause("hours", "hours")

    def _slept(self, now: float, local: datetime | None) -> bool:
        passed = now - self._looked
        wall = (local - self._local).total_seconds() if local and self._local else passed
        return wall - passed > SLEPT_S or passed > LONGEST_GAP_S

    def _last_input(self) -> Cause | None:
        ages = {
            "input_idle_s": self._signs.input_idle_s if self._signs else None,
            "wake": None if self._woken is None else self._looked - self._woken,
        }
        known = [Cause("input", name, age) for name, age in ages.items() if age is not None]
        return min(known, key=lambda cause: cause.age_s, default=None)
