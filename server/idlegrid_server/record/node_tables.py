"""The tables of nodes: who they are, what became of them, and how their owners come and go."""

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Float, Index, Integer, String, Table, Text, text

from idlegrid_server.record.metadata import BigId, metadata

nodes: Final = Table(
    "nodes",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("registered_at", Float, nullable=False),
    Column("last_seen", Float, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", String(100), nullable=False),
    Column("since", Float, nullable=False),
    Column("health", String(10), nullable=False),
    Column("wish", String(10), nullable=False, server_default="active"),
    Column("hostname", String(255), nullable=False),
    Column("address", String(255), nullable=False),
    Column("port", Integer, nullable=False, server_default=text("0")),
    Column("metadata", Text, nullable=False, server_default="{}"),
    Column("max_tasks", Integer),
    Column("operator_types", JSON(none_as_null=True)),
    Column("pid", Integer, nullable=False),
    Column("version", String(50), nullable=False),
    Column("python", String(20), nullable=False),
    Column("profile", String(50), nullable=False),
    Column("slots", Integer, nullable=False),
    Column("task_types", JSON, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("cpu_cores", Float, nullable=False),
    Column("memory_mb", BigInteger, nullable=False),
    Column("cpu_percent", Float, nullable=False),
    Column("memory_percent", Float, nullable=False),
    Column("load_average", Float),
    Column("sandbox", JSON, nullable=False),
    Column("utc_offset", Integer, nullable=False, server_default=text("0")),
    Column("policy", Text, nullable=False, server_default="{}"),
    Column("policy_refused", Text, nullable=False, server_default=text("''")),
    Column("pushed_policy", Text, nullable=False, server_default="{}"),
)
Index("nodes_by_health", nodes.c.health, nodes.c.last_seen)

node_states: Final = Table(
    "node_states",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("node_id", String(200), nullable=False),
    Column("at", Float, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", String(100), nullable=False),
)
Index("node_states_by_node", node_states.c.node_id, node_states.c.at)

node_weeks: Final = Table(
    "node_weeks",
    metadata,
    Column("node_id", String(200), primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("seen_seconds", Float, nullable=False),
    Column("idle_seconds", Float, nullable=False),
)
"""A node's week: by hour of the week (0: Monday from midnight, by its owner's clock) for how long it was looked at, and
for how much of that it could work. Older weeks count less.
"""

reclaims: Final = Table(
    "reclaims",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("node_id", String(200), nullable=False),
    Column("at", Float, nullable=False),
    Column("reason", String(100), nullable=False),
    Column("signal", String(100), nullable=False),
    Column("frozen_s", Float),
    Column("memory_s", Float),
    Column("memory_mb", Float, nullable=False),
    Column("outcome", String(20), nullable=False),
)
"""Each time that an owner took a machine back while runs were held."""
Index("reclaims_by_node", reclaims.c.node_id, reclaims.c.at, unique=True)
# With what the figures are made of: ten thousand looks into the table would take three times as long.
Index("reclaims_by_time", reclaims.c.at, reclaims.c.frozen_s, reclaims.c.memory_s)

node_totals: Final = Table(
    "node_totals",
    metadata,
    Column("node_id", String(200), primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("completed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("wall_seconds", Float, nullable=False),
    Column("span", BigInteger, nullable=False, server_default=text("0")),
    Column("span_ended", Integer, nullable=False, server_default=text("0")),
    Column("span_failed", Integer, nullable=False, server_default=text("0")),
    Column("span_seconds", Float, nullable=False, server_default=text("0")),
    Column("before_ended", Integer, nullable=False, server_default=text("0")),
    Column("before_failed", Integer, nullable=False, server_default=text("0")),
    Column("before_seconds", Float, nullable=False, server_default=text("0")),
)
"""What nodes have done in all, counted as it happens; and in `span`, the newest span of time (`core.rates`) in which
an attempt ended there, and in the one just before it.
"""
