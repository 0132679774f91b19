"""Between a node's row and the core's `Node`."""

import json
from dataclasses import asdict
from typing import Any

from idlegrid_server.core.model import Node, NodeHealth, NodeState, NodeWish, Sandbox
from idlegrid_server.record import tables as t

_COLUMNS = tuple(column.name for column in t.nodes.c)


def node_values(node: Node) -> tuple[Any, ...]:
    """A node's row in the order of the columns, as the driver takes it."""
    row = {name: getattr(node, name) for name in _COLUMNS}
    lists = {"task_types": node.task_types, "operator_types": node.operator_types, "labels": node.labels}
    for name, value in {**lists, "sandbox": asdict(node.sandbox)}.items():
        row[name] = None if value is None else json.dumps(value)
    return tuple(row.values())


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
