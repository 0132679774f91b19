"""Tasks, their schedules and dependencies; what the operator wants of nodes; totals of nodes; the journal."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, add the columns, and count once what is counted as it happens from here on."""
    _tasks()
    _around_tasks()
    _nodes()
    _runs()
    _indexes()
    _journal()
    _run_counts()
    _count()


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("task_type", sa.String(length=100), nullable=False),
        sa.Column("executor", sa.String(length=200), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("schedule", sa.String(length=200), nullable=False),
        sa.Column("interval_seconds", sa.Float(), nullable=True),
        sa.Column("timezone", sa.String(length=100), nullable=False),
        sa.Column("cpu", sa.Float(), nullable=False),
        sa.Column("memory_mb", sa.BigInteger(), nullable=False),
        sa.Column("requires", sa.JSON(), nullable=False),
        sa.Column("min_sandbox", sa.Integer(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("retry_limit", sa.Integer(), nullable=False),
        sa.Column("timeout", sa.Float(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("max_instances", sa.Integer(), nullable=False),
        sa.Column("job_type", sa.String(length=200), nullable=False),
        sa.Column("job_category", sa.String(length=200), nullable=False),
        sa.Column("submitter", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("has_code", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("next_run_at", sa.Float(), nullable=True),
        sa.Column("last_run_at", sa.Float(), nullable=True),
        sa.Column("last_run_id", sa.BigInteger(), nullable=True),
        sa.Column("last_state", sa.String(length=20), nullable=True),
        sa.Column("last_completed_id", sa.BigInteger(), nullable=False),
        sa.Column("total_runs", sa.BigInteger(), nullable=False),
        sa.Column("completed_runs", sa.BigInteger(), nullable=False),
        sa.Column("failed_runs", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_runs", sa.BigInteger(), nullable=False),
        sa.Column("unfinished", sa.BigInteger(), nullable=False),
        sa.Column("run_seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.create_index("tasks_by_firing", "tasks", ["next_run_at"], unique=False)


def _around_tasks() -> None:
    op.create_table(
        "dependencies",
        sa.Column("task_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parent_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("used_run_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "parent_id"),
    )
    op.create_index("dependencies_by_parent", "dependencies", ["parent_id"], unique=False)
    op.create_table(
        "task_code",
        sa.Column("task_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("task_id"),
    )
    op.create_table(
        "task_files",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("task_files_by_task", "task_files", ["task_id", "name"], unique=True)
    op.create_table(
        "waits",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parent_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parent_run_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "parent_id"),
    )
    op.create_index("waits_by_parent", "waits", ["parent_id"], unique=False)
    op.create_index("waits_by_parent_run", "waits", ["parent_run_id"], unique=False)


def _nodes() -> None:
    op.create_table(
        "node_totals",
        sa.Column("node_id", sa.String(length=200), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("completed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("wall_seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("node_id"),
    )
    op.add_column("nodes", sa.Column("wish", sa.String(length=10), server_default="active", nullable=False))
    op.add_column("nodes", sa.Column("port", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("nodes", sa.Column("metadata", sa.Text(), server_default="{}", nullable=False))
    op.add_column("nodes", sa.Column("max_tasks", sa.Integer(), nullable=True))
    op.add_column("nodes", sa.Column("load_average", sa.Float(), nullable=True))
    op.add_column("nodes", sa.Column("operator_types", sa.JSON(none_as_null=True), nullable=True))
    op.execute("UPDATE nodes SET wish = 'draining' WHERE draining")
    op.drop_column("nodes", "draining")


def _runs() -> None:
    op.add_column("runs", sa.Column("task_id", sa.BigInteger(), nullable=True))
    op.add_column("runs", sa.Column("task_name", sa.String(length=200), nullable=True))
    op.add_column("runs", sa.Column("trigger", sa.String(length=20), server_default="submit", nullable=False))
    op.add_column("runs", sa.Column("scheduled_for", sa.Float(), nullable=True))
    op.add_column("runs", sa.Column("parents_key", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("work", sa.Text(), server_default=sa.text("''"), nullable=False))


def _indexes() -> None:
    filtered = ["id", "state", "created_at", "started_at", "finished_at"]
    for name in ("runs_by_creation", "runs_by_end", "runs_by_node", "runs_by_lease", "runs_by_delay"):
        op.drop_index(name, "runs")
    _index("runs_by_creation", ["created_at", "id", "state"])
    _index("runs_by_start", ["started_at", "id", "state", "created_at"])
    _index("runs_by_end", ["finished_at", "id", "state", "created_at"], "finished_at IS NOT NULL")
    _index("runs_by_node", ["node_id", *filtered], "node_id IS NOT NULL")
    _index("runs_held", ["state", "node_id", "id"], "state = 'running'")
    _index("runs_by_lease", ["state", "lease_expires_at"], "state = 'running'")
    _index("runs_by_delay", ["state", "not_before"], "state = 'waiting'")
    _index("runs_by_task", ["task_id", *filtered, "node_id"], "task_id IS NOT NULL")
    within = ["id", "state", "created_at", "node_id"]
    _index("runs_by_task_start", ["task_id", "started_at", *within], "task_id IS NOT NULL AND started_at IS NOT NULL")
    _index("runs_by_task_end", ["task_id", "finished_at", *within], "task_id IS NOT NULL AND finished_at IS NOT NULL")
    _index("runs_unfinished", ["finished_at", "task_id", "id"], "task_id IS NOT NULL AND finished_at IS NULL")
    _index("runs_by_firing", ["task_id", "scheduled_for"], "scheduled_for IS NOT NULL", unique=True)
    _index("runs_by_parents", ["task_id", "parents_key"], "parents_key IS NOT NULL", unique=True)


def _index(name: str, columns: list[str], where: str | None = None, *, unique: bool = False) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(name, "runs", columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("service", sa.String(length=40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("journal_by_time", "journal", ["at"], unique=False)


def _run_counts() -> None:
    op.create_table(
        "run_counts",
        sa.Column("made_day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start_day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("end_day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("made_day", "start_day", "end_day", "state", "shard"),
    )
    runs = sa.table("runs", *map(sa.column, ("created_at", "started_at", "finished_at", "state")))
    places = [*map(_day, (runs.c.created_at, runs.c.started_at, runs.c.finished_at)), runs.c.state]
    counted = sa.select(*places, sa.literal(0), sa.func.count()).group_by(*places)
    columns = ["made_day", "start_day", "end_day", "state", "shard", "value"]
    op.execute(sa.table("run_counts", *map(sa.column, columns)).insert().from_select(columns, counted))


def _day(at: sa.ColumnElement[float]) -> sa.ColumnElement[int]:
    """A cast rounds on PostgreSQL; SQLite, which need not know FLOOR, cuts."""
    days: sa.ColumnElement[float] = at / sa.literal_column("86400.0")
    whole = sa.func.floor(days) if op.get_bind().dialect.name == "postgresql" else days
    return sa.func.coalesce(sa.cast(whole, sa.Integer), sa.literal_column("-1"))


def _count() -> None:
    op.execute(
        "INSERT INTO node_totals (node_id, attempts, completed, failed, wall_seconds) "
        "SELECT node_id, COUNT(*), SUM(CASE WHEN state = 'completed' THEN 1 ELSE 0 END), "
        "SUM(CASE WHEN state IN ('failed', 'timed_out') THEN 1 ELSE 0 END), SUM(wall_seconds) "
        "FROM runs WHERE node_id IS NOT NULL GROUP BY node_id"
    )
    op.execute(
        "INSERT INTO counters (name, shard, value) "
        "SELECT 'compute_seconds', 0, total FROM (SELECT SUM(cpu_seconds) AS total FROM usage) AS sums WHERE total > 0"
    )
