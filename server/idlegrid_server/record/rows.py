"""Between a node's row and the core's `Node`."""

from dataclasses import asdict, fields
from typing import Any

from idlegrid_server.core.model import Node, NodeHealth, NodeState, NodeWish, Sandbox

_NAMES = tuple(f.name for f in fields(Node))


def node_row(node: Node) -> dict[str, Any]:
    """The row of a node."""
    row = {name: getattr(node, name) for name in _NAMES}
    allowed = None if node.operator_types is None else list(node.operator_types)
    row.update(task_types=list(node.task_types), operator_types=allowed)
    row.update(labels=list(node.labels), sandbox=asdict(node.sandbox))
    return row


def read_node(row: Any) -> Node:
    """The node of a row that has every column of `nodes`, and no other."""
    values = row._asdict()
    values.update(
        state=NodeState(row.state),
        health=NodeHealth(row.health),
        wish=NodeWish(row.wish),
        task_types=tuple(row.task_types),
        operator_types=None if row.operator_types is None else tuple(row.operator_types),
        labels=tuple(row.labels),
        sandbox=Sandbox(**row.sandbox),
    )
    return Node(**values)
