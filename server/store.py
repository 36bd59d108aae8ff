"""Reading and writing consent within one transaction; whoever reads a state here also holds it until the end."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from server.consent import PURPOSES, UNDECIDED, ConsentState, Purpose
from server.tables import admin_log, consents, nonces, receipts, replies, subjects


class ConsentStore:
    """The consent half of the store, over one open transaction.

    Args:
        connection: a transaction of `server.database`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def key_of(self, subject: str) -> str | None:
        """Return the subject's public key, base64, or None where nobody is enrolled under that name."""
        return self._connection.execute(
            select(subjects.c.key).where(subjects.c.subject == subject)
        ).scalar_one_or_none()

    def enrol(self, subject: str, *, key: str, now: int) -> bool:
        """Enrol a subject once; return whether it is new."""
        return self._insert_once(subjects, subject=subject, key=key, enrolled_at=now)

    def erase(self, subject: str) -> None:
        """Delete everything about a subject that is not in a committed sum."""
        self._connection.execute(delete(subjects).where(subjects.c.subject == subject))

    def state(self, subject: str, purpose: Purpose) -> ConsentState:
        """Return a consent state and hold its row against every other writer until this transaction ends."""
        self._insert_once(
            consents, subject=subject, purpose=purpose, version=0, decision="", notice="", language="",
            valid_until=0, quiet_until=0,
        )  # fmt: skip
        row = self._connection.execute(
            select(consents)
            .where(consents.c.subject == subject, consents.c.purpose == purpose)
            .with_for_update()
        ).one()
        return _state(row._mapping) if row.version else UNDECIDED

    def states(self, subject: str) -> dict[Purpose, ConsentState]:
        """Return every purpose's state, for reading only."""
        rows = self._connection.execute(select(consents).where(consents.c.subject == subject))
        found = {row.purpose: _state(row._mapping) for row in rows if row.version}
        return {purpose: found.get(purpose, UNDECIDED) for purpose in PURPOSES}

    def save(self, subject: str, purpose: Purpose, state: ConsentState) -> None:
        """Write the next state of a row that `state` holds."""
        self._connection.execute(
            update(consents)
            .where(consents.c.subject == subject, consents.c.purpose == purpose)
            .values(
                version=state.version,
                decision=state.decision,
                notice=state.notice,
                language=state.language,
                valid_until=state.valid_until,
                quiet_until=state.quiet_until,
            )
        )

    def granted(self, purpose: Purpose, *, current_notices: frozenset[str], now: int) -> dict[str, int]:
        """Return every subject that may be asked now, with its version, by name."""
        rows = self._connection.execute(
            select(consents.c.subject, consents.c.version)
            .where(
                consents.c.purpose == purpose,
                consents.c.decision == "granted",
                consents.c.valid_until > now,
                consents.c.notice.in_(sorted(current_notices)),
            )
            .order_by(consents.c.subject)
        )
        return {row.subject: row.version for row in rows}

    def held_versions(
        self, names: Iterable[str], purpose: Purpose, *, current_notices: frozenset[str], now: int
    ) -> dict[str, int]:
        """Return the versions under which these subjects may be used now, holding each row until the end.

        Whoever withdraws waits for this transaction, or has already made it see the withdrawal.
        """
        wanted, found = sorted(set(names)), {}
        for start in range(0, len(wanted), 500):
            rows = self._connection.execute(
                select(consents)
                .where(consents.c.subject.in_(wanted[start : start + 500]), consents.c.purpose == purpose)
                .order_by(consents.c.subject)
                .with_for_update()
            )
            for row in rows:
                usable = row.decision == "granted" and row.valid_until > now and row.notice in current_notices
                if usable:
                    found[row.subject] = row.version
        return found

    def keep_receipt(self, subject: str, purpose: Purpose, *, version: int, receipt: str) -> None:
        """Keep a receipt beside the state it proves."""
        self._connection.execute(
            insert(receipts).values(subject=subject, purpose=purpose, version=version, receipt=receipt)
        )

    def receipts(self, subject: str, *, after: int, limit: int) -> Sequence[tuple[int, str]]:
        """Return a page of receipts, oldest first, as (number, receipt)."""
        rows = self._connection.execute(
            select(receipts.c.number, receipts.c.receipt)
            .where(receipts.c.subject == subject, receipts.c.number > after)
            .order_by(receipts.c.number)
            .limit(limit)
        )
        return [(number, receipt) for number, receipt in rows]

    def earlier_reply(self, subject: str, idempotency_key: str) -> tuple[str, int, str] | None:
        """Return (request digest, status, body) of an earlier request under the same key."""
        row = self._connection.execute(
            select(replies.c.request_digest, replies.c.status, replies.c.body).where(
                replies.c.subject == subject, replies.c.idempotency_key == idempotency_key
            )
        ).one_or_none()
        return None if row is None else (row.request_digest, row.status, row.body)

    def keep_reply(
        self, subject: str, idempotency_key: str, *, digest: str, status: int, body: str, now: int
    ) -> None:
        """Keep a reply, so that the same request gets the same answer."""
        self._insert_once(
            replies, subject=subject, idempotency_key=idempotency_key, request_digest=digest, status=status,
            body=body, at=now,
        )  # fmt: skip

    def first_use(self, key_id: str, nonce: str, *, now: int, window: int) -> bool:
        """Tell whether a nonce is new for this key, and remember it for as long as its request could count."""
        self._connection.execute(delete(nonces).where(nonces.c.forget_after < now))
        return self._insert_once(nonces, key_id=key_id, nonce=nonce, forget_after=now + 2 * window)

    def log_admin(self, *, actor: str, role: str, action: str, outcome: str, now: int) -> None:
        """Record an administrative read or write."""
        self._connection.execute(
            insert(admin_log).values(at=now, actor=actor, role=role, action=action, outcome=outcome)
        )

    def _insert_once(self, table: object, **values: object) -> bool:
        make = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        done = self._connection.execute(make(table).values(**values).on_conflict_do_nothing())  # type: ignore[arg-type]
        return bool(done.rowcount == 1)


def _state(row: object) -> ConsentState:
    fields = ("version", "decision", "notice", "language", "valid_until", "quiet_until")
    return ConsentState(**{name: row[name] for name in fields})  # type: ignore[index]
