"""Consent within one transaction; whoever reads a state to change it holds the subject until the end.

Everything that changes consent or rounds takes its locks in one order: the line, the round, subjects by handle, the
log. A withdrawal holds its subject alone. So nobody waits in a circle, and a withdrawal and a commit always happen
one after the other.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Table, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from server.consent import PURPOSES, UNDECIDED, ConsentState, Purpose
from server.erasures import mark_erased
from server.statements import BAR, BARRED, FIND, FIND_EARLIER, HOLD, KEEP, SAVE, SPEND, STATE, together
from server.tables import consents, contributions, invitations, nonces, receipts, rounds, subjects, sums

Int64 = NDArray[np.int64]
LIVE = ("open", "sealed")
AT_ONCE = 500
"""Values in one statement: SQLite takes some thousands, PostgreSQL 65,535."""
BAR_NONCE = "-barred-"
EVERYONE = "*"
"""Stands for every name at once where enrolment is barred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A subject that stays as it is until the transaction ends.

    Args:
        handle: its number.
        state: of one purpose.
        engaged: whether a round, past or under way, may hold something of its.
        earlier: number of the receipt made under the idempotency key asked for, if there is one.
        confirm_by: nonzero after a restore, until its device has been back.
    """

    handle: int
    state: ConsentState
    engaged: bool
    earlier: int | None
    confirm_by: int


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
        held = self.held(subject, PURPOSES[0])
        if held is not None:
            self.drop_uncommitted(held.handle)
            mark_erased(self._connection, held.handle)
            self._connection.execute(delete(subjects).where(subjects.c.handle == held.handle))

    def held(self, subject: str, purpose: Purpose, *, idempotency_key: str | None = None) -> Held | None:
        """Return a subject, holding it against every other change; None if nobody is enrolled under that name."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(HOLD, {"subject": subject})
        values = {"subject": subject, "purpose": purpose}
        find = FIND
        if idempotency_key is not None:
            find, values["idempotency_key"] = FIND_EARLIER, idempotency_key
        row = self._connection.execute(find, values).one_or_none()
        if row is None:
            return None
        return Held(
            handle=row.handle,
            state=_state(row),
            engaged=bool(row.engaged),
            earlier=row.earlier,
            confirm_by=row.confirm_by,
        )

    def state(self, subject: str, purpose: Purpose) -> tuple[int, ConsentState] | None:
        """Return handle and consent state, holding the subject against every other change; None if unknown."""
        held = self.held(subject, purpose)
        return None if held is None else (held.handle, held.state)

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
        """Write the next state of a subject that is held."""
        self._connection.execute(SAVE, _values(handle, purpose, state))

    def settle(
        self,
        held: Held,
        purpose: Purpose,
        state: ConsentState,
        *,
        subject: str,
        nonce: str,
        until: int,
        receipt: str | None,
        idempotency_key: str | None = None,
        request_digest: str | None = None,
    ) -> bool:
        """Write the next state with its receipt, and spend the request's nonce; tell whether that was new."""
        values = {
            **_values(held.handle, purpose, state),
            "subject": subject,
            "nonce": nonce,
            "until": until,
            "receipt": receipt,
            "idempotency_key": idempotency_key,
            "request_digest": request_digest,
        }
        return together(self._connection, keep=receipt is not None, values=values)

    def confirm(self, subject: str) -> None:
        """Note that a subject's device has been back since the restore, if there was one."""
        waiting = (subjects.c.subject == subject) & (subjects.c.confirm_by > 0)
        self._connection.execute(update(subjects).where(waiting).values(confirm_by=0))

    def erase_unconfirmed(self, *, now: int) -> None:
        """Erase subjects whose devices have not been back in time since a restore."""
        late = select(subjects.c.subject).where(subjects.c.confirm_by > 0, subjects.c.confirm_by <= now)
        for subject in self._connection.execute(late.limit(AT_ONCE)).scalars().all():
            self.erase(subject)

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
        values = {
            "handle": handle,
            "purpose": purpose,
            "version": version,
            "receipt": receipt,
            "idempotency_key": idempotency_key,
            "request_digest": request_digest,
        }
        self._connection.execute(KEEP, values)

    def receipt(self, number: int) -> tuple[str | None, str]:
        """Return (digest of the request, receipt) by the receipt's number."""
        query = select(receipts.c.request_digest, receipts.c.receipt).where(receipts.c.number == number)
        digest, receipt = self._connection.execute(query).one()
        return digest, receipt

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
        done = self._connection.execute(SPEND, {"subject": subject, "nonce": nonce, "until": until})
        return bool(done.rowcount == 1)

    def bar(self, subject: str, *, until: int) -> None:
        """Keep a name from enrolling for a while; whoever is enrolling it now has finished when this returns."""
        self._connection.execute(BAR, {"subject": subject, "nonce": BAR_NONCE, "until": until})

    def unbar(self, subject: str) -> None:
        """Let a name enrol again."""
        mine = (nonces.c.subject == subject) & (nonces.c.nonce == BAR_NONCE)
        self._connection.execute(delete(nonces).where(mine))

    def barred(self, subject: str, *, now: int) -> bool:
        """Tell whether a name, or everybody, is kept from enrolling now."""
        values = {"subject": subject, "everyone": EVERYONE, "nonce": BAR_NONCE, "now": now}
        return self._connection.execute(BARRED, values).first() is not None

    def forget_nonces(self, *, now: int) -> None:
        """Forget nonces whose requests are too old to count by their own time."""
        self._connection.execute(delete(nonces).where(nonces.c.forget_after < now))


def insert_once(connection: Connection, table: Table, **values: object) -> bool:
    """Insert a row unless its key is taken; return whether it was inserted."""
    done = connection.execute(_dialect(connection, table).values(**values).on_conflict_do_nothing())
    return bool(done.rowcount == 1)


def _dialect(connection: Connection, table: Table) -> Any:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _state(row: Row[Any]) -> ConsentState:
    if row.version is None:
        return UNDECIDED
    found = {name: getattr(row, name) for name in STATE}
    return ConsentState(**{**found, "decision": found["decision"] or None})


def _values(handle: int, purpose: Purpose, state: ConsentState) -> dict[str, Any]:
    found = {name: getattr(state, name) for name in STATE}
    return {"handle": handle, "purpose": purpose, **found, "decision": state.decision or ""}
