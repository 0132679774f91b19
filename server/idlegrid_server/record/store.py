"""The record over SQLAlchemy: transactions of the one writer."""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.model import EndedAttempt, IdempotencyKey, LogPiece, NodeSpell, Payload, Run, RunState
from idlegrid_server.record import tables as t
from idlegrid_server.record.engine import translated
from idlegrid_server.record.rows import node_row, read_node

HEAD: Final = tuple(f.name for f in fields(Run))
"""A run's columns without code and output, in the order of `Run`."""
CHANGING: Final = tuple(name for name in HEAD[HEAD.index("state") :] if name not in ("created_at",))
SHARDS: Final = 8

_heads = select(*(t.runs.c[name] for name in HEAD))
_by_uuid = _heads.where(t.runs.c.uuid.in_(bindparam("uuids", expanding=True)))
_by_id = _heads.where(t.runs.c.id.in_(bindparam("ids", expanding=True)))
_payloads = select(t.runs.c.uuid, t.runs.c.code, t.runs.c.parameters).where(
    t.runs.c.uuid.in_(bindparam("uuids", expanding=True))
)
_change = update(t.runs).where(t.runs.c.id == bindparam("b_id")).values({n: bindparam(f"b_{n}") for n in CHANGING})
_output = (
    update(t.runs)
    .where(t.runs.c.id == bindparam("b_id"))
    .values(result=bindparam("b_result"), error=bindparam("b_error"))
)


class SqlRecord:
    """Implements `core.ports.Record`; `instance` names this coordinator, so that counters do not contend."""

    def __init__(self, engine: Engine, now: Callable[[], float], instance: str = "") -> None:
        self._engine, self._now = engine, now
        self._shard = zlib.crc32(instance.encode()) % SHARDS
        self._insert = (postgresql if engine.dialect.name == "postgresql" else sqlite).insert

    @contextmanager
    def transaction(self) -> Iterator["SqlTransaction"]:
        """Commit at the end, or nothing at all. Raises RecordUnavailable."""
        with translated("written"), self._engine.begin() as connection:
            yield SqlTransaction(connection, self._now(), self._shard, self._insert)


class SqlTransaction:
    """Implements `core.ports.Transaction` on one connection."""

    def __init__(self, connection: Connection, now: float, shard: int, upsert: Callable[..., Any]) -> None:
        self._connection, self._now, self._shard, self._insert = connection, now, shard, upsert

    def load(self, needs: Needs) -> Batch:
        """Read what the commands asked for."""
        batch = Batch(self._now)
        if needs.keys:
            batch.keys = self._keys(needs.keys)
            needs.uuids.update(uuid for key in batch.keys.values() for uuid in key.run_uuids)
        if needs.uuids:
            batch.include(self._runs(_by_uuid, {"uuids": sorted(needs.uuids)}))
        if needs.ids:
            batch.include(run for run in self._runs(_by_id, {"ids": sorted(needs.ids)}) if run.uuid not in batch.runs)
        if needs.payloads:
            rows = self._connection.execute(_payloads, {"uuids": sorted(needs.payloads)})
            batch.payloads = {uuid: Payload(code, parameters) for uuid, code, parameters in rows}
        if needs.nodes:
            rows = self._connection.execute(select(t.nodes).where(t.nodes.c.id.in_(sorted(needs.nodes))))
            batch.nodes = {row.id: read_node(row) for row in rows}
        return batch

    def _runs(self, query: Any, parameters: dict[str, Any]) -> Iterator[Run]:
        for row in self._connection.execute(query, parameters):
            run = Run(*row)
            run.state = RunState(run.state)
            yield run

    def _keys(self, keys: set[str]) -> dict[str, IdempotencyKey]:
        rows = self._connection.execute(select(t.idempotency_keys).where(t.idempotency_keys.c.key.in_(sorted(keys))))
        return {r.key: IdempotencyKey(r.key, r.fingerprint, tuple(json.loads(r.run_uuids)), r.created_at) for r in rows}

    def save(self, batch: Batch) -> None:
        """Write all that changed, in id order, and give new runs their ids."""
        self._insert_runs(batch)
        self._change_runs(batch)
        self._add(t.attempts, [_attempt_row(ended) for ended in batch.ended])
        self._add(
            t.events,
            [
                {
                    "run_id": batch.runs[line.run_uuid].id,
                    "at": line.at,
                    "event": line.event,
                    "detail": line.detail[:500],
                }
                for line in batch.story
            ],
        )
        self._upsert_nothing(t.logs, [_log_row(piece) for piece in batch.logs])
        self._save_nodes(batch)
        self._save_sums(batch)
        self._add(t.idempotency_keys, [_key_row(key) for key in batch.new_keys])
        owed = [{"run_uuid": uuid, "created_at": self._now} for uuid in sorted(batch.owed)]
        self._upsert_nothing(t.outbox, owed)

    def settle(self, run_uuids: Iterable[str]) -> None:
        """The queue has these runs' entries: nothing is owed any more."""
        rows = [{"b_uuid": uuid} for uuid in run_uuids]
        if rows:
            self._connection.execute(delete(t.outbox).where(t.outbox.c.run_uuid == bindparam("b_uuid")), rows)

    def _insert_runs(self, batch: Batch) -> None:
        if not batch.new_runs:
            return
        rows = [_new_row(run, payload) for run, payload in batch.new_runs]
        made = self._connection.execute(insert(t.runs).returning(t.runs.c.id, t.runs.c.uuid), rows)
        for run_id, uuid in made:
            batch.runs[uuid].id = run_id

    def _change_runs(self, batch: Batch) -> None:
        changed = sorted(batch.changed_runs.values(), key=lambda run: run.id)
        if changed:
            self._connection.execute(_change, [_changed_row(run) for run in changed])
        outputs = sorted(((batch.runs[uuid].id, o) for uuid, o in batch.outputs.items()), key=lambda pair: pair[0])
        if outputs:
            rows = [{"b_id": run_id, "b_result": o.result, "b_error": o.error} for run_id, o in outputs]
            self._connection.execute(_output, rows)

    def _save_nodes(self, batch: Batch) -> None:
        for node in sorted(batch.changed_nodes.values(), key=lambda node: node.id):
            row = node_row(node)
            statement = self._insert(t.nodes).values(row)
            self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))
        self._add(t.node_states, [_spell_row(spell) for spell in batch.spells])

    def _save_sums(self, batch: Batch) -> None:
        used = [
            {
                "hour": h,
                "submitter": s,
                "node_id": n,
                "attempts": int(row[0]),
                "cpu_seconds": row[1],
                "wall_seconds": row[2],
            }
            for (h, s, n), row in sorted(batch.usage.items())
        ]
        self._upsert_sum(t.usage, used, ("hour", "submitter", "node_id"))
        counts = [
            {"name": str(name), "shard": self._shard, "value": value}
            for name, value in sorted(batch.counts.items())
            if value
        ]
        self._upsert_sum(t.counters, counts, ("name", "shard"))

    def _add(self, table: Any, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(insert(table), rows)

    def _upsert_nothing(self, table: Any, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(self._insert(table).on_conflict_do_nothing(), rows)

    def _upsert_sum(self, table: Any, rows: Sequence[dict[str, Any]], key: tuple[str, ...]) -> None:
        if not rows:
            return
        statement = self._insert(table)
        added = {c.name: c + statement.excluded[c.name] for c in table.c if c.name not in key}
        self._connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=added), rows)


def _new_row(run: Run, payload: Payload) -> dict[str, Any]:
    row = {name: getattr(run, name) for name in HEAD if name != "id"}
    row.update(code=payload.code, parameters=payload.parameters)
    return row


def _changed_row(run: Run) -> dict[str, Any]:
    row = {f"b_{name}": getattr(run, name) for name in CHANGING}
    row["b_id"] = run.id
    return row


def _attempt_row(ended: EndedAttempt) -> dict[str, Any]:
    return dict(zip((f.name for f in fields(ended)), astuple(ended), strict=True))


def _log_row(piece: LogPiece) -> dict[str, Any]:
    return dict(zip((f.name for f in fields(piece)), astuple(piece), strict=True))


def _spell_row(spell: NodeSpell) -> dict[str, Any]:
    return dict(zip((f.name for f in fields(spell)), astuple(spell), strict=True))


def _key_row(key: IdempotencyKey) -> dict[str, Any]:
    uuids = json.dumps(key.run_uuids)
    return {"key": key.key, "fingerprint": key.fingerprint, "run_uuids": uuids, "created_at": key.created_at}
