"""What keys may do beside their scopes; webhooks and their deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns, make the tables. A join token was a node's key until now, and stays one."""
    op.add_column("api_keys", sa.Column("node_id", sa.String(length=200), nullable=True))
    op.add_column("api_keys", sa.Column("uses_left", sa.Integer(), nullable=True))
    op.add_column("api_keys", sa.Column("made_by", sa.BigInteger(), nullable=True))
    op.add_column("api_keys", sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_index("api_keys_by_version", "api_keys", ["version"])
    _own_runs()
    _webhooks()
    _deliveries()


def _own_runs() -> None:
    """Lists of one submitter's runs."""
    columns = ("submitter", "id", "state", "created_at", "started_at", "finished_at", "node_id", "task_id")
    named = sa.text("submitter <> ''")
    op.create_index("runs_by_submitter", "runs", list(columns), sqlite_where=named, postgresql_where=named)


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("failing_since", sa.Float(), nullable=True),
        sa.Column("disabled_reason", sa.String(length=500), server_default=sa.text("''"), nullable=False),
        sa.Column("busy_until", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("webhook_id", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=True),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    pending = sa.text("state = 'pending'")
    op.create_index(
        "deliveries_due",
        "deliveries",
        ["webhook_id", "next_at"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
    op.create_index("deliveries_by_webhook", "deliveries", ["webhook_id", "created_at"])
    op.create_index("deliveries_by_time", "deliveries", ["created_at"])
