"""Checkpoints of runs; nodes' weeks, reclaims, and the policies of their owners."""

import sqlalchemy as sa
from alembic import op

from idlegrid_server.record.metadata import BigId

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is known of any of it yet."""
    op.create_table(
        "checkpoints",
        sa.Column("run_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("file_id", sa.String(length=32), nullable=False),
        sa.Column("lease_id", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "node_weeks",
        sa.Column("node_id", sa.String(length=200), primary_key=True),
        sa.Column("hour", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("seen_seconds", sa.Float(), nullable=False),
        sa.Column("idle_seconds", sa.Float(), nullable=False),
    )
    op.create_table(
        "reclaims",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("node_id", sa.String(length=200), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=False),
        sa.Column("signal", sa.String(length=100), nullable=False),
        sa.Column("frozen_s", sa.Float()),
        sa.Column("memory_s", sa.Float()),
        sa.Column("memory_mb", sa.Float(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
    )
    op.create_index("reclaims_by_node", "reclaims", ["node_id", "at"], unique=True)
    op.create_index("reclaims_by_time", "reclaims", ["at", "frozen_s", "memory_s"])
    op.add_column("nodes", sa.Column("utc_offset", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("nodes", sa.Column("policy", sa.Text(), server_default="{}", nullable=False))
    op.add_column("nodes", sa.Column("policy_refused", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("nodes", sa.Column("pushed_policy", sa.Text(), server_default="{}", nullable=False))
