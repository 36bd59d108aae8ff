"""The private consent log: its leaves, ticks and erasures; and the public log's heads as they were signed."""

from alembic import op

from server.tables import (
    consent_erasures,
    consent_leaves,
    consent_ticks,
    log_heads,
    metadata,
    receipt_leaves,
)

revision = "0003"
down_revision = "0002"
TABLES = [receipt_leaves, consent_erasures, consent_leaves, consent_ticks, log_heads]


def upgrade() -> None:
    """Make the tables."""
    metadata.create_all(op.get_bind(), tables=TABLES)


def downgrade() -> None:
    """Remove them again."""
    metadata.drop_all(op.get_bind(), tables=TABLES)
