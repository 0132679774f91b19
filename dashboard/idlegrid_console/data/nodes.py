"""Nodes as rows and counts."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd

from idlegrid import NodeInfo
from idlegrid_console.data import sandbox
from idlegrid_console.data.text import moment, one_line
from idlegrid_console.texts import NODE_REASON, NODE_STATE, OWNER, _, name

COLUMNS = (
    "node", "state", "why", "since", "owner", "slots", "cpu", "memory", "sandbox", "heartbeat", "version", "offers",
)  # fmt: skip
"""The columns of `table`, in their order."""

SHOWN = tuple(column for column in COLUMNS if column not in {"version", "offers"})
"""Those that are shown at first: so many fit a laptop's screen. The table's own menu shows the rest."""

OWNERS = frozenset({"busy", "cooling", "frozen", "evicting", "paused", "unknown"})
"""States in which the machine is its owner's; not to know whether they are there counts as their being there."""


USUAL = ("idle", "running", "busy", "offline")
"""States that the chart shows at any time, so that it does not change its shape with every node."""


class Counts(NamedTuple):
    """How many nodes are idle, work, are with their owner, or cannot be used (offline or draining)."""

    idle: int
    working: int
    owner: int
    away: int

    @property
    def total(self) -> int:
        """All nodes that the coordinator knows."""
        return sum(self)


def counts(nodes: Iterable[NodeInfo]) -> Counts:
    """Sort the nodes into the four groups that the overview shows."""
    found = Counter(map(_group, nodes))
    return Counts(found["idle"], found["working"], found["owner"], found["away"])


def _group(node: NodeInfo) -> str:
    if node.doing in {"offline", "draining"}:
        return "away"
    if node.doing in OWNERS:
        return "owner"
    return "working" if node.doing == "running" or node.current_task_count else "idle"


def by_state(nodes: Iterable[NodeInfo]) -> dict[str, int]:
    """How many nodes are in each state that occurs, and in the usual ones, in the order in which they are shown."""
    found = Counter(dict.fromkeys(USUAL, 0) | Counter(node.doing for node in nodes))
    return {state: found[state] for state in [*NODE_STATE, *sorted(set(found) - set(NODE_STATE))] if state in found}


def table(nodes: Iterable[NodeInfo]) -> pd.DataFrame:
    """One row per node, by name; `state` and `sandbox` are lists of one, which the table draws as coloured labels."""
    rows = sorted(map(_row, nodes), key=lambda row: row["node"])
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    for column in ("since", "heartbeat"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def _row(node: NodeInfo) -> dict[str, Any]:
    return {
        "node": one_line(node.id),
        "state": [one_line(node.doing)],
        "why": name(node.reason, NODE_REASON),
        "since": moment(node.since),
        "owner": name(owner(node), OWNER),
        "slots": f"{node.current_task_count} / {node.max_concurrent_tasks}",
        "cpu": node.cpu_usage,
        "memory": _memory_percent(node),
        "offers": _offers(node),
        "sandbox": [sandbox.code(node.sandbox_level)] if node.sandbox_level is not None else [],
        "heartbeat": moment(node.last_heartbeat),
        "version": one_line(node.version or ""),
    }


def position(frame: pd.DataFrame, node_id: str | None) -> list[int]:
    """The row of a node as a list of one, or an empty list when it is not there."""
    return [index for index, value in enumerate(frame["node"]) if value == node_id]


def chosen(nodes: Iterable[NodeInfo], shown: str | None) -> NodeInfo | None:
    """The node that the table shows under this name; None for none."""
    return next((node for node in nodes if one_line(node.id) == shown), None)


def owner(node: NodeInfo) -> str:
    """What the node's state tells of its owner, as a code of `texts.OWNER`."""
    if node.profile == "always":
        return "not_watched"
    if node.doing in {"busy", "frozen", "evicting"}:
        return "there"
    known = {"cooling": "just_left", "idle": "away", "running": "away"}
    return known.get(node.doing, "unknown")


def _memory_percent(node: NodeInfo) -> float | None:
    """The share of the node's memory in use: the wire gives both in MB."""
    if node.memory_usage is None or not node.memory_mb:
        return None
    return 100 * node.memory_usage / node.memory_mb


def _offers(node: NodeInfo) -> str:
    if node.cpu_cores is None or node.memory_mb is None:
        return ""
    return _("{cores:g} cores, {memory:.3g} GB").format(cores=node.cpu_cores, memory=node.memory_mb / 1024)
