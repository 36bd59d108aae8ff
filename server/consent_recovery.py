"""What a restore keeps of the private consent log: it only grows, whatever is read back over it.

Leaves and ticks that the database has beyond the backup stay; receipts that are back get their places again, and the
places of those that are not are marked as erased. Where heads that the public log anchors are lost, it says so.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, text, update

from privacy.acts import ConsentLogGap, ConsentRootAnchored
from privacy.consent_log import read_leaf
from server.bulk import insert_rows
from server.ledger_store import StoredLedger
from server.tables import (
    consent_erasures,
    consent_leaves,
    consent_ticks,
    log_heads,
    receipt_leaves,
    tree_heads,
    tree_nodes,
)

CONSENT = "consent"
WHOLE = (consent_leaves, consent_ticks, consent_erasures, log_heads)
"""Tables that hold nothing but the logs' own growth: no row of theirs is removed by a restore."""
PLACES = "SELECT l.number, l.position, l.salt, r.receipt FROM receipt_leaves l JOIN receipts r ON r.number = l.number"


@dataclass(slots=True)
class OwnLog:
    """The consent log as the database has it, while a backup is read over it.

    Args:
        size: leaves it has.
        ticks: number of its newest tick.
        heads: size of the public log's newest kept head.
        backed_up: leaves that the backup's has.
        queue: the backup's leaves that waited for their marker.
    """

    size: int
    ticks: int
    heads: int
    backed_up: int = 0
    queue: list[Mapping[str, Any]] = field(default_factory=list)

    @classmethod
    def set_aside(cls, connection: Connection) -> "OwnLog":
        """Take in how far the log goes and where receipts stand in it, before rows are removed."""
        connection.execute(text(f"CREATE TEMPORARY TABLE places AS {PLACES}"))

        def newest(column: Any) -> int:
            return int(connection.execute(select(func.coalesce(func.max(column), 0))).scalar_one())

        head = select(tree_heads.c.size).where(tree_heads.c.log == CONSENT)
        size = int(connection.execute(head).scalar_one())
        return cls(size, newest(consent_ticks.c.number), newest(log_heads.c.size))

    def clear(self, connection: Connection, table: Table) -> None:
        """Remove a table's rows, but for those of the log."""
        if table in (tree_heads, tree_nodes):
            connection.execute(delete(table).where(table.c.log != CONSENT))
        elif table not in WHOLE:
            connection.execute(delete(table))

    def beyond(self, table: Table, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the rows of a backup's table that the log does not have."""
        for row in rows:
            if table is consent_erasures:
                self.queue.append(row)
            elif table is tree_heads and row["log"] == CONSENT:
                self.backed_up = row["size"]
            elif not self._has(table, row):
                yield row

    def _has(self, table: Table, row: Mapping[str, Any]) -> bool:
        if table is consent_leaves:
            return bool(row["position"] < self.size)
        if table is consent_ticks:
            return bool(row["number"] <= self.ticks)
        if table is log_heads:
            return bool(row["size"] <= self.heads)
        return (
            table is tree_nodes and row["log"] == CONSENT and (row["place"] + 1) << row["level"] <= self.size
        )

    def settle(self, connection: Connection) -> None:
        """Bring receipts and log together once the backup's rows are in."""
        size = max(self.size, self.backed_up)
        connection.execute(update(tree_heads).where(tree_heads.c.log == CONSENT).values(size=size))
        if self.size > self.backed_up:
            self._regain(connection)
        else:
            connection.execute(delete(consent_erasures))
            insert_rows(connection, consent_erasures, self.queue)
        connection.execute(text("DROP TABLE places"))

    def _regain(self, connection: Connection) -> None:
        """Give receipts that are back their places, and mark the places of those that are not."""
        since = select(consent_leaves.c.leaf).where(consent_leaves.c.position >= self.backed_up)
        marked = [leaf.index for (each,) in connection.execute(since) if (leaf := read_leaf(each.encode()))]
        waiting = connection.execute(select(consent_erasures.c.position)).scalars()
        for position in {*marked, *waiting}:
            connection.execute(delete(receipt_leaves).where(receipt_leaves.c.position == position))
        back = (
            "EXISTS (SELECT 1 FROM receipts r WHERE r.number = places.number AND r.receipt = places.receipt)"
        )
        known = "EXISTS (SELECT 1 FROM receipt_leaves l WHERE l.number = places.number)"
        columns = "number, position, salt"
        connection.execute(
            text(
                f"INSERT INTO receipt_leaves ({columns}) SELECT {columns} FROM places WHERE {back} AND NOT {known}"
            )
        )
        queued = "position IN (SELECT position FROM consent_erasures)"
        connection.execute(
            text(
                "INSERT INTO consent_erasures (position) "
                f"SELECT position FROM places WHERE NOT {back} AND NOT {queued}"
            )
        )


def declare_lost(connection: Connection) -> ConsentLogGap | None:
    """Record in the public log which heads of the consent log it anchors are gone, if any are."""
    public = StoredLedger(connection)
    anchors = [event for event in public.of(ConsentRootAnchored) if isinstance(event, ConsentRootAnchored)]
    kept = int(connection.execute(select(func.coalesce(func.max(consent_ticks.c.number), 0))).scalar_one())
    declared = [event.last for event in public.of(ConsentLogGap) if isinstance(event, ConsentLogGap)]
    first, last = max([kept, *declared]) + 1, anchors[-1].number if anchors else 0
    if first > last:
        return None
    gap = ConsentLogGap(first=first, last=last)
    public.append(gap)
    return gap
