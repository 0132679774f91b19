"""Between a node's row and the core's `Node`."""

from dataclasses import asdict, fields
from typing import Any

from idlegrid_server.core.model import Node, NodeHealth, NodeState, Sandbox

_NAMES = tuple(f.name for f in fields(Node))


def node_row(node: Node) -> dict[str, Any]:
    """The row of a node."""
    row = {name: getattr(node, name) for name in _NAMES}
    row.update(task_types=list(node.task_types), labels=list(node.labels), sandbox=asdict(node.sandbox))
    return row


def read_node(row: Any) -> Node:
    """The node of a row."""
    values = {name: getattr(row, name) for name in _NAMES}
    values.update(
        state=NodeState(row.state),
        health=NodeHealth(row.health),
        task_types=tuple(row.task_types),
        labels=tuple(row.labels),
        sandbox=Sandbox(**row.sandbox),
    )
    return Node(**values)
