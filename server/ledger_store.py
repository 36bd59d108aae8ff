"""The public log in the store: appended to in the same transaction as what it records."""

from sqlalchemy import Connection, func, insert, select

from privacy.events import Event, PrivacyEvent, decode_event, encode_event, kind_of
from server.tables import ledger


class StoredLedger:
    """Append events within one transaction.

    Args:
        connection: the transaction that also changes what the event records.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, event: Event) -> int:
        """Append one event and return its position; two writers cannot get the same one."""
        leaf = encode_event(event).decode()
        kind, line = kind_of(event), getattr(event, "line", "")
        position = self._connection.execute(
            select(func.coalesce(func.max(ledger.c.position), -1) + 1)
        ).scalar_one()
        self._connection.execute(insert(ledger).values(position=position, kind=kind, line=line, leaf=leaf))
        return int(position)

    def leaves(self, *, after: int, limit: int) -> list[tuple[int, str]]:
        """Return a page of (position, leaf), oldest first."""
        query = select(ledger.c.position, ledger.c.leaf).where(ledger.c.position > after)
        rows = self._connection.execute(query.order_by(ledger.c.position).limit(limit))
        return [(row.position, row.leaf) for row in rows]

    def events(self) -> list[Event]:
        """Return every event, oldest first."""
        rows = self._connection.execute(select(ledger.c.leaf).order_by(ledger.c.position))
        return [decode_event(leaf.encode()) for (leaf,) in rows]

    def spending(self, line: str) -> list[PrivacyEvent]:
        """Return the privacy events of one line, oldest first."""
        wanted = (ledger.c.line == line) & (ledger.c.kind == kind_of(PrivacyEvent))
        rows = self._connection.execute(select(ledger.c.leaf).where(wanted).order_by(ledger.c.position))
        found = (decode_event(leaf.encode()) for (leaf,) in rows)
        return [event for event in found if isinstance(event, PrivacyEvent)]
