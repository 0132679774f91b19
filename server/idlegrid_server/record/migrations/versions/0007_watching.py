"""How the grid stood over time, what attempts used over time, and how often nodes fail."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is known of any of it yet."""
    op.create_table(
        "samples",
        sa.Column("at", sa.Float(), primary_key=True),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("nodes", sa.Text(), nullable=False),
    )
    op.create_table(
        "run_usage",
        sa.Column("run_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("points", sa.Text(), nullable=False),
    )
    _add_count("span", sa.BigInteger())
    for name in ("span_ended", "span_failed", "before_ended", "before_failed"):
        _add_count(name, sa.Integer())
    for name in ("span_seconds", "before_seconds"):
        _add_count(name, sa.Float())


def _add_count(name: str, kind: sa.Integer | sa.Float[float]) -> None:
    op.add_column("node_totals", sa.Column(name, kind, server_default=sa.text("0"), nullable=False))
