"""The tables. A run's newest attempt is part of its row; ended attempts are history beside it."""

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from idlegrid_server.record.metadata import BigId, metadata
from idlegrid_server.record.node_tables import node_states, node_totals, node_weeks, nodes, reclaims
from idlegrid_server.record.task_tables import dependencies, task_code, task_files, tasks, waits
from idlegrid_server.record.webhook_tables import deliveries, webhooks

__all__ = [
    "BigId",
    "api_keys",
    "attempts",
    "checkpoints",
    "counters",
    "deliveries",
    "dependencies",
    "events",
    "facts",
    "file_chunks",
    "files",
    "idempotency_keys",
    "journal",
    "logs",
    "metadata",
    "node_states",
    "node_totals",
    "node_weeks",
    "nodes",
    "outbox",
    "reclaims",
    "run_usage",
    "runs",
    "samples",
    "task_code",
    "task_files",
    "tasks",
    "usage",
    "waits",
    "webhooks",
]

runs: Final = Table(
    "runs",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("submitter", String(200), nullable=False),
    Column("task_type", String(100), nullable=False),
    Column("queue", String(500), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("cpu", Float, nullable=False),
    Column("memory_mb", BigInteger, nullable=False),
    Column("requires", Text, nullable=False),
    Column("min_sandbox", Integer, nullable=False),
    Column("timeout", Float, nullable=False),
    Column("retry_limit", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("reason", String(100), nullable=False),
    Column("retries", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Float),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("lease_id", String(32)),
    Column("lease_via", String(10), nullable=False),
    Column("node_id", String(200)),
    Column("leased_at", Float),
    Column("lease_expires_at", Float),
    Column("listed", Boolean, nullable=False),
    Column("frozen", Boolean, nullable=False),
    Column("exit_code", Integer),
    Column("truncated", Boolean, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("cpu_seconds", Float, nullable=False),
    Column("wall_seconds", Float, nullable=False),
    Column("max_memory_mb", Float, nullable=False),
    Column("processes", Integer, nullable=False, server_default=text("0")),
    Column("sandbox", Integer),
    Column("task_id", BigInteger),
    Column("task_name", String(200)),
    Column("trigger", String(20), nullable=False, server_default="submit"),
    Column("scheduled_for", Float),
    Column("parents_key", Text),
    Column("trace_id", String(64), nullable=False, server_default=text("''")),
    Column("work", Text, nullable=False, server_default=text("''")),
    Column("parameters", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("result", Text),
    Column("error", Text),
    sqlite_autoincrement=True,
)
Index("runs_by_state", runs.c.state, runs.c.id)


def _where(condition: str) -> dict[str, Any]:
    """Only such rows are in the index: the others cost it nothing."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


# A list's page is found in one index that holds all that the list is filtered and sorted by: a look at the row itself
# costs fifty times as much. Beside its insertion a run's life costs an index nothing when none of its columns changes,
# else an entry taken out and one put in per change (each some microseconds less than one). So those with a condition
# on what comes late in a life (a node, an end) pay for what those with a state cost.
Index("runs_by_creation", runs.c.created_at, runs.c.id, runs.c.state)
Index("runs_by_start", runs.c.started_at, runs.c.id, runs.c.state, runs.c.created_at)
Index(
    "runs_by_end",
    runs.c.finished_at,
    runs.c.id,
    runs.c.state,
    runs.c.created_at,
    **_where("finished_at IS NOT NULL"),
)
_filtered: Final = (runs.c.id, runs.c.state, runs.c.created_at, runs.c.started_at, runs.c.finished_at)
Index("runs_by_node", runs.c.node_id, *_filtered, **_where("node_id IS NOT NULL"))
# Where no keys are asked for, no run has a submitter, and this costs nothing. Whose lists are confined filters them by
# anything else, too: nothing of that is to be looked up in rows, of which he may have very many.
Index("runs_by_submitter", runs.c.submitter, *_filtered, runs.c.node_id, runs.c.task_id, **_where("submitter <> ''"))
# The state is in front of these for SQLite, which would take an index of all states for a better one.
Index("runs_held", runs.c.state, runs.c.node_id, runs.c.id, **_where("state = 'running'"))
Index("runs_by_lease", runs.c.state, runs.c.lease_expires_at, **_where("state = 'running'"))
Index("runs_by_delay", runs.c.state, runs.c.not_before, **_where("state = 'waiting'"))
# These cost runs that were submitted by themselves nothing. A task may have very many: its lists are not sorted either.
_within: Final = (runs.c.id, runs.c.state, runs.c.created_at, runs.c.node_id)
Index("runs_by_task", runs.c.task_id, *_filtered, runs.c.node_id, **_where("task_id IS NOT NULL"))
Index(
    "runs_by_task_start",
    runs.c.task_id,
    runs.c.started_at,
    *_within,
    **_where("task_id IS NOT NULL AND started_at IS NOT NULL"),
)
Index(
    "runs_by_task_end",
    runs.c.task_id,
    runs.c.finished_at,
    *_within,
    **_where("task_id IS NOT NULL AND finished_at IS NOT NULL"),
)
Index(
    "runs_unfinished",
    runs.c.finished_at,
    runs.c.task_id,
    runs.c.id,
    **_where("task_id IS NOT NULL AND finished_at IS NULL"),
)
Index("runs_by_firing", runs.c.task_id, runs.c.scheduled_for, unique=True, **_where("scheduled_for IS NOT NULL"))
Index("runs_by_parents", runs.c.task_id, runs.c.parents_key, unique=True, **_where("parents_key IS NOT NULL"))

attempts: Final = Table(
    "attempts",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("run_id", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("node_id", String(200), nullable=False),
    Column("lease_id", String(32), nullable=False),
    Column("leased_at", Float, nullable=False),
    Column("ended_at", Float, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("reason", String(100), nullable=False),
    Column("cpu_seconds", Float, nullable=False),
    Column("wall_seconds", Float, nullable=False),
    Column("max_memory_mb", Float, nullable=False),
    Column("processes", Integer, nullable=False, server_default=text("0")),
    Column("sandbox", Integer),
)
Index("attempts_by_run", attempts.c.run_id)

events: Final = Table(
    "events",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("run_id", BigInteger, nullable=False),
    Column("at", Float, nullable=False),
    Column("event", String(40), nullable=False),
    Column("detail", String(500), nullable=False),
)
Index("events_by_run", events.c.run_id)

logs: Final = Table(
    "logs",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("run_id", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("stream", String(10), nullable=False),
    Column("text", Text, nullable=False),
)
Index("logs_by_run", logs.c.run_id, logs.c.attempt, logs.c.seq, unique=True)

files: Final = Table(
    "files",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("run_id", BigInteger, nullable=False),
    Column("lease_id", String(32), nullable=False),
    Column("name", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("created_at", Float, nullable=False),
)
"""Files that can be fetched: a row is the last that is written of one."""
Index("files_by_run", files.c.run_id, files.c.lease_id, files.c.name, unique=True)

file_chunks: Final = Table(
    "file_chunks",
    metadata,
    Column("file_id", String(32), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("created_at", Float, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""Bytes of files. They are written before their file and dropped after it, so there may be some without one."""

checkpoints: Final = Table(
    "checkpoints",
    metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("file_id", String(32), nullable=False),
    Column("lease_id", String(32), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
)
"""What a run that goes on kept of itself: the newest alone, in `file_chunks` under its `file_id`."""

run_usage: Final = Table(
    "run_usage",
    metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("points", Text, nullable=False),
)
"""What attempts used over time, as their nodes last told it: a JSON list (docs/protocol.md, 1)."""

samples: Final = Table(
    "samples",
    metadata,
    Column("at", Float, primary_key=True),
    Column("waiting", Integer, nullable=False),
    Column("running", Integer, nullable=False),
    Column("nodes", Text, nullable=False),
)
"""How the grid stood every now and then: runs that wait and run, and `nodes`, by kind (`core.overview`) as JSON."""

journal: Final = Table(
    "journal",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("level", String(10), nullable=False),
    Column("service", String(40), nullable=False),
    Column("message", Text, nullable=False),
    Column("metadata", Text, nullable=False),
)
"""What the coordinators log, for those who cannot read their terminals."""
Index("journal_by_time", journal.c.at)

usage: Final = Table(
    "usage",
    metadata,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("submitter", String(200), primary_key=True),
    Column("node_id", String(200), primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("cpu_seconds", Float, nullable=False),
    Column("wall_seconds", Float, nullable=False),
)

counters: Final = Table(
    "counters",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("value", Float, nullable=False),
)

run_counts: Final = Table(
    "run_counts",
    metadata,
    Column("made_day", Integer, primary_key=True, autoincrement=False),
    Column("start_day", Integer, primary_key=True, autoincrement=False),
    Column("end_day", Integer, primary_key=True, autoincrement=False),
    Column("state", String(20), primary_key=True),
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("value", BigInteger, nullable=False),
)
"""How many runs were made, started and ended on which day since 1970 (-1: not yet), by the state that they are in."""

outbox: Final = Table(
    "outbox",
    metadata,
    Column("run_uuid", String(36), primary_key=True),
    Column("created_at", Float, nullable=False),
)
Index("outbox_by_age", outbox.c.created_at)

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("run_uuids", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)
Index("idempotency_keys_by_age", idempotency_keys.c.created_at)

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("prefix", String(20), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    Column("last_used_at", Float),
    Column("node_id", String(200)),
    Column("uses_left", Integer),
    Column("made_by", BigInteger),
    Column("version", BigInteger, nullable=False, server_default=text("0")),
)
"""`node_id`: the only node it speaks for. `uses_left`: how many nodes a join token may still enrol. `made_by`: the join
token that a node enrolled with. `version`: counted up by every change of any key (the fact `keys_version`), so that
what has changed since a look is found without reading all.
"""
Index("api_keys_by_version", api_keys.c.version)

facts: Final = Table(
    "facts",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
"""What is true of the whole record: its `server_uuid`, and which queue identity it was last written to."""
