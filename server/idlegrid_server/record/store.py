"""The record over SQLAlchemy: transactions of the one writer."""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, func, insert, select

from idlegrid_server.core.batch import Batch, Needs
from idlegrid_server.core.model import (
    EndedAttempt,
    IdempotencyKey,
    LogPiece,
    NodeSpell,
    Payload,
    Reclaim,
    Run,
    RunState,
)
from idlegrid_server.core.rates import span_of
from idlegrid_server.core.reclaims import COUNTER
from idlegrid_server.core.subscriptions import Subscriptions
from idlegrid_server.record import tables as t
from idlegrid_server.record.census import Moment, moment, moves
from idlegrid_server.record.checkpoints import resumable
from idlegrid_server.record.deliveries import write_deliveries
from idlegrid_server.record.engine import translated
from idlegrid_server.record.reading import in_state
from idlegrid_server.record.rows import RUN_HEADS, node_values, read_node, read_run
from idlegrid_server.record.statements import CHANGING, HEAD, Statements
from idlegrid_server.record.task_store import load_tasks, note_latest_runs, save_tasks

SHARDS: Final = 8
"""Rows of each counter, so that coordinators do not wait for each other's."""

_changed_row = attrgetter(*CHANGING, "id")
_attempt_row = attrgetter(*EndedAttempt.__dataclass_fields__)
_log_row = attrgetter(*LogPiece.__dataclass_fields__)
_spell_row = attrgetter(*NodeSpell.__dataclass_fields__)
_reclaim_row = attrgetter(*Reclaim.__dataclass_fields__)

# Another coordinator waits until ours has committed, then sees what it wrote, and never in a circle, for rows are
# locked in id order; SQLite has one writer anyway.
_heads = RUN_HEADS.order_by(t.runs.c.id).with_for_update()
_by_uuid = _heads.where(t.runs.c.uuid.in_(bindparam("uuids", expanding=True)))
_by_id = _heads.where(t.runs.c.id.in_(bindparam("ids", expanding=True)))
_payloads = select(t.runs.c.uuid, t.runs.c.code, t.runs.c.parameters, t.runs.c.work).where(
    t.runs.c.uuid.in_(bindparam("uuids", expanding=True))
)
_nodes = select(t.nodes).where(t.nodes.c.id.in_(bindparam("ids", expanding=True))).order_by(t.nodes.c.id)
_nodes = _nodes.with_for_update()
_of_nodes = (in_state(RunState.RUNNING), t.runs.c.node_id.in_(bindparam("ids", expanding=True)))
_held = select(t.runs.c.node_id, func.count()).where(*_of_nodes).group_by(t.runs.c.node_id)
_held_uuids = select(t.runs.c.uuid).where(*_of_nodes)
_new_runs = insert(t.runs).returning(t.runs.c.id, t.runs.c.uuid)


class SqlRecord:
    """Implements `core.ports.Record`; `instance` names this coordinator, so that counters do not contend.

    `subscriptions` says what endpoints want to hear of; it is to be refreshed when they have changed.
    """

    def __init__(
        self, engine: Engine, now: Callable[[], float], instance: str = "", subscriptions: Subscriptions | None = None
    ) -> None:
        self._engine, self._now = engine, now
        self._shard = zlib.crc32(instance.encode()) % SHARDS
        self._statements = Statements(engine)
        self._alone = engine.dialect.name == "sqlite"
        self.subscriptions = subscriptions or Subscriptions()

    @contextmanager
    def transaction(self) -> Iterator["SqlTransaction"]:
        """Commit at the end, or nothing at all. Raises RecordUnavailable."""
        with translated("written"), self._engine.begin() as connection:
            if self._alone:
                # What is read stays true until it is written, also beside another process.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield SqlTransaction(connection, self._now(), self._shard, self._statements, self.subscriptions)


class SqlTransaction:
    """Implements `core.ports.Transaction` on one connection."""

    def __init__(
        self, connection: Connection, now: float, shard: int, statements: Statements, subscriptions: Subscriptions
    ) -> None:
        self._connection, self._now, self._shard, self._do = connection, now, shard, statements
        self._subscriptions = subscriptions
        self._before: dict[int, Moment] = {}

    def load(self, needs: Needs) -> Batch:
        """Read what the commands asked for; rows of nodes are locked before those of runs, each kind in id order."""
        batch = Batch(self._now)
        if needs.keys:
            batch.keys = self._keys(needs.keys)
            needs.uuids.update(uuid for key in batch.keys.values() for uuid in key.run_uuids)
        if needs.nodes:
            self._load_nodes(needs, batch)
        if needs.uuids:
            batch.include(self._runs(_by_uuid, {"uuids": sorted(needs.uuids)}))
        if needs.ids:
            batch.include(run for run in self._runs(_by_id, {"ids": sorted(needs.ids)}) if run.uuid not in batch.runs)
        sources = [batch.by_id[run_id] for run_id in needs.sources if run_id in batch.by_id]
        if payloads := needs.payloads.union(run.uuid for run in sources):
            rows = self._connection.execute(_payloads, {"uuids": sorted(payloads)})
            batch.payloads = {uuid: Payload(code, parameters, work) for uuid, code, parameters, work in rows}
        if again := [run.id for uuid, run in batch.runs.items() if run.attempts and uuid in needs.resuming]:
            batch.checkpoints = resumable(self._connection, again)
        load_tasks(self._connection, needs, batch, sources)
        return batch

    def _load_nodes(self, needs: Needs, batch: Batch) -> None:
        rows = self._connection.execute(_nodes, {"ids": sorted(needs.nodes)})
        batch.nodes = {row.id: read_node(row) for row in rows}
        limited = [n.id for n in batch.nodes.values() if n.max_tasks is not None and n.id in needs.leasing]
        if limited:
            batch.held = dict.fromkeys(limited, 0)
            batch.held.update((node, count) for node, count in self._connection.execute(_held, {"ids": limited}))
        if needs.emptying:
            held = self._connection.scalars(_held_uuids, {"ids": sorted(needs.emptying)})
            needs.uuids.update(held)

    def _runs(self, query: Any, parameters: dict[str, Any]) -> Iterator[Run]:
        for row in self._connection.execute(query, parameters):
            run = read_run(row)
            self._before[run.id] = moment(run)
            yield run

    def _keys(self, keys: set[str]) -> dict[str, IdempotencyKey]:
        rows = self._connection.execute(select(t.idempotency_keys).where(t.idempotency_keys.c.key.in_(sorted(keys))))
        return {r.key: IdempotencyKey(r.key, r.fingerprint, tuple(json.loads(r.run_uuids)), r.created_at) for r in rows}

    def save(self, batch: Batch) -> None:
        """Write all that changed, in id order, and give new runs their ids."""
        self._insert_runs(batch)
        self._change_runs(batch)
        save_tasks(self._connection, batch)
        self._do.attempts.run(self._connection, map(_attempt_row, batch.ended))
        self._do.events.run(
            self._connection,
            ((batch.runs[line.run_uuid].id, line.at, line.event, line.detail[:500]) for line in batch.story),
        )
        self._do.logs.run(self._connection, map(_log_row, batch.logs))
        told = sorted(batch.usage_points.items())
        self._do.run_usage.run(self._connection, ((*attempt, points) for attempt, points in told))
        self._save_nodes(batch)
        self._save_sums(batch)
        self._do.keys.run(self._connection, map(_key_row, batch.new_keys))
        self._do.owe.run(self._connection, ((uuid, self._now) for uuid in sorted(batch.owed)))
        write_deliveries(self._connection, batch, self._subscriptions)

    def settle(self, run_uuids: Iterable[str]) -> None:
        """The queue has these runs' entries: nothing is owed any more."""
        self._do.settle.run(self._connection, ((uuid,) for uuid in run_uuids))

    def _insert_runs(self, batch: Batch) -> None:
        if not batch.new_runs:
            return
        rows = [_new_row(run, payload) for run, payload in batch.new_runs]
        made = self._connection.execute(_new_runs, rows)
        for run_id, uuid in made:
            batch.runs[uuid].id = run_id
        note_latest_runs(batch)

    def _change_runs(self, batch: Batch) -> None:
        changed = sorted(batch.changed_runs.values(), key=lambda run: run.id)
        self._do.change_runs.run(self._connection, map(_changed_row, changed))
        outputs = sorted(((batch.runs[uuid].id, o) for uuid, o in batch.outputs.items()), key=lambda pair: pair[0])
        self._do.outputs.run(self._connection, ((o.result, o.error, run_id) for run_id, o in outputs))

    def _save_nodes(self, batch: Batch) -> None:
        changed = sorted(batch.changed_nodes.values(), key=lambda node: node.id)
        self._do.nodes.run(self._connection, map(node_values, changed))
        self._do.node_states.run(self._connection, map(_spell_row, batch.spells))
        # Only here it shows which of them are told for the first time.
        batch.count(COUNTER, self._do.reclaims.run(self._connection, map(_reclaim_row, batch.reclaims)))

    def _save_sums(self, batch: Batch) -> None:
        used = ((*key, int(row[0]), row[1], row[2]) for key, row in sorted(batch.usage.items()))
        self._do.usage.run(self._connection, used)
        totals = (_totals_row(node, row, self._now) for node, row in sorted(batch.node_totals.items()))
        self._do.node_totals.run(self._connection, totals)
        counts = ((str(name), self._shard, value) for name, value in sorted(batch.counts.items()) if value)
        self._do.counters.run(self._connection, counts)
        moved = moves((run for run, _ in batch.new_runs), batch.changed_runs.values(), self._before)
        self._do.run_counts.run(self._connection, ((*place, self._shard, by) for *place, by in moved))


def _new_row(run: Run, payload: Payload) -> dict[str, Any]:
    row = {name: getattr(run, name) for name in HEAD if name != "id"}
    row.update(code=payload.code, parameters=payload.parameters, work=payload.work)
    return row


def _totals_row(node_id: str, sums: Sequence[float], now: float) -> tuple[Any, ...]:
    """What ended there counts in all, and in the span that is now; nothing ended before it."""
    attempts, completed, failed, seconds, failures = sums
    newest = (span_of(now), int(attempts), int(failures), seconds)
    return node_id, int(attempts), int(completed), int(failed), seconds, *newest, 0, 0, 0.0


def _key_row(key: IdempotencyKey) -> tuple[str, str, str, float]:
    return key.key, key.fingerprint, json.dumps(key.run_uuids), key.created_at
