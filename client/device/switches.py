"""Consent as the device holds it: switches, the queue of withdrawals, receipts; one connection, no network.

A switch that goes off takes with it, in the same transaction, whatever was made under it: there is no moment at which
a crash leaves the one without the other.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from client.device.purposes import LOCAL, Purpose, refused_by_signal
from client.device.shredding import wipe

How = Literal["withdraw", "refuse"]
ReceiptKind = Literal["consent", "forgetting"]
FIRST_WAIT, LONGEST_WAIT = 2, 3_600
"""Seconds between attempts: doubled each time, then hourly until acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One purpose on this device.

    Args:
        purpose: what was decided on.
        epoch: rises by one at every decision made here.
        granted: whether consent was given; not whether it still holds, see `holds`.
        origin: the service that acknowledged it; empty where none was needed.
        version: the service's consent version.
        notice: digest of the notice shown, hex.
        language: its language.
        valid_until: when a grant lapses, seconds since 1970 UTC.
        decided_at: when the switch was last moved, seconds since 1970 UTC.
    """

    purpose: Purpose
    epoch: int = 0
    granted: bool = False
    origin: str = ""
    version: int = 0
    notice: str = ""
    language: str = ""
    valid_until: int = 0
    decided_at: int = 0

    def holds(self, now: int) -> bool:
        """Tell whether use is allowed: given, and not lapsed."""
        return self.granted and now < self.valid_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """One that waits for its acknowledgement.

    Args:
        origin: the service it goes to.
        purpose: what was withdrawn or refused.
        epoch: of the decision it carries.
        how: withdrawn, or refused when asked.
        attempts: made so far.
        next_try: seconds since 1970 UTC.
        problem: stable code of the last attempt's failure, empty before the first.
    """

    origin: str
    purpose: Purpose
    epoch: int
    how: How
    attempts: int = 0
    next_try: int = 0
    problem: str = ""


def wait_before(attempts: int, jitter: float) -> int:
    """Return seconds until the next attempt.

    Args:
        attempts: made so far, at least 1.
        jitter: from 0 to 1, drawn anew each time, so that devices do not come back together after an outage.

    >>> [wait_before(attempts, 1.0) for attempts in (1, 2, 3, 40)]
    [2, 4, 8, 3600]
    """
    longest: int = min(LONGEST_WAIT, FIRST_WAIT << min(attempts - 1, 12))
    return max(1, round(longest * (0.5 + 0.5 * jitter)))


class Switches:
    """The consent tables within one transaction.

    Args:
        connection: of `Database.writing` or `Database.reading`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, purpose: Purpose) -> Switch:
        """Return a purpose's switch; one never touched is off."""
        query = (
            "SELECT epoch, granted, origin, version, notice, language, valid_until, decided_at FROM switches"
            " WHERE purpose = ?"
        )
        row = self._connection.execute(query, (purpose,)).fetchone()
        if row is None:
            return Switch(purpose=purpose)
        epoch, granted, origin, version, notice, language, valid_until, decided_at = row
        return Switch(
            purpose=purpose,
            epoch=epoch,
            granted=bool(granted),
            origin=origin,
            version=version,
            notice=notice,
            language=language,
            valid_until=valid_until,
            decided_at=decided_at,
        )

    def put(self, switch: Switch) -> None:
        """Write a switch."""
        values = (
            switch.purpose, switch.epoch, int(switch.granted), switch.origin, switch.version, switch.notice,
            switch.language, switch.valid_until, switch.decided_at,
        )  # fmt: skip
        self._connection.execute("INSERT OR REPLACE INTO switches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def queue(self, withdrawal: Withdrawal) -> None:
        """Queue a withdrawal in place of an earlier one of the same purpose."""
        values = (
            withdrawal.origin, withdrawal.purpose, withdrawal.epoch, withdrawal.how, withdrawal.attempts,
            withdrawal.next_try, withdrawal.problem,
        )  # fmt: skip
        self._connection.execute("INSERT OR REPLACE INTO withdrawals VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def queued(self) -> list[Withdrawal]:
        """Return every withdrawal that waits, the next first."""
        rows = self._connection.execute("SELECT * FROM withdrawals ORDER BY next_try, purpose").fetchall()
        names = ("origin", "purpose", "epoch", "how", "attempts", "next_try", "problem")
        return [Withdrawal(**dict(zip(names, row, strict=True))) for row in rows]

    def settle(self, withdrawal: Withdrawal) -> None:
        """Take an acknowledged withdrawal off the queue, unless a later decision has taken its place."""
        self._connection.execute(
            "DELETE FROM withdrawals WHERE origin = ? AND purpose = ? AND epoch = ?",
            (withdrawal.origin, withdrawal.purpose, withdrawal.epoch),
        )

    def clear(self, purpose: Purpose, *, keep: bool, now: int) -> None:
        """Delete what was made under a purpose; all that is personal for the local one, unless it is kept."""
        self._connection.execute("DELETE FROM grants WHERE purpose = ?", (purpose,))
        self._connection.execute("DELETE FROM outbox WHERE purpose = ?", (purpose,))
        if purpose == "federated_contribution":
            self._connection.execute("DELETE FROM caches")
        if purpose == LOCAL and not keep:
            wipe(self._connection, scope="withdrawal", now=now)

    def attempt(
        self, origin: str, switch: Switch, *, language: str, notice: str, fresh: Callable[[], str]
    ) -> str:
        """Return the idempotency key of a grant, the same for every attempt of the same decision."""
        row = self._connection.execute(
            "SELECT version, notice, language, idempotency_key FROM grants WHERE origin = ? AND purpose = ?",
            (origin, switch.purpose),
        ).fetchone()
        if row is not None and row[:3] == (switch.version, notice, language):
            return str(row[3])
        key = fresh()
        values = (origin, switch.purpose, switch.version, notice, language, key)
        self._connection.execute("INSERT OR REPLACE INTO grants VALUES (?, ?, ?, ?, ?, ?)", values)
        return key

    def keep_receipt(
        self, kind: ReceiptKind, about: str, *, version: int, origin: str, receipt: bytes
    ) -> None:
        """Keep a receipt for the person."""
        self._connection.execute(
            "INSERT INTO receipts (kind, about, version, origin, receipt) VALUES (?, ?, ?, ?, ?)",
            (kind, about, version, origin, receipt),
        )

    def receipts(self, kind: ReceiptKind) -> list[bytes]:
        """Return every receipt of a kind, oldest first."""
        query = "SELECT receipt FROM receipts WHERE kind = ? ORDER BY number"
        return [row[0] for row in self._connection.execute(query, (kind,))]

    def unproved(self) -> list[tuple[int, str, Purpose, int, bytes]]:
        """Return (number, origin, purpose, version, receipt) of every service's receipt without a log proof."""
        query = (
            "SELECT r.number, r.origin, r.about, r.version, r.receipt FROM receipts r "
            "LEFT JOIN proofs p ON p.receipt = r.number "
            "WHERE r.kind = 'consent' AND r.origin != '' AND r.version > 0 AND p.proof IS NULL ORDER BY r.number"
        )
        return list(self._connection.execute(query))

    def keep_proof(self, number: int, proof: bytes) -> None:
        """Keep the log proof of a receipt beside it."""
        self._connection.execute("INSERT OR REPLACE INTO proofs VALUES (?, ?)", (number, proof))

    def proofs(self) -> list[tuple[bytes, bytes]]:
        """Return every (receipt, proof), oldest first."""
        query = (
            "SELECT r.receipt, p.proof FROM receipts r JOIN proofs p ON p.receipt = r.number ORDER BY number"
        )
        return [(bytes(receipt), bytes(proof)) for receipt, proof in self._connection.execute(query)]

    def acknowledged(self, origin: str, purpose: Purpose) -> int:
        """Return the newest version a service has acknowledged; 0 before the first."""
        row = self._connection.execute(
            "SELECT MAX(version) FROM receipts WHERE kind = 'consent' AND origin = ? AND about = ?",
            (origin, purpose),
        ).fetchone()
        return int(row[0] or 0)

    def pinned(self, origin: str) -> tuple[str, ...]:
        """Return the public keys of a service that receipts are checked against, base64."""
        rows = self._connection.execute(
            "SELECT public FROM services WHERE origin = ? ORDER BY public", (origin,)
        )
        return tuple(row[0] for row in rows)

    def pin(self, origin: str, keys: tuple[str, ...]) -> None:
        """Pin keys of a service beside those pinned already."""
        rows = [(origin, key) for key in keys]
        self._connection.executemany("INSERT OR IGNORE INTO services VALUES (?, ?)", rows)

    def setting(self, name: str) -> bytes | None:
        """Return a setting's bytes."""
        row = self._connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def set(self, name: str, value: bytes) -> None:
        """Write a setting."""
        self._connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))


def permitted(switches: Switches, purpose: Purpose, *, now: int) -> bool:
    """Tell whether a purpose may be used now: granted, not lapsed, and not refused by the person's signal."""
    gpc = switches.setting("gpc") == b"1"
    return switches.get(purpose).holds(now) and not refused_by_signal(purpose, gpc=gpc)
