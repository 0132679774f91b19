"""Between rows and the core's `Run` and `Node`."""

import json
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import select

from idlegrid_server.core.model import Node, NodeHealth, NodeState, NodeWish, Run, RunState, Sandbox
from idlegrid_server.record import tables as t
from idlegrid_server.record.statements import HEAD

RUN_HEADS: Final = select(*(t.runs.c[name] for name in HEAD))
"""Finds runs without code and output; each row is one for `read_run`."""

_COLUMNS = tuple(column.name for column in t.nodes.c)


def read_run(row: Any) -> Run:
    """The run of a row that begins with the columns of `HEAD`."""
    run = Run(*row[: len(HEAD)])
    run.state = RunState(run.state)
    return run


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
