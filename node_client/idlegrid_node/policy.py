"""The owner's policy: when the machine may be used, and how fast it is given back.

Two profiles: `desktop` (a machine that somebody uses) and `always` (one that nobody does). A TOML file named
by IDLEGRID_NODE_POLICY overrides single values. Seconds and percent throughout.
"""

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from idlegrid_node.errors import SettingsError


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
    spare_cores: int = 1  # one is kept for the owner's screen
    memory_pct: float = 75.0
    memory_floor_mb: float = 0.0  # below this much free memory the newest run is ended; 0: 5 %, 256 to 1024 MB
    warm_sandboxes: int = 2  # wait for work while the owner is away, at some 5 MB each; 0: every run starts its own
    input: str = "required"  # or "not_applicable": a machine without keyboard, screen or logins; never guessed
    watch_terminals: bool = True  # logins and consoles count as input
    network: str = "none"  # of `http` runs: "public" addresses, or "any"; code that is submitted never has any
    input_file: str = ""  # a file whose modification time is the last input, kept by a helper of the owner's

    @property
    def watches(self) -> bool:
        """Whether there is an owner to look out for."""
        return self.profile != "always"


DESKTOP = Policy()
ALWAYS = Policy(profile="always", spare_cores=0, input="not_applicable")
NETWORKS = ("none", "public", "any")
PROFILES = {"desktop": DESKTOP, "always": ALWAYS}


def load(profile: str, path: Path | None) -> Policy:
    """Return the profile with the file's values. Raises `SettingsError` naming what is wrong."""
    policy = PROFILES[profile]
    if path is None:
        return policy
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"the policy file {path} cannot be read: {error}") from error
    return validated(replace(policy, **{name: _typed(name, value) for name, value in given.items()}))


def validated(policy: Policy) -> Policy:
    """Return the policy if it can be kept; raises `SettingsError` for one that contradicts itself."""
    if policy.input not in {"required", "not_applicable"}:
        raise SettingsError(f"policy: input must be required or not_applicable, not {policy.input!r}")
    if policy.network not in NETWORKS:
        raise SettingsError(f"policy: network must be one of {', '.join(NETWORKS)}, not {policy.network!r}")
    for field in fields(policy):
        value = getattr(policy, field.name)
        if field.type in {"float", float, "int", int} and value < 0:
            raise SettingsError(f"policy: {field.name} must not be negative, not {value}")
    if policy.clear_below_pct > policy.busy_above_pct:
        raise SettingsError("policy: clear_below_pct must not be above busy_above_pct")
    if not 0 < policy.poll_claimed_s <= policy.poll_watching_s:
        raise SettingsError("policy: poll_claimed_s must be above 0 and not above poll_watching_s")
    return policy


def _typed(name: str, value: Any) -> Any:
    known = {field.name: type(getattr(DESKTOP, field.name)) for field in fields(Policy) if field.name != "profile"}
    if name not in known:
        raise SettingsError(f"policy: {name} is not known (known: {', '.join(sorted(known))})")
    kind = known[name]
    if kind is float and type(value) in {int, float}:
        return float(value)
    if type(value) is not kind:
        raise SettingsError(f"policy: {name} must be a {kind.__name__}, not {value!r}")
    return value
