"""The tables of the one store that holds consent and rounds: order in it is what every guarantee refers to."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

Big = BigInteger().with_variant(Integer, "sqlite")
"""Row numbers: SQLite numbers rows by itself in INTEGER primary keys only."""


_WAITING = text("confirm_by > 0")


def _handle(*, primary_key: bool = False) -> Column[int]:
    return Column(
        "handle",
        Big,
        ForeignKey("subjects.handle", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


def _round_key() -> tuple[Column[str], Column[int]]:
    return Column("line", String(100), primary_key=True), Column("round", BigInteger, primary_key=True)


# A handle is random, so that no erased subject's number is ever given to another. After a restore a subject is erased
# at `confirm_by` unless its device has been back: the backup may be older than its erasure.
subjects = Table(
    "subjects",
    metadata,
    Column("handle", Big, primary_key=True, autoincrement=False),
    Column("subject", String(64), nullable=False),
    Column("enrolled_at", BigInteger, nullable=False),
    Column("confirm_by", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("subject"),
    Index("ix_subjects_confirm_by", "confirm_by", sqlite_where=_WAITING, postgresql_where=_WAITING),
)

consents = Table(
    "consents",
    metadata,
    _handle(primary_key=True),
    Column("purpose", String(40), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("notice", String(64), nullable=False),
    Column("language", String(35), nullable=False),
    Column("valid_until", BigInteger, nullable=False),
    Column("quiet_until", BigInteger, nullable=False),
    Column("hour", BigInteger, nullable=False),
    Column("grants", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

receipts = Table(
    "receipts",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=True),
    _handle(),
    Column("purpose", String(40), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("idempotency_key", String(64)),
    Column("request_digest", String(64)),
    Column("receipt", Text, nullable=False),
    UniqueConstraint("handle", "idempotency_key"),
)

# No index by time: the table holds ten minutes, and each index is another page in every decision.
nonces = Table(
    "nonces",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("forget_after", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

credentials = Table(
    "credentials",
    metadata,
    Column("actor", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("token_digest", String(64), nullable=False),
    Column("valid_until", BigInteger, nullable=False),
    UniqueConstraint("token_digest"),
)

admin_log = Table(
    "admin_log",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(100), nullable=False),
    Column("outcome", String(40), nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("payload", Text, nullable=False),
    Column("proposed_by", String(64), nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("idempotency_key", String(64)),
    Column("approved_by", String(64)),
    Column("approved_at", BigInteger),
    UniqueConstraint("proposed_by", "idempotency_key"),
)

notices = Table(
    "notices",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("content", Text, nullable=False),
)

service_keys = Table(
    "service_keys",
    metadata,
    Column("public", String(44), primary_key=True),
    Column("since", BigInteger, nullable=False),
)

lines = Table(
    "lines",
    metadata,
    Column("line", String(100), primary_key=True),
    Column("epsilon", Float, nullable=False),
    Column("declared", Text, nullable=False),
)

rounds = Table(
    "rounds",
    metadata,
    *_round_key(),
    Column("state", String(16), nullable=False),
    Column("terms", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("result", LargeBinary),
)

invitations = Table(
    "invitations",
    metadata,
    *_round_key(),
    _handle(primary_key=True),
    Column("version", BigInteger, nullable=False),
    Index("ix_invitations_handle", "handle"),
)

contributions = Table(
    "contributions",
    metadata,
    *_round_key(),
    _handle(primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("node", String(20), nullable=False),
    Index("ix_contributions_handle", "handle"),
)

sums = Table(
    "sums",
    metadata,
    *_round_key(),
    Column("node", String(20), primary_key=True),
    Column("total", LargeBinary, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("position", Big, primary_key=True, autoincrement=False),
    Column("kind", String(40), nullable=False),
    Column("line", String(100), nullable=False),
    Column("leaf", Text, nullable=False),
    Index("ix_ledger_line_kind", "line", "kind", "position"),
)

tree_heads = Table(
    "tree_heads",
    metadata,
    Column("log", String(16), primary_key=True),
    Column("size", BigInteger, nullable=False),
)

tree_nodes = Table(
    "tree_nodes",
    metadata,
    Column("log", String(16), primary_key=True),
    Column("level", Integer, primary_key=True),
    Column("place", BigInteger, primary_key=True),
    Column("hash", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)

# A receipt's place in the private consent log; salt and record go with the receipt, the leaf stays.
receipt_leaves = Table(
    "receipt_leaves",
    metadata,
    Column("number", Big, ForeignKey("receipts.number", ondelete="CASCADE"), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("salt", LargeBinary(32), nullable=False),
)

consent_erasures = Table(
    "consent_erasures", metadata, Column("position", Big, primary_key=True, autoincrement=False)
)

consent_leaves = Table(
    "consent_leaves",
    metadata,
    Column("position", Big, primary_key=True, autoincrement=False),
    Column("leaf", String(100), nullable=False),
)

# A tick's number and time are public; its salt opens the public log's anchor for whoever holds a receipt.
consent_ticks = Table(
    "consent_ticks",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("checkpoint", Text, nullable=False),
    Column("salt", LargeBinary(32), nullable=False),
    Column("position", BigInteger, nullable=False),
)

log_heads = Table(
    "log_heads",
    metadata,
    Column("size", Big, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
)

LOGS = ("public", "consent")
"""The logs that the store keeps."""

release_lines = Table(
    "release_lines",
    metadata,
    Column("line", String(100), primary_key=True),
    Column("trust", Text, nullable=False),
    Column("current", BigInteger, nullable=False),
    Column("canary", BigInteger, nullable=False),
    Column("share", Float, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("line", String(100), ForeignKey("release_lines.line"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("files", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
)

release_files = Table(
    "release_files",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
