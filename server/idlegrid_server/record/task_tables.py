"""The tables of tasks, and of what stands between them."""

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text

from idlegrid_server.record.metadata import BigId, metadata

tasks: Final = Table(
    "tasks",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("task_type", String(100), nullable=False),
    Column("executor", String(200), nullable=False),
    Column("command", Text, nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("schedule", String(200), nullable=False),
    Column("interval_seconds", Float),
    Column("timezone", String(100), nullable=False),
    Column("cpu", Float, nullable=False),
    Column("memory_mb", BigInteger, nullable=False),
    Column("requires", JSON, nullable=False),
    Column("min_sandbox", Integer),
    Column("priority", Integer, nullable=False),
    Column("retry_limit", Integer, nullable=False),
    Column("timeout", Float, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("max_instances", Integer, nullable=False),
    Column("job_type", String(200), nullable=False),
    Column("job_category", String(200), nullable=False),
    Column("submitter", String(200), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("has_code", Boolean, nullable=False),
    Column("status", String(20), nullable=False),
    Column("next_run_at", Float),
    Column("last_run_at", Float),
    Column("last_run_id", BigInteger),
    Column("last_state", String(20)),
    Column("last_completed_id", BigInteger, nullable=False),
    Column("total_runs", BigInteger, nullable=False),
    Column("completed_runs", BigInteger, nullable=False),
    Column("failed_runs", BigInteger, nullable=False),
    Column("cancelled_runs", BigInteger, nullable=False),
    Column("unfinished", BigInteger, nullable=False),
    Column("run_seconds", Float, nullable=False),
    sqlite_autoincrement=True,
)
Index("tasks_by_firing", tasks.c.next_run_at)

task_code: Final = Table(
    "task_code",
    metadata,
    Column("task_id", BigInteger, primary_key=True, autoincrement=False),
    Column("code", Text, nullable=False),
)
"""Inline code, apart from its task, so that lists of tasks stay small."""

task_files: Final = Table(
    "task_files",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("task_id", BigInteger, nullable=False),
    Column("name", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("created_at", Float, nullable=False),
)
"""Files that lie in the working folder of a task's runs; their bytes are in `file_chunks`."""
Index("task_files_by_task", task_files.c.task_id, task_files.c.name, unique=True)

dependencies: Final = Table(
    "dependencies",
    metadata,
    Column("task_id", BigInteger, primary_key=True, autoincrement=False),
    Column("parent_id", BigInteger, primary_key=True, autoincrement=False),
    Column("used_run_id", BigInteger, nullable=False),
)
Index("dependencies_by_parent", dependencies.c.parent_id)

waits: Final = Table(
    "waits",
    metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("parent_id", BigInteger, primary_key=True, autoincrement=False),
    Column("parent_run_id", BigInteger),
)
"""Which run of which parent a run still waits for; without a number, for the first to come."""
Index("waits_by_parent_run", waits.c.parent_run_id)
Index("waits_by_parent", waits.c.parent_id)
