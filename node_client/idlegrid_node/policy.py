"""The owner's policy: when the machine may be used, and how fast it is given back.

Three profiles: `desktop` (a machine that somebody uses), `office-hours` (the same, and closed while people work)
and `always` (one that nobody uses). A TOML file named by IDLEGRID_NODE_POLICY overrides single values, and may
name its profile. Seconds and percent throughout.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from idlegrid_node.errors import SettingsError
from idlegrid_node.hours import Hours, closed_hours

KILL_S = 2.0
"""What an eviction takes beside its grace: to see that it is due (looked at twice a second), and to kill, which took
0.1 s for 2 GB; the rest is for a machine that is in demand just then.
"""


@dataclass(frozen=True)
class Policy:
    """What counts as use, and what follows. The defaults are the profile `desktop`."""

    profile: str = "desktop"
    start_after_s: float = 300.0  # between BOINC's 180 and HTCondor's 900
    resume_after_s: float = 180.0  # BOINC's 3 minutes
    busy_if_input_within_s: float = 60.0  # HTCondor's KeyboardBusy
    poll_claimed_s: float = 0.5  # BOINC 1, Folding@home 2, HTCondor 5
    poll_watching_s: float = 5.0
    busy_above_pct: float = 25.0  # of ALL cores, without our own runs: BOINC's suspend_cpu_usage
    busy_for_s: float = 15.0
    clear_below_pct: float = 15.0
    clear_for_s: float = 60.0  # below 20 s machines flap (BOINC pull request 4336)
    stop_on_battery: bool = True  # BOINC's run_on_batteries = false
    ac_stable_s: float = 60.0
    max_frozen_s: float = 600.0  # HTCondor's MaxSuspendTime
    evict_below_free_memory_pct: float = 20.0  # while frozen: a frozen run keeps its memory (BOINC issue 1080)
    memory_back_s: float = 60.0  # after the owner's return runs hold their memory no longer than that
    memory_short_back_s: float = 5.0  # the same, where little is free (evict_below_free_memory_pct)
    frozen_memory_mb: float = 64.0  # what a frozen run may keep until max_frozen_s
    evict_grace_s: float = 30.0  # from SIGTERM to SIGKILL: BOINC and Folding@home 60, HTCondor 600
    spare_cores: int = 1  # one is kept for the owner's screen
    memory_pct: float = 75.0
    memory_floor_mb: float = 0.0  # below this much free memory the newest run is ended; 0: 5 %, 256 to 1024 MB
    warm_sandboxes: int = 2  # wait for work while the owner is away, at some 5 MB each; 0: every run starts its own
    input: str = "required"  # or "not_applicable": a machine without keyboard, screen or logins; never guessed
    watch_terminals: bool = True  # logins and consoles count as input
    network: str = "none"  # of `http` runs: "public" addresses, or "any"; code that is submitted never has any
    input_file: str = ""  # a file whose modification time is the last input, kept by a helper of the owner's
    inhibitors_count: bool = True  # a program that keeps the screen on is use: a film, a presentation
    watch_sessions: bool = True  # the input of logged-in and of remote sessions counts
    exclusive_programs: tuple[str, ...] = ()  # while one of these runs, the machine is the owner's
    exclusive_hold_s: float = 15.0  # between two programs of one job the guest does not wake
    # Of the time, somebody waits for memory (PSI, some, 10 s); 0: not used. The kernel counts our own runs' waiting,
    # too, so one that thrashes within its limit would freeze itself again and again.
    busy_above_memory_pressure_pct: float = 0.0
    busy_above_cpu_pressure_pct: float = 0.0  # 0: not used; busy_above_pct sees the same without the kernel's help
    closed_days: str = ""  # "Mon-Fri", "Mon,Wed,Sat-Sun": on these days the machine is closed to the grid
    closed_from: str = "08:00"  # local time, as closed_until
    closed_until: str = "17:05"
    no_start_before_s: float = 1770.0  # before closing no run starts: HTCondor's POLICY_HOURS, as the next
    evict_before_s: float = 570.0  # before closing what runs is handed back

    @property
    def watches(self) -> bool:
        """Whether there is an owner to look out for."""
        return self.profile != "always"

    def grace(self, reason: str) -> float:
        """Return the seconds from SIGTERM to SIGKILL of a run that is evicted for `reason` (the ladder's)."""
        hurry = reason == "memory_short"
        return min(self.evict_grace_s, self.memory_short_back_s - KILL_S) if hurry else self.evict_grace_s

    @property
    def memory_kept_s(self) -> float:
        """For how long after the owner's return a frozen run may hold its memory before it is evicted."""
        return self.memory_back_s - self.grace("memory_held") - KILL_S

    @property
    def hours(self) -> Hours:
        """When the machine is closed. Raises `SettingsError` for days or times that are none."""
        return closed_hours(self.closed_days, self.closed_from, self.closed_until)


DESKTOP = Policy()
OFFICE_HOURS = Policy(profile="office-hours", closed_days="Mon-Fri")
ALWAYS = Policy(profile="always", spare_cores=0, input="not_applicable")
NETWORKS = ("none", "public", "any")
PROFILES = {policy.profile: policy for policy in (DESKTOP, OFFICE_HOURS, ALWAYS)}
ORDERED = (
    ("clear_below_pct", "busy_above_pct"),
    ("evict_before_s", "no_start_before_s"),
    ("memory_short_back_s", "memory_back_s"),
)
"""Pairs of values of which the first must not be above the second."""
ORDERED_BY_INPUT = (
    ("poll_claimed_s", "busy_if_input_within_s"),
    ("busy_if_input_within_s", "resume_after_s"),
    ("resume_after_s", "start_after_s"),
)
"""The same, where input is watched: were they the other way round, one of them would never count; and input would be
overlooked that came and went between two looks.
"""


def load(profile: str, path: Path | None) -> Policy:
    """Return the profile with the file's values; a profile that the file names is taken instead.

    Raises `SettingsError` naming what is wrong.
    """
    taken, values = read(profile, path)
    return validated(replace(taken, **values)) if values else taken


def read(profile: str, path: Path | None) -> tuple[Policy, dict[str, Any]]:
    """Return the profile, or the one that the file names in its place, and the file's values by name.

    Raises `SettingsError` for a value that is none; whether they go together is for `validated` to say.
    """
    if path is None:
        return PROFILES[profile], {}
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"the policy file {path} cannot be read: {error}") from error
    named = given.pop("profile", profile)
    if not isinstance(named, str) or named not in PROFILES:
        raise SettingsError(f"policy: profile must be one of {', '.join(PROFILES)}, not {named!r}")
    return PROFILES[named], typed(given)


def typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of TOML or JSON as the policy has them. Raises `SettingsError` naming one that is none."""
    return {name: _typed(name, value) for name, value in values.items()}


def validated(policy: Policy) -> Policy:
    """Return the policy if it can be kept; raises `SettingsError` for one that contradicts itself."""
    if policy.input not in {"required", "not_applicable"}:
        raise SettingsError(f"policy: input must be required or not_applicable, not {policy.input!r}")
    if policy.network not in NETWORKS:
        raise SettingsError(f"policy: network must be one of {', '.join(NETWORKS)}, not {policy.network!r}")
    _check_numbers(policy)
    _check_order(policy)
    _check_memory_back(policy)
    _check_always(policy)
    _check_hours(policy)
    return policy


def _check_numbers(policy: Policy) -> None:
    for name, value in vars(policy).items():
        if type(value) not in {int, float}:
            continue
        if not value >= 0:
            raise SettingsError(f"policy: {name} must not be negative, not {value}")
        if name.endswith("_pct") and value > 100:
            raise SettingsError(f"policy: {name} is a share and must not be above 100, not {value}")


def _check_order(policy: Policy) -> None:
    for lower, upper in ORDERED + (ORDERED_BY_INPUT if policy.input == "required" else ()):
        small, large = getattr(policy, lower), getattr(policy, upper)
        if small > large:
            raise SettingsError(f"policy: {lower} must not be above {upper} ({small:g} and {large:g} now)")
    if not 0 < policy.poll_claimed_s <= policy.poll_watching_s:
        raise SettingsError("policy: poll_claimed_s must be above 0 and not above poll_watching_s")


def _check_memory_back(policy: Policy) -> None:
    for first, limit in ((policy.evict_grace_s, "memory_back_s"), (0.0, "memory_short_back_s")):
        if getattr(policy, limit) < first + KILL_S:
            grace = f"evict_grace_s ({first:g} now) and " if first else ""
            raise SettingsError(
                f"policy: {limit} must leave time for {grace}the kill ({KILL_S:g} s), not {getattr(policy, limit):g}"
            )


def _check_always(policy: Policy) -> None:
    for name in ("closed_days", "exclusive_programs"):
        if not policy.watches and getattr(policy, name):
            raise SettingsError(f"policy: the profile always looks at nothing, so {name} would not count: take desktop")


def _check_hours(policy: Policy) -> None:
    if policy.hours.longest_open_s <= policy.no_start_before_s:
        raise SettingsError("policy: with these closed_days and no_start_before_s nothing could ever start")


def _typed(name: str, value: Any) -> Any:
    known = {field.name: type(getattr(DESKTOP, field.name)) for field in fields(Policy) if field.name != "profile"}
    if name not in known:
        raise SettingsError(f"policy: {name} is not known (known: {', '.join(sorted(known))})")
    kind = known[name]
    if kind is float and type(value) in {int, float}:
        return float(value)
    if kind is tuple:
        return _names(name, value)
    if type(value) is not kind:
        raise SettingsError(f"policy: {name} must be a {kind.__name__}, not {value!r}")
    return value


def _names(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, str) and entry.strip() for entry in value):
        raise SettingsError(f"policy: {name} must be a list of names, not {value!r}")
    return tuple(value)
