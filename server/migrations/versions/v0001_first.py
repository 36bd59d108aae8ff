"""The first schema: subjects, consent, receipts, rounds, ledger and the administration's own record."""

from alembic import op

from server.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table of the first version."""
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    """Remove them again."""
    metadata.drop_all(op.get_bind())
