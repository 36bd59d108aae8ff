"""The public log in the store: appended to in the same transaction as what it records."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from sqlalchemy import Connection, insert, select

from privacy.acts import KeyRotated
from privacy.checkpoint import Checkpoint, LogProof, sign_checkpoint
from privacy.events import Event, decode_event, encode_event, kind_of
from privacy.keys import SigningKey
from privacy.spending import BUDGETED
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
        newest = self.rotated()
        if newest is not None and newest.new_key != by.key.public.base64:
            raise KeyNotApproved(f"the log's key was replaced by {newest.new_key}: start again with that one")
        return sign_checkpoint(Checkpoint(by.origin, self.tree.size, self.tree.root()), by.key)

    def keep_head(self, by: LogKey) -> bytes:
        """Sign the head of the log as it stands and keep it, for whoever compares two of them later."""
        note = self.checkpoint(by)
        self._connection.execute(insert(log_heads).values(size=self.tree.size, note=note.decode()))
        return note

    def proof(self, event: Event, by: LogKey) -> bytes:
        """Return the proof of the newest leaf that is this event, under a fresh head.

        Raises:
            NoResultFound: the log does not hold it.
        """
        leaf = encode_event(event).decode()
        here = (ledger.c.kind == kind_of(event)) & (ledger.c.line == getattr(event, "line", ""))
        query = select(ledger.c.position).where(here & (ledger.c.leaf == leaf))
        position = self._connection.execute(query.order_by(ledger.c.position.desc()).limit(1)).scalar_one()
        return self.proof_at(position, by)

    def proof_at(self, position: int, by: LogKey) -> bytes:
        """Return the proof of one leaf, under a fresh head.

        Raises:
            ProofError: the log does not reach that far.
        """
        return LogProof(position, self.tree.inclusion_proof(position), self.checkpoint(by)).encode()

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

    def rotated(self) -> KeyRotated | None:
        """Return the newest replacement of the log's own key."""
        found = [event for event in self.of(KeyRotated) if isinstance(event, KeyRotated)]
        return next((event for event in reversed(found) if event.purpose == "log"), None)
