"""A node's owner in words: how fast they got it back, and their policy with what the operator wants of it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from idlegrid import NodeInfo
from idlegrid_console.data.text import duration, one_line
from idlegrid_console.policy_texts import ANSWERS, NOT_USED, POLICY, POLICY_CODES, SENTENCES
from idlegrid_console.texts import _, name

UNITS = {"_pct": "%", "_mb": "MB"}
"""What numbers count, by how their names end; those in `_s` are seconds."""

TOLD_FIRST = ("start_after_s", "max_frozen_s", "stop_on_battery", "closed_days", "spare_cores", "memory_pct")
"""The rules that people ask for: when it starts, what becomes of runs when the owner is back, and how much is lent."""

PUSHABLE = (
    "start_after_s", "resume_after_s", "busy_if_input_within_s", "busy_above_pct", "busy_for_s", "clear_below_pct",
    "clear_for_s", "ac_stable_s", "max_frozen_s", "evict_below_free_memory_pct", "memory_back_s",
    "memory_short_back_s", "frozen_memory_mb", "evict_grace_s", "spare_cores", "memory_pct", "warm_sandboxes",
    "exclusive_programs", "exclusive_hold_s", "busy_above_memory_pressure_pct", "busy_above_cpu_pressure_pct",
    "closed_days", "closed_from", "closed_until", "no_start_before_s", "evict_before_s",
)  # fmt: skip
"""What an operator may ask for: all else nodes refuse (their `layers.PUSHABLE`)."""


def reclaims(told: Any) -> list[tuple[str, str]]:
    """How often owners took their machines back lately and how long that took, as label and text: a node's
    `reclaims`, or those of all nodes.
    """
    known = _object(told)
    count = _("{count} times in 30 days").format(count=int(known.get("count") or 0))
    return [
        (_("Taken back by its owner"), count),
        (_("Until every run stood"), _times(known.get("frozen_p50"), known.get("frozen_p99"))),
        (_("Until their memory was free"), _times(known.get("memory_p50"), known.get("memory_p99"))),
    ]


def _times(half: float | None, most: float | None) -> str:
    if half is None or most is None:
        return "–"
    return _("{half}, 99 % within {most}").format(half=duration(half), most=duration(most))


def policy(node: NodeInfo) -> pd.DataFrame:
    """A row for each value of the policy, known ones first: the rule as a sentence, and what the operator wants."""
    told = _object(node.policy)
    values, pushed = _object(told.get("values")), wanted(node)
    told_of = {**values, **pushed}
    names = [*(known for known in POLICY if known in told_of), *sorted(told_of.keys() - POLICY.keys())]
    rows = [(rule(each, values[each]) if each in values else label(each), _of(pushed, each)) for each in names]
    return pd.DataFrame(rows, columns=["rule", "pushed"])


def in_short(node: NodeInfo) -> list[str]:
    """The rules that people ask for, each as a sentence; nothing of a node that does not tell."""
    values = _object(_object(node.policy).get("values"))
    return [rule(each, values[each]) for each in TOLD_FIRST if each in values]


def rule(key: str, value: Any) -> str:
    """A value of the policy as a sentence: `Work starts 5 min after the owner's last key or movement.`"""
    if isinstance(value, bool) and key in ANSWERS:
        return _(ANSWERS[key][not value])
    if not value and key in NOT_USED:
        return _(NOT_USED[key])
    words = one_line(_words(key, value))
    return _(SENTENCES[key]).format(value=words) if key in SENTENCES else f"{label(key)}: {words}"


def label(key: str) -> str:
    """The name of a value of the policy, in words."""
    return one_line(name(key, POLICY))


def unit(key: str) -> str:
    """What the numbers of a value count; nothing for those that are counts or no numbers."""
    if key.endswith("_s"):
        return _("seconds")
    return next((unit for end, unit in UNITS.items() if key.endswith(end)), "")


def wanted(node: NodeInfo) -> dict[str, Any]:
    """What the operator wants of the policy, by name."""
    return dict(_object(_object(node.policy).get("pushed")))


def in_effect(node: NodeInfo) -> dict[str, Any]:
    """The values of the policy that an operator may ask to have changed, by name, as they are."""
    values = _object(_object(node.policy).get("values"))
    return {each: values[each] for each in PUSHABLE if each in values}


def typed(given: Any, like: Any) -> Any:
    """What was filled in as a value of the kind that `like` is: whole numbers are whole, lists parted at commas."""
    if isinstance(like, list):
        return [part.strip() for part in str(given).split(",") if part.strip()]
    if isinstance(like, int | float) and not isinstance(like, bool):
        return int(given) if float(given).is_integer() else float(given)
    return given.strip() if isinstance(given, str) else given


def refused(node: NodeInfo) -> str:
    """The node's own sentence about what it does not take of the operator's wishes; nothing when it takes all."""
    return one_line(_object(node.policy).get("refused") or "", limit=2000)


def _of(values: Mapping[str, Any], key: str) -> str:
    return one_line(_words(key, values[key])) if key in values else ""


def _words(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        return _number(key, value)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return name(str(value), POLICY_CODES.get(key, {})) or "–"


def _number(key: str, value: float) -> str:
    if key.endswith("_s"):
        return duration(value)
    return " ".join([f"{value:g}", *(unit for end, unit in UNITS.items() if key.endswith(end))])


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
