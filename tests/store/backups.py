"""What the tests of backups and copies stand on: a record with something of everything in it, and all of its rows."""

from typing import Any

from sqlalchemy import Boolean, Engine, Float, Integer, LargeBinary, insert, select
from sqlalchemy.sql.sqltypes import JSON

from idlegrid_server.core.commands import Beat, HeldAttempt, LeaseRuns, MakeRuns, NodeFacts, Report, ReportRuns
from idlegrid_server.core.limits import Times
from idlegrid_server.core.model import NodeState, Outcome
from idlegrid_server.record import tables as t

from ..parts import offer, submission
from .conftest import Pen

LEASE = "a" * 32
"""Of the run that `u1` is on a node, listed; `u2` was handed back with lease b…; `u3` is pending, `u4` completed."""


def fill(pen: Pen) -> None:
    """Runs in every state that matters, by the real commands; and a row in every table that they leave empty."""
    pen.do(MakeRuns([submission("print('ü☃\\n')")] * 4, ["u1", "u2", "u3", "u4"], "key", "words"))
    lease(pen, "u1", LEASE)
    pen.do(Beat("n1", NodeFacts(state=NodeState.RUNNING), [HeldAttempt(run_uuid="u1", lease_id=LEASE)], Times()))
    lease(pen, "u2", "b" * 32)
    pen.do(ReportRuns("n1", [Report(run_uuid="u2", lease_id="b" * 32, outcome=Outcome.EVICTED, reason="input")]))
    lease(pen, "u4", "c" * 32)
    pen.do(ReportRuns("n1", [completed("u4", "c" * 32, "4", ((0, 1.0, "stdout", "4\n"),))]))
    with pen.record.transaction() as transaction:
        for table in t.metadata.sorted_tables:
            if not transaction._connection.execute(select(table).limit(1)).first():
                transaction._connection.execute(insert(table), example(table))


def lease(pen: Pen, uuid: str, lease_id: str, node: str = "n1", via: str = "node") -> None:
    command = LeaseRuns(offer(node), [lease_id], 10.0, via=via)
    command.popped = [uuid]
    pen.do(command)


def completed(uuid: str, lease_id: str, result: str, logs: tuple[Any, ...] = ()) -> Report:
    return Report(run_uuid=uuid, lease_id=lease_id, outcome=Outcome.COMPLETED, result=result, logs=logs)


VALUES: dict[type, Any] = {Boolean: True, Integer: 7, Float: 1.5, LargeBinary: b"\0\xff", JSON: ["a", {"b": None}]}


def example(table: Any) -> dict[str, Any]:
    """A row with a value of its kind in every column."""
    row = {}
    for column in table.c:
        kinds = (value for kind, value in VALUES.items() if isinstance(column.type, kind))
        row[column.name] = next(kinds, "pending" if column.name == "state" else f"x{column.name}"[:20])
    return row


def rows(engine: Engine) -> dict[str, list[Any]]:
    """Every row of every table."""
    with engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in t.metadata.sorted_tables
        }


def silent(name: str, done: int) -> None:
    """Nobody wants to know how far it is."""
