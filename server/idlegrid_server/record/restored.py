"""What becomes of a record that was restored: it is another one, and what the grid did since the backup never was."""

import json
import uuid
from typing import Final

from sqlalchemy import Connection, Engine, Table, delete, insert, select, update

from idlegrid_server.core.commands.restore import RESTORED, TakeBackLeases
from idlegrid_server.core.model import RunState
from idlegrid_server.core.subscriptions import Subscriptions
from idlegrid_server.record import tables as t
from idlegrid_server.record.copying import highest_id, set_highest_id
from idlegrid_server.record.statements import Statements
from idlegrid_server.record.store import SqlTransaction

CHUNK: Final = 500
"""Runs in one batch."""
ROUND: Final = 1_000_000
"""Ids go on after a multiple of this, at least this far above the highest: people see that something happened."""
IDS_A_SECOND: Final = 10_000.0
"""More runs than any grid of ours makes in a second; so many ids a second of the backup's age are left out."""
LEAPING: Final[dict[Table, float]] = {t.runs: IDS_A_SECOND, t.tasks: 0.0, t.webhooks: 0.0}
"""Tables whose ids people and programs keep, and how many a second they may have given away since the backup."""

_leased = select(t.runs.c.uuid, t.runs.c.id).where(
    t.runs.c.lease_id.is_not(None), t.runs.c.state.not_in([state.value for state in RunState if state.is_final])
)


def leap(highest: int, age: float, a_second: float) -> int:
    """The id after which a restored table goes on: none that was given away after the backup means another thing.

    `age` is the backup's in seconds.
    """
    least = highest + max(ROUND, int(max(0.0, age) * a_second))
    return -(-least // ROUND) * ROUND


def begin_anew(connection: Connection, engine: Engine, made_at: float, now: float, given: dict[str, int]) -> int:
    """Make the restored record a record of its own; answers how many leases were taken back.

    It has another name, so that nodes keep what they have for the old one to themselves. Its queue is to be filled
    again. Deliveries that were under way fail: their receivers may have had them. `given` are the highest ids that
    the record had given away before it was replaced.
    """
    taken = _take_back_leases(connection, engine, now)
    _fail_deliveries(connection, now)
    connection.execute(delete(t.facts).where(t.facts.c.name.in_(["server_uuid", "queue_identity", "keeper"])))
    connection.execute(insert(t.facts), {"name": "server_uuid", "value": str(uuid.uuid4())})
    for table, a_second in LEAPING.items():
        highest = max(highest_id(connection, table), given.get(table.name, 0))
        set_highest_id(connection, table, leap(highest, now - made_at, a_second))
    _tell(connection, made_at, now, taken)
    return taken


def _take_back_leases(connection: Connection, engine: Engine, now: float) -> int:
    statements, taken, after = Statements(engine), 0, 0
    while found := connection.execute(_leased.where(t.runs.c.id > after).order_by(t.runs.c.id).limit(CHUNK)).all():
        after = found[-1].id
        command = TakeBackLeases([row.uuid for row in found])
        transaction = SqlTransaction(connection, now, 0, statements, Subscriptions())
        batch = transaction.load(command.needs())
        command.apply(batch)
        transaction.save(batch)
        taken += command.answer(batch)
    return taken


def _fail_deliveries(connection: Connection, now: float) -> None:
    pending = update(t.deliveries).where(t.deliveries.c.state == "pending")
    connection.execute(pending.values(state="failed", error=RESTORED, next_at=None, ended_at=now))
    connection.execute(update(t.webhooks).values(busy_until=0.0))


def _tell(connection: Connection, made_at: float, now: float, taken: int) -> None:
    words = {"action": RESTORED, "made_at": made_at, "leases": taken}
    row = {"at": now, "level": "warn", "service": "database", "metadata": json.dumps(words)}
    connection.execute(insert(t.journal), {**row, "message": "the record was restored from a backup"})
