"""The first schema: subjects, consent, receipts, rounds, ledger and the administration's own record."""

from alembic import op

from server.tables import LOGS, metadata, tree_heads

FIRST = (
    "subjects",
    "consents",
    "receipts",
    "nonces",
    "credentials",
    "admin_log",
    "changes",
    "notices",
    "service_keys",
    "lines",
    "rounds",
    "invitations",
    "contributions",
    "sums",
    "ledger",
    "tree_heads",
    "tree_nodes",
)
"""The tables of this version; later ones have migrations of their own."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table of the first version."""
    metadata.create_all(op.get_bind(), tables=[metadata.tables[name] for name in FIRST])
    op.bulk_insert(tree_heads, [{"log": log, "size": 0} for log in LOGS])


def downgrade() -> None:
    """Remove them again."""
    metadata.drop_all(op.get_bind(), tables=[metadata.tables[name] for name in FIRST])
