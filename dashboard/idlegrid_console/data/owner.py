"""A node's owner in words: how fast they got it back, and their policy with what the operator wants of it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from idlegrid import NodeInfo
from idlegrid_console.data.text import duration, one_line
from idlegrid_console.policy_texts import POLICY, POLICY_CODES
from idlegrid_console.texts import _, name

UNITS = {"_pct": "%", "_mb": "MB"}
"""What numbers count, by how their names end; those in `_s` are seconds."""


def reclaims(node: NodeInfo) -> list[tuple[str, str]]:
    """How often the owner took the machine back lately and how long that took, as label and text."""
    told = _object(node.reclaims)
    count = _("{count} times in 30 days").format(count=int(told.get("count") or 0))
    return [
        (_("Taken back by its owner"), count),
        (_("Until every run stood"), _times(told.get("frozen_p50"), told.get("frozen_p99"))),
        (_("Until their memory was free"), _times(told.get("memory_p50"), told.get("memory_p99"))),
    ]


def _times(half: float | None, most: float | None) -> str:
    if half is None or most is None:
        return "–"
    return _("{half}, 99 % within {most}").format(half=duration(half), most=duration(most))


def policy(node: NodeInfo) -> pd.DataFrame:
    """A row for each value of the policy, known ones first: the rule in words, its value, what the operator wants."""
    told = _object(node.policy)
    values, pushed = _object(told.get("values")), _object(told.get("pushed"))
    told_of = {**values, **pushed}
    names = [*(known for known in POLICY if known in told_of), *sorted(told_of.keys() - POLICY.keys())]
    rows = [(one_line(name(each, POLICY)), _of(values, each), _of(pushed, each)) for each in names]
    return pd.DataFrame(rows, columns=["rule", "value", "pushed"])


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
