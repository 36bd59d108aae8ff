"""Releases: files by digest, what was published in each line, and where a line points."""

from alembic import op

from server.tables import metadata, release_files, release_lines, releases

revision = "0002"
down_revision = "0001"
TABLES = [release_lines, releases, release_files]


def upgrade() -> None:
    """Make the tables of the release service."""
    metadata.create_all(op.get_bind(), tables=TABLES)


def downgrade() -> None:
    """Remove them again."""
    metadata.drop_all(op.get_bind(), tables=TABLES)
