"""The policy in its three layers: the profile, over it what the operator pushes, over both what the owner says. Pure.

**What an operator may say** is `PUSHABLE`, and of each of these only what is no worse for the owner than the profile
which that owner chose: an operator, or whoever got hold of an operator's key, may ask a guest to wait longer, to leave
sooner, to take less; never to take more. Less consideration than the profile's is said in the owner's own file, which
wins over both.

**What an operator may never say** is all else. Whether a machine has an owner (`profile`, `input`) and what of that
owner is looked at (`watch_terminals`, `watch_sessions`, `input_file`, `inhibitors_count`, `stop_on_battery`) is the
owner's word alone: one value of these, pushed to a thousand machines, would take them from the people before them. So
is where runs may reach (`network`). How often the node looks is left alone because looking costs the owner's time.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from idlegrid_node.errors import SettingsError
from idlegrid_node.policy import Policy, typed, validated

AT_LEAST = (
    "start_after_s",
    "resume_after_s",
    "busy_if_input_within_s",
    "clear_for_s",
    "ac_stable_s",
    "evict_below_free_memory_pct",
    "exclusive_hold_s",
    "no_start_before_s",
    "evict_before_s",
    "spare_cores",
)
"""What an operator may raise."""
AT_MOST = (
    "busy_above_pct",
    "busy_for_s",
    "clear_below_pct",
    "max_frozen_s",
    "memory_back_s",
    "memory_short_back_s",
    "frozen_memory_mb",
    "evict_grace_s",
    "memory_pct",
    "warm_sandboxes",
)
"""What an operator may lower."""
PRESSURES = ("busy_above_cpu_pressure_pct", "busy_above_memory_pressure_pct")
"""The same, where 0 is the highest: not used."""
HOURS = ("closed_days", "closed_from", "closed_until")
"""With these an operator may close a machine for longer."""
PUSHABLE = frozenset((*AT_LEAST, *AT_MOST, *PRESSURES, *HOURS, "exclusive_programs"))
AT_START = ("spare_cores", "memory_pct", "warm_sandboxes")
"""Those of them that a node reads when it starts: its offer is made then. The others hold at once."""
MOST_CHARACTERS = 300
"""Of a sentence about somebody else's values."""


@dataclass(frozen=True)
class Owners:
    """What the owner has said: the profile, and single values over it, by name."""

    profile: Policy
    values: Mapping[str, Any]

    @property
    def policy(self) -> Policy:
        """What holds without an operator. Raises `SettingsError` for values that contradict themselves."""
        return validated(replace(self.profile, **self.values)) if self.values else self.profile


@dataclass(frozen=True)
class Operators:
    """What the operator has said and is taken, as JSON has it, and in a sentence what is not, and why."""

    values: Mapping[str, Any]
    refused: str = ""


NOTHING = Operators({})


def merged(owners: Owners, wanted: Mapping[str, Any]) -> Policy:
    """Return the policy in effect. The operator's values are taken whole or not at all.

    Raises `SettingsError` with the reason why they are not taken.
    """
    for name in wanted:
        if name not in PUSHABLE:
            raise SettingsError(_not_the_operators(name))
    pushed = replace(owners.profile, **typed(wanted))
    for reason in _less_considerate(owners.profile, pushed):
        raise SettingsError(reason)
    return validated(replace(pushed, **owners.values))


def settled(owners: Owners, kept: Operators) -> tuple[Policy, Operators]:
    """Return the policy and what of the operator's is in it: none, where that does not go with what the owner says."""
    try:
        return merged(owners, kept.values), kept
    except SettingsError as error:
        return owners.policy, Operators({}, sentence(error))


def overruled(owners: Owners, wanted: Mapping[str, Any]) -> str:
    """Return in a sentence what of `wanted`, which was merged before, the owner says otherwise, or empty."""
    names = [name for name, value in typed(wanted).items() if owners.values.get(name, value) != value]
    return f"the owner says otherwise: {', '.join(names)}" if names else ""


def sentence(error: SettingsError) -> str:
    """Return an error as one line, of a length that others can be told."""
    words = " ".join(str(error).removeprefix("policy: ").split())
    return words if len(words) <= MOST_CHARACTERS else f"{words[: MOST_CHARACTERS - 1]}…"


def _not_the_operators(name: str) -> str:
    if name in {field.name for field in fields(Policy)}:
        return f"{name} is for the owner of the machine to say, not for the operator"
    return f"{name} is not known to this node"


def _less_considerate(profile: Policy, pushed: Policy) -> Iterator[str]:
    """Yield what is worse for the owner than the profile is."""
    for name in AT_LEAST:
        yield from _bound(profile, pushed, name, "below", lambda least, value: least <= value < math.inf)
    for name in AT_MOST:
        yield from _bound(profile, pushed, name, "above", lambda most, value: value <= most)
    for name in PRESSURES:
        yield from _bound(profile, pushed, name, "above", lambda most, value: not most or 0 < value <= most)
    if not pushed.hours.cover(profile.hours):
        yield f"the operator may close the machine for longer than the profile {profile.profile}, not open it"
    if not set(profile.exclusive_programs) <= set(pushed.exclusive_programs):
        yield f"the operator may not take away exclusive_programs of the profile {profile.profile}"


def _bound(
    profile: Policy, pushed: Policy, name: str, side: str, fits: Callable[[float, float], bool]
) -> Iterator[str]:
    limit, value = getattr(profile, name), getattr(pushed, name)
    if not fits(limit, value):
        yield f"{name} must not be {side} the {limit:g} of the profile {profile.profile} ({value:g} was pushed)"
