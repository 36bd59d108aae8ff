"""The public log in the store: appended to in the same transaction as what it records."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from sqlalchemy import Connection, insert, select

from privacy.acts import KeyPurpose, KeyRotated
from privacy.checkpoint import Checkpoint, LogProof, sign_checkpoint
from privacy.events import Event, decode_event, encode_event, kind_of
from privacy.keys import SigningKey, VerifyKey
from privacy.spending import BUDGETED
from privacy.succession import carry
from server.bulk import insert_rows
from server.errors import KeyNotApproved
from server.stored_tree import StoredTree
from server.tables import ledger, log_heads


@dataclass(frozen=True, slots=True)
class LogKey:
    """Who signs the log's heads.

    Args:
        origin: the log's name, as in its checkpoints.
        key: the log's own, apart from those of receipts and releases.
    """

    origin: str
    key: SigningKey


class StoredLedger:
    """The public log within one transaction.

    Args:
        connection: the transaction that also changes what an event records.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.tree = StoredTree(connection, "public")

    def append(self, event: Event) -> int:
        """Append one event and return its position; the log is held until the transaction ends."""
        return self.extend([event])

    def extend(self, events: Sequence[Event]) -> int:
        """Append events in a few statements, however many, and return the first one's position."""
        leaves = [encode_event(event) for event in events]
        first = self.tree.extend(leaves)
        rows = (
            {
                "position": place,
                "kind": kind_of(event),
                "line": getattr(event, "line", ""),
                "leaf": leaf.decode(),
            }
            for place, event, leaf in zip(count(first), events, leaves, strict=False)
        )
        insert_rows(self._connection, ledger, rows)
        return first

    def checkpoint(self, by: LogKey) -> bytes:
        """Return the signed head of the log as this transaction sees it.

        Raises:
            KeyNotApproved: two people replaced this key by another.
        """
        size = self.tree.size
        head = Checkpoint(by.origin, size, self.tree.root(size))
        self.require_key("log", by.key.public)  # after the size was read: a rotation within it is seen
        return sign_checkpoint(head, by.key)

    def keep_head(self, by: LogKey) -> bytes:
        """Sign the head of the log as it stands and keep it, for whoever compares two of them later."""
        note = self.checkpoint(by)
        self._connection.execute(insert(log_heads).values(size=self.tree.size, note=note.decode()))
        return note

    def proof(self, event: Event, by: LogKey, *, purposes: Iterable[KeyPurpose] = ("log",)) -> bytes:
        """Return the proof of the newest leaf that is this event, under a fresh head.

        Args:
            event: that leaf.
            by: who signs the head.
            purposes: whose rotations go along, for whoever pinned an earlier key.

        Raises:
            NoResultFound: the log does not hold it.
        """
        leaf = encode_event(event).decode()
        here = (ledger.c.kind == kind_of(event)) & (ledger.c.line == getattr(event, "line", ""))
        query = select(ledger.c.position).where(here & (ledger.c.leaf == leaf))
        position = self._connection.execute(query.order_by(ledger.c.position.desc()).limit(1)).scalar_one()
        return self.proof_at(position, self.checkpoint(by), purposes=purposes)

    def proof_at(self, position: int, head: bytes, *, purposes: Iterable[KeyPurpose] = ("log",)) -> bytes:
        """Return the proof of one leaf, with the rotations that lead to the key of its head.

        Args:
            position: of the leaf.
            head: signed, of this log.
            purposes: whose rotations go along.

        Raises:
            ProofError: the head does not reach that far.
        """
        size = int(head.split(b"\n")[1])
        extra = carry(self.tree, self.rotations(), purposes=purposes, size=size)
        return LogProof(position, self.tree.inclusion_proof(position, size), head, extra).encode()

    def leaves(self, *, after: int, limit: int) -> list[tuple[int, str]]:
        """Return a page of (position, leaf), oldest first."""
        query = select(ledger.c.position, ledger.c.leaf).where(ledger.c.position > after)
        rows = self._connection.execute(query.order_by(ledger.c.position).limit(limit))
        return [(row.position, row.leaf) for row in rows]

    def events(self) -> list[Event]:
        """Return every event, oldest first."""
        rows = self._connection.execute(select(ledger.c.leaf).order_by(ledger.c.position))
        return [decode_event(leaf.encode()) for (leaf,) in rows]

    def of(self, *kinds: type[Event], line: str = "") -> list[Event]:
        """Return the events of some kinds, of one line or of the whole log, oldest first."""
        wanted = (ledger.c.line == line) & ledger.c.kind.in_([kind_of(kind) for kind in kinds])
        rows = self._connection.execute(select(ledger.c.leaf).where(wanted).order_by(ledger.c.position))
        return [decode_event(leaf.encode()) for (leaf,) in rows]

    def history(self, line: str) -> list[Event]:
        """Return everything of a line that its budget depends on, oldest first."""
        return self.of(*BUDGETED, line=line)

    def rotations(self) -> list[tuple[int, KeyRotated]]:
        """Return (position, event) of every replacement of a key, oldest first."""
        here = (ledger.c.line == "") & (ledger.c.kind == kind_of(KeyRotated))
        rows = self._connection.execute(
            select(ledger.c.position, ledger.c.leaf).where(here).order_by(ledger.c.position)
        )
        found = [(row.position, decode_event(row.leaf.encode())) for row in rows]
        return [(position, event) for position, event in found if isinstance(event, KeyRotated)]

    def rotated(self, purpose: KeyPurpose) -> KeyRotated | None:
        """Return the newest replacement of a key."""
        return next((event for _, event in reversed(self.rotations()) if event.purpose == purpose), None)

    def require_key(self, purpose: KeyPurpose, key: VerifyKey) -> None:
        """Return only if nobody replaced a key that is about to sign.

        Raises:
            KeyNotApproved: two people did.
        """
        newest = self.rotated(purpose)
        if newest is not None and newest.new_key != key.base64:
            name = purpose.replace("_", " ")
            raise KeyNotApproved(
                f"the key of the {name} was replaced by {newest.new_key}: start again with that one"
            )
