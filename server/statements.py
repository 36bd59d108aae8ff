"""What every decision says to the database, written out once: both databases read it, and nothing is built anew.

On PostgreSQL a subject is held first and read after, since a statement that had to wait for its lock still sees what
was there before it waited. On SQLite the transaction itself is alone.
"""

from sqlalchemy import Connection, TextClause, text

STATE = ("version", "decision", "notice", "language", "valid_until", "quiet_until", "hour", "grants")
"""The columns of a consent state, as `server.consent.ConsentState` names them."""

_STATE = ", ".join(f"c.{name}" for name in STATE)
_ENGAGED = """
    EXISTS (SELECT 1 FROM contributions k WHERE k.handle = s.handle)
    OR EXISTS (SELECT 1 FROM invitations i WHERE i.handle = s.handle)"""
_EARLIER = """
    (SELECT r.number FROM receipts r WHERE r.handle = s.handle AND r.idempotency_key = :idempotency_key)"""
_FIND = """
    SELECT s.handle, s.confirm_by, {state}, {engaged} AS engaged, {earlier} AS earlier
    FROM subjects s LEFT JOIN consents c ON c.handle = s.handle AND c.purpose = :purpose
    WHERE s.subject = :subject"""
_SAVE = f"""
    INSERT INTO consents (handle, purpose, {", ".join(STATE)})
    VALUES (:handle, :purpose, {", ".join(f":{name}" for name in STATE)})
    ON CONFLICT (handle, purpose) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in STATE)}"""
_KEEP = """
    INSERT INTO receipts (handle, purpose, version, idempotency_key, request_digest, receipt)
    VALUES (:handle, :purpose, :version, :idempotency_key, :request_digest, :receipt)"""
_SPEND = """
    INSERT INTO nonces (subject, nonce, forget_after) VALUES (:subject, :nonce, :until)
    ON CONFLICT (subject, nonce) DO NOTHING"""

HOLD = text("SELECT handle FROM subjects WHERE subject = :subject FOR NO KEY UPDATE")
FIND = text(_FIND.format(state=_STATE, engaged=_ENGAGED, earlier="NULL"))
FIND_EARLIER = text(_FIND.format(state=_STATE, engaged="TRUE", earlier=_EARLIER))
"""For a grant: which receipt was made under its key, rather than what a withdrawal would have to undo."""
SAVE = text(_SAVE)
KEEP = text(_KEEP)
SPEND = text(_SPEND)
SAVE_SPEND = text(f"WITH a AS ({_SAVE}), z AS ({_SPEND} RETURNING 1) SELECT count(*) FROM z")
SAVE_KEEP_SPEND = text(
    f"WITH a AS ({_SAVE}), b AS ({_KEEP}), z AS ({_SPEND} RETURNING 1) SELECT count(*) FROM z"
)
BAR = text(
    """
    INSERT INTO nonces (subject, nonce, forget_after) VALUES (:subject, :nonce, :until)
    ON CONFLICT (subject, nonce) DO UPDATE SET forget_after = excluded.forget_after
    WHERE nonces.forget_after < excluded.forget_after"""
)
BARRED = text(
    "SELECT 1 FROM nonces WHERE subject IN (:subject, :everyone) AND nonce = :nonce AND forget_after >= :now"
)


def together(connection: Connection, *, keep: bool, values: dict[str, object]) -> bool:
    """Save a state, keep its receipt if there is one, and spend the request's nonce; tell whether it was new."""
    if connection.dialect.name == "postgresql":
        whole = SAVE_KEEP_SPEND if keep else SAVE_SPEND
        return bool(connection.execute(whole, values).scalar_one())
    steps: list[TextClause] = [SAVE, KEEP, SPEND] if keep else [SAVE, SPEND]
    *_, last = (connection.execute(step, values).rowcount for step in steps)
    return last == 1
