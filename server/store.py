"""Consent within one transaction; whoever reads a state to change it holds the subject until the end.

Everything that changes consent or rounds takes its locks in one order: the line, the round, subjects by handle, the
log. A withdrawal holds its subject alone. So nobody waits in a circle, and a withdrawal and a commit always happen
one after the other.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Table, delete, insert, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from server.consent import PURPOSES, UNDECIDED, ConsentState, Purpose
from server.tables import consents, contributions, invitations, nonces, receipts, rounds, subjects, sums

Int64 = NDArray[np.int64]
FIELDS = tuple(asdict(UNDECIDED))
LIVE = ("open", "sealed")
AT_ONCE = 500
"""Values in one statement: SQLite takes some thousands, PostgreSQL 65,535."""


class ConsentStore:
    """The consent half of the store, over one open transaction.

    Args:
        connection: a transaction of `server.database`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def enrol(self, subject: str, *, now: int) -> bool:
        """Enrol a subject once; return whether it is new."""
        handle = secrets.randbits(62) + 1
        return insert_once(self._connection, subjects, handle=handle, subject=subject, enrolled_at=now)

    def erase(self, subject: str) -> None:
        """Delete everything about a subject, sums that are not committed included."""
        handle = self._hold(subject)
        if handle is not None:
            self.drop_uncommitted(handle)
            self._connection.execute(delete(subjects).where(subjects.c.handle == handle))

    def state(self, subject: str, purpose: Purpose) -> tuple[int, ConsentState] | None:
        """Return handle and consent state, holding the subject against every other change; None if unknown."""
        handle = self._hold(subject)
        if handle is None:
            return None
        row = self._connection.execute(
            select(consents).where(consents.c.handle == handle, consents.c.purpose == purpose)
        ).one_or_none()
        return handle, _state(row)

    def states(self, subject: str) -> dict[Purpose, ConsentState] | None:
        """Return every purpose's state, for reading only; None if nobody is enrolled under that name."""
        rows = self._connection.execute(
            select(subjects.c.handle, consents)
            .join_from(subjects, consents, isouter=True)
            .where(subjects.c.subject == subject)
        ).all()
        found = {row.purpose: _state(row) for row in rows if row.purpose}
        return {purpose: found.get(purpose, UNDECIDED) for purpose in PURPOSES} if rows else None

    def save(self, handle: int, purpose: Purpose, state: ConsentState) -> None:
        """Write the next state of a subject that `state` holds."""
        values = asdict(state)
        values["decision"] = state.decision or ""
        self._connection.execute(
            _dialect(self._connection, consents)
            .values(handle=handle, purpose=purpose, **values)
            .on_conflict_do_update(index_elements=["handle", "purpose"], set_=values)
        )

    def eligible(self, purpose: Purpose, *, notices: frozenset[str], now: int) -> tuple[Int64, Int64]:
        """Return handle and version of every subject who may be asked now, by handle."""
        rows = self._connection.execute(
            select(consents.c.handle, consents.c.version)
            .where(
                consents.c.purpose == purpose,
                consents.c.decision == "granted",
                consents.c.valid_until > now,
                consents.c.notice.in_(sorted(notices)),
            )
            .order_by(consents.c.handle)
        ).all()
        both = np.array([(row.handle, row.version) for row in rows], np.int64).reshape(-1, 2)
        return both[:, 0].copy(), both[:, 1].copy()

    def versions(
        self, handles: Int64, purpose: Purpose, *, notices: frozenset[str], now: int, hold: bool
    ) -> Int64:
        """Return the versions under which these subjects may be used now, -1 where they may not.

        Args:
            handles: (count,) subjects.
            purpose: what they would be used for.
            notices: digests that hold now.
            now: seconds since 1970 UTC.
            hold: keep every one of them as it is until the transaction ends. Whoever withdraws waits for it, or
                has already made it see the withdrawal.
        """
        wanted, found = np.unique(handles), {}
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE].tolist()
            if hold:
                locked = select(subjects.c.handle).where(subjects.c.handle.in_(part))
                self._connection.execute(locked.order_by(subjects.c.handle).with_for_update(read=True)).all()
            rows = self._connection.execute(
                select(consents).where(consents.c.handle.in_(part), consents.c.purpose == purpose)
            )
            for row in rows:
                if row.decision == "granted" and row.valid_until > now and row.notice in notices:
                    found[row.handle] = row.version
        return np.array([found.get(int(handle), -1) for handle in handles], np.int64)

    def drop_uncommitted(self, handle: int) -> None:
        """Delete a subject's part in rounds under way, with every sum it can no longer be taken out of."""
        for table in (contributions, invitations):
            live = select(rounds.c.line, rounds.c.round).where(rounds.c.state.in_(LIVE))
            mine = (table.c.handle == handle) & tuple_(table.c.line, table.c.round).in_(live)
            if table is contributions:
                held = select(table.c.line, table.c.round, table.c.node).where(mine)
                of_mine = tuple_(sums.c.line, sums.c.round, sums.c.node).in_(held)
                self._connection.execute(delete(sums).where(of_mine))
            self._connection.execute(delete(table).where(mine))

    def keep_receipt(
        self,
        handle: int,
        purpose: Purpose,
        *,
        version: int,
        receipt: str,
        idempotency_key: str | None = None,
        request_digest: str | None = None,
    ) -> None:
        """Keep a receipt beside the state it proves, under the key of the request that made it."""
        self._connection.execute(
            insert(receipts).values(
                handle=handle,
                purpose=purpose,
                version=version,
                receipt=receipt,
                idempotency_key=idempotency_key,
                request_digest=request_digest,
            )
        )

    def receipt_of(self, handle: int, purpose: Purpose, version: int) -> str | None:
        """Return the receipt of one decision."""
        return self._connection.execute(
            select(receipts.c.receipt)
            .where(receipts.c.handle == handle, receipts.c.purpose == purpose, receipts.c.version == version)
            .limit(1)
        ).scalar_one_or_none()

    def earlier(self, handle: int, idempotency_key: str) -> tuple[str, str] | None:
        """Return (request digest, receipt) of an earlier request under the same key."""
        row = self._connection.execute(
            select(receipts.c.request_digest, receipts.c.receipt).where(
                receipts.c.handle == handle, receipts.c.idempotency_key == idempotency_key
            )
        ).one_or_none()
        return None if row is None else (row.request_digest, row.receipt)

    def receipts(self, subject: str, *, after: int, limit: int) -> Sequence[tuple[int, str]]:
        """Return a page of receipts, oldest first, as (number, receipt)."""
        rows = self._connection.execute(
            select(receipts.c.number, receipts.c.receipt)
            .join(subjects)
            .where(subjects.c.subject == subject, receipts.c.number > after)
            .order_by(receipts.c.number)
            .limit(limit)
        )
        return [(number, receipt) for number, receipt in rows]

    def first_use(self, subject: str, nonce: str, *, until: int) -> bool:
        """Tell whether a nonce is new for this subject, and remember it until its request is too old to count."""
        return insert_once(self._connection, nonces, subject=subject, nonce=nonce, forget_after=until)

    def used(self, subject: str, nonce: str) -> bool:
        """Tell whether a nonce is remembered."""
        query = select(nonces.c.nonce).where(nonces.c.subject == subject, nonces.c.nonce == nonce)
        return self._connection.execute(query).one_or_none() is not None

    def forget_nonces(self, *, now: int) -> None:
        """Forget nonces whose requests are too old to count by their own time."""
        self._connection.execute(delete(nonces).where(nonces.c.forget_after < now))

    def _hold(self, subject: str) -> int | None:
        query = select(subjects.c.handle).where(subjects.c.subject == subject)
        return self._connection.execute(query.with_for_update(key_share=True)).scalar_one_or_none()


def insert_once(connection: Connection, table: Table, **values: object) -> bool:
    """Insert a row unless its key is taken; return whether it was inserted."""
    done = connection.execute(_dialect(connection, table).values(**values).on_conflict_do_nothing())
    return bool(done.rowcount == 1)


def _dialect(connection: Connection, table: Table) -> Any:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _state(row: Row[Any] | None) -> ConsentState:
    if row is None:
        return UNDECIDED
    found: Mapping[str, Any] = {name: getattr(row, name) for name in FIELDS}
    return ConsentState(**{**found, "decision": found["decision"] or None})
