"""Which request or firing caused a run."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs that are there already were caused by nothing that is known."""
    op.add_column("runs", sa.Column("trace_id", sa.String(length=64), server_default=sa.text("''"), nullable=False))
