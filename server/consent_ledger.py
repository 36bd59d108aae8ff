"""The private consent log in the store: grown on a fixed clock, anchored in the public log by the same transaction.

A tick has a constant number of leaves, whatever was decided, and decisions that do not fit wait for the next. Locks
are taken in the order consent log, receipts, public log; a receipt that is being erased is left out of the tick.
"""

import os
from collections.abc import Callable
from typing import ClassVar

from sqlalchemy import Connection, delete, func, insert, select

from privacy.acts import ConsentRootAnchored
from privacy.checkpoint import Checkpoint, sign_checkpoint
from privacy.consent_log import SALT_BYTES, anchor, commitment, erasure, fill_tick, receipt_proof
from privacy.events import decode_event, kind_of
from server.bulk import insert_rows
from server.errors import ServerError
from server.ledger_store import StoredLedger
from server.logs import Logs
from server.stored_tree import StoredTree
from server.tables import (
    consent_erasures,
    consent_leaves,
    consent_ticks,
    ledger,
    log_heads,
    receipt_leaves,
    receipts,
    subjects,
    tree_heads,
)

LATE = 100_000
"""A receipt's number is given out before it is committed: so many below the newest logged one are looked at again."""
CONSENT = "consent"


class NoProofYet(ServerError):
    """The receipt is not in the consent log yet, or nobody here has one: ask again after the next tick."""

    code: ClassVar[str] = "no_proof_yet"


class StoredConsentLog:
    """The consent log within one transaction.

    Args:
        connection: the transaction.
        logs: who signs.
        bits: makes n random bytes; the operating system's outside tests.
    """

    def __init__(
        self, connection: Connection, logs: Logs, *, bits: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._connection = connection
        self._logs = logs
        self._bits = bits
        self.tree = StoredTree(connection, CONSENT)

    def tick(self, *, now: int) -> ConsentRootAnchored | None:
        """Grow the log by one tick and anchor its head, or do nothing where the last tick is too recent.

        However many processes ask, one tick happens in its time.
        """
        self._hold()
        if now < self._next_at():
            return None
        markers = [erasure(position) for position in self._erased()]
        waiting = self._waiting(self._logs.slots - len(markers))
        salts = [self._bits(SALT_BYTES) for _ in waiting]
        leaves = [
            commitment(receipt.encode(), salt) for (_, receipt), salt in zip(waiting, salts, strict=True)
        ]
        tick, places = fill_tick([*markers, *leaves], slots=self._logs.slots, bits=self._bits)
        start = self.tree.extend(tick)
        rows = ({"position": start + place, "leaf": leaf.decode()} for place, leaf in enumerate(tick))
        insert_rows(self._connection, consent_leaves, rows)
        placed = zip(waiting, salts, places[len(markers) :], strict=True)
        insert_rows(
            self._connection,
            receipt_leaves,
            (
                {"number": number, "position": start + place, "salt": salt}
                for (number, _), salt, place in placed
            ),
        )
        return self._anchor(now)

    def proof(self, subject: str, purpose: str, version: int) -> bytes:
        """Return what its owner needs to check offline that a receipt stands in both logs.

        Raises:
            NoProofYet: it does not stand there yet.
        """
        query = (
            select(receipt_leaves.c.position, receipt_leaves.c.salt)
            .join(receipts, receipts.c.number == receipt_leaves.c.number)
            .join(subjects, subjects.c.handle == receipts.c.handle)
            .where(
                subjects.c.subject == subject, receipts.c.purpose == purpose, receipts.c.version == version
            )
        )
        leaf = self._connection.execute(query).first()
        if leaf is None:
            raise NoProofYet(
                f"no such receipt is in the log; a kept one is within {2 * self._logs.tick_seconds} s"
            )
        later = select(consent_ticks).where(consent_ticks.c.size > leaf.position)
        tick = self._connection.execute(later.order_by(consent_ticks.c.number).limit(1)).one()
        anchored = select(ledger.c.leaf).where(ledger.c.position == tick.position)
        # The newest kept head: one more is kept a tick, and whoever pins a later key needs it.
        newest = select(log_heads).order_by(log_heads.c.size.desc()).limit(1)
        head = self._connection.execute(newest).one()
        public = StoredLedger(self._connection).proof_at(
            tick.position, head.note.encode(), purposes=("log", "consent_log", "receipt")
        )
        return receipt_proof(
            self.tree,
            leaf.position,
            salt=bytes(leaf.salt),
            checkpoint=tick.checkpoint.encode(),
            anchor_salt=bytes(tick.salt),
            anchored=self._connection.execute(anchored).scalar_one().encode(),
            proof=public,
        )

    def _hold(self) -> None:
        """Keep every other process from ticking until this transaction ends."""
        mine = select(tree_heads.c.size).where(tree_heads.c.log == CONSENT)
        self._connection.execute(mine.with_for_update()).one()

    def _next_at(self) -> int:
        last = self._connection.execute(select(func.max(consent_ticks.c.at))).scalar_one()
        return 0 if last is None else int(last) + self._logs.tick_seconds

    def _erased(self) -> list[int]:
        """Take leaves whose content is gone off the queue, at most a tick's worth."""
        query = select(consent_erasures.c.position).order_by(consent_erasures.c.position)
        found = list(self._connection.execute(query.limit(self._logs.slots)).scalars())
        self._connection.execute(delete(consent_erasures).where(consent_erasures.c.position.in_(found)))
        return found

    def _waiting(self, most: int) -> list[tuple[int, str]]:
        """Return receipts that no leaf commits to, oldest first, each held; one being erased is passed over."""
        newest = select(func.coalesce(func.max(receipt_leaves.c.number), 0)).scalar_subquery()
        logged = select(receipt_leaves.c.number).where(receipt_leaves.c.number == receipts.c.number)
        query = (
            select(receipts.c.number, receipts.c.receipt)
            .where(receipts.c.number > newest - LATE, ~logged.exists())
            .order_by(receipts.c.number)
            .limit(most)
            .with_for_update(of=receipts, skip_locked=True)
        )
        return [(row.number, row.receipt) for row in self._connection.execute(query)]

    def _anchor(self, now: int) -> ConsentRootAnchored:
        """Sign both heads and bind the private one in the public log.

        Raises:
            KeyNotApproved: two people replaced the key of one of them.
        """
        size, by = self.tree.size, self._logs.consent
        public, salt = StoredLedger(self._connection), self._bits(SALT_BYTES)
        public.tree.hold()
        public.require_key("consent_log", by.key.public)
        head = sign_checkpoint(Checkpoint(by.origin, size, self.tree.root()), by.key)
        event = anchor(head, number=self._number() + 1, salt=salt)
        position = public.append(event)
        public.keep_head(self._logs.public)
        values = {"number": event.number, "at": now, "size": size, "checkpoint": head.decode()}
        self._connection.execute(insert(consent_ticks).values(**values, salt=salt, position=position))
        return event

    def _number(self) -> int:
        """Return the newest anchor's number, as the public log has it: after a restore it knows more than we do."""
        here = (ledger.c.line == "") & (ledger.c.kind == kind_of(ConsentRootAnchored))
        query = select(ledger.c.leaf).where(here).order_by(ledger.c.position.desc()).limit(1)
        leaf = self._connection.execute(query).scalar_one_or_none()
        event = None if leaf is None else decode_event(leaf.encode())
        return event.number if isinstance(event, ConsentRootAnchored) else 0
