"""Nodes as rows and facts."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from idlegrid import NodeInfo
from idlegrid_console.data import sandbox
from idlegrid_console.data.clock import ago
from idlegrid_console.data.text import duration, moment, one_line
from idlegrid_console.texts import NODE_REASON, OWNER, _, name

COLUMNS = (
    "open", "node", "state", "mark", "why", "since", "owner", "work", "cpu", "memory", "sandbox", "higher", "ended",
    "failed", "cores", "memory_gb", "version", "python", "heartbeat", "labels",
)  # fmt: skip
"""The columns of `table`, in their order."""

HIDDEN = frozenset({"python", "heartbeat", "labels"})
"""Those that the table's own menu shows."""

MARKED = frozenset({"mark"})
"""Those that are shown when any of the nodes has something there."""

SUSPECT = "suspect"
"""The mark of a node that fails nearly all that it takes."""

HELD = "held"
"""The mark of a node that the operator has taken out: it is there, and takes no work."""


def table(nodes: Iterable[NodeInfo]) -> pd.DataFrame:
    """One row per node, in the order given; `mark`, `state` and `sandbox` are lists, drawn as coloured labels."""
    frame = pd.DataFrame(list(map(_row, nodes)), columns=list(COLUMNS))
    for column in ("since", "heartbeat"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def worth_showing(frame: pd.DataFrame) -> list[str]:
    """The columns to show: those that are empty for all are left out where they seldom say anything."""
    empty = {column for column in MARKED if not any(frame[column])}
    return [column for column in COLUMNS if column not in HIDDEN | empty]


def _row(node: NodeInfo) -> dict[str, Any]:
    return {
        "open": _("Open"),
        "node": one_line(node.id),
        "mark": marks(node),
        "state": [one_line(node.doing)],
        "why": reason(node),
        "since": moment(node.since),
        "owner": name(owner(node), OWNER),
        "work": f"{node.current_task_count} / {node.max_concurrent_tasks}",
        "cores": node.cpu_cores,
        "cpu": node.cpu_usage,
        "memory_gb": None if node.memory_mb is None else node.memory_mb / 1024,
        "memory": _memory_percent(node),
        "sandbox": [sandbox.code(node.sandbox_level)] if node.sandbox_level is not None else [],
        "higher": sandbox.why_not_higher(node),
        "ended": node.ended_per_minute,
        "failed": node.failed_per_minute,
        "heartbeat": moment(node.last_heartbeat),
        "version": one_line(node.version or ""),
        "python": one_line(node.python or ""),
        "labels": one_line(", ".join(map(str, node.labels))),
    }


def marks(node: NodeInfo) -> list[str]:
    """What an operator should know of a node beside its state, as codes of `texts.NODE_MARK`."""
    return [SUSPECT] * bool(node.suspect) + [HELD] * is_held(node)


def is_held(node: NodeInfo) -> bool:
    """Whether the operator's word keeps a node that is there from all work."""
    return node.status == "offline" and node.state not in {"", "offline"}


def reason(node: NodeInfo) -> str:
    """Why the node is in its state, in words; the operator's word goes before the node's own."""
    return _("paused by the operator") if is_held(node) else one_line(name(node.reason, NODE_REASON))


def chosen(rows: Iterable[int], shown: Iterable[str]) -> list[str]:
    """Of those that a table shows the ones on these rows; rows that are no longer there are passed over."""
    known = dict(enumerate(shown))
    return [known[row] for row in rows if row in known]


def facts(node: NodeInfo, now: datetime, timezone: str | None) -> list[tuple[str, str]]:
    """What a node is and offers, as label and text; times on the visitor's clock, with their age."""
    held = _("{count} of at most {most}").format(count=node.current_task_count, most=node.max_concurrent_tasks)
    versions = " · ".join(filter(None, [node.version, node.python and f"Python {node.python}", node.profile]))
    return [
        (_("State"), state_for(node, now)),
        (_("Owner"), name(owner(node), OWNER)),
        (_("Last heartbeat"), ago(node.last_heartbeat, now, timezone)),
        (_("Expected idle until"), ago(node.idle_until, now, timezone)),
        (_("Cores"), _used(node.cpu_cores, "", node.cpu_usage)),
        (_("Memory"), _used(node.memory_mb and node.memory_mb / 1024, " GB", _memory_percent(node))),
        (_("Runs"), held),
        (_("Per minute"), rates(node)),
        (_("Versions"), one_line(versions) or "–"),
        (_("Takes"), one_line(", ".join(map(str, node.task_types))) or "–"),
        (_("Labels"), one_line(", ".join(map(str, node.labels))) or "–"),
        (_("Known since"), ago(node.registered_at, now, timezone)),
        *_record(node.statistics),
    ]  # fmt: skip


def state_for(node: NodeInfo, now: datetime) -> str:
    """Why a node is in its state, and for how long: `the owner is away, for 5 min`."""
    since = moment(node.since)
    if since is None:
        return reason(node) or "–"
    length = duration(int(max(0.0, (now - since).total_seconds())))
    return _("{reason}, for {length}").format(reason=reason(node) or "–", length=length)


def rates(node: NodeInfo) -> str:
    """How many attempts end there and how many of them fail, per minute."""
    words = _("{ended:.3g} ended, {failed:.3g} failed")
    return words.format(ended=node.ended_per_minute, failed=node.failed_per_minute)


def held_runs(node: NodeInfo) -> list[Mapping[str, Any]]:
    """The runs that a node holds, with their `run_id` and `task_name`; none of a node that does not tell."""
    told = node.current_tasks if isinstance(node.current_tasks, list) else []
    return [run for run in told if isinstance(run, dict) and isinstance(run.get("run_id"), int)]


def owner(node: NodeInfo) -> str:
    """What the node's state tells of its owner, as a code of `texts.OWNER`."""
    if node.profile == "always":
        return "not_watched"
    if node.doing in {"busy", "frozen", "evicting"}:
        return "there"
    known = {"cooling": "just_left", "idle": "away", "running": "away"}
    return known.get(node.doing, "unknown")


def _record(told: Any) -> list[tuple[str, str]]:
    if not isinstance(told, dict):
        return []
    words = _("{done} done, {failed} failed")
    ended = words.format(done=told.get("successful_tasks") or 0, failed=told.get("failed_tasks") or 0)
    return [(_("Attempts in all"), ended), (_("Up for"), one_line(told.get("uptime") or "–"))]


def _used(offered: float | None, unit: str, percent: float | None) -> str:
    if offered is None:
        return "–"
    used = "" if percent is None else _(", {percent:.0f} % used").format(percent=percent)
    return f"{offered:.3g}{unit}{used}"


def _memory_percent(node: NodeInfo) -> float | None:
    """The share of the node's memory in use: the wire gives both in MB."""
    if node.memory_usage is None or not node.memory_mb:
        return None
    return 100 * node.memory_usage / node.memory_mb
