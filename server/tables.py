"""The tables of the one store that holds consent and rounds: order in it is what every guarantee refers to."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(column_0_label)s",
    }
)

Big = BigInteger().with_variant(Integer, "sqlite")
"""Row numbers: SQLite numbers rows by itself in INTEGER primary keys only."""

subjects = Table(
    "subjects",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("key", String(64), nullable=False),
    Column("enrolled_at", BigInteger, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("subject", String(64), ForeignKey("subjects.subject", ondelete="CASCADE"), primary_key=True),
    Column("purpose", String(40), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("notice", String(64), nullable=False),
    Column("language", String(35), nullable=False),
    Column("valid_until", BigInteger, nullable=False),
    Column("quiet_until", BigInteger, nullable=False),
    Index("ix_consents_purpose_decision", "purpose", "decision", "subject"),
)

receipts = Table(
    "receipts",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=True),
    Column("subject", String(64), ForeignKey("subjects.subject", ondelete="CASCADE"), nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("receipt", Text, nullable=False),
    Index("ix_receipts_subject", "subject", "number"),
)

replies = Table(
    "replies",
    metadata,
    Column("subject", String(64), ForeignKey("subjects.subject", ondelete="CASCADE"), primary_key=True),
    Column("idempotency_key", String(64), primary_key=True),
    Column("request_digest", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

nonces = Table(
    "nonces",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("forget_after", BigInteger, nullable=False),
    Index("ix_nonces_forget_after", "forget_after"),
)

admin_log = Table(
    "admin_log",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("payload", Text, nullable=False),
    Column("proposed_by", String(64), nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("approved_by", String(64)),
    Column("approved_at", BigInteger),
)

rounds = Table(
    "rounds",
    metadata,
    Column("line", String(100), primary_key=True),
    Column("round", BigInteger, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("terms", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("line", String(100), primary_key=True),
    Column("round", BigInteger, primary_key=True),
    Column("subject", String(64), ForeignKey("subjects.subject", ondelete="CASCADE"), primary_key=True),
    Column("version", BigInteger, nullable=False),
)

contributions = Table(
    "contributions",
    metadata,
    Column("line", String(100), primary_key=True),
    Column("round", BigInteger, primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("node", BigInteger, nullable=False),
)

sums = Table(
    "sums",
    metadata,
    Column("line", String(100), primary_key=True),
    Column("round", BigInteger, primary_key=True),
    Column("node", BigInteger, primary_key=True),
    Column("total", LargeBinary, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("position", Big, primary_key=True, autoincrement=False),
    Column("leaf", Text, nullable=False),
)
