"""What an erasure leaves in the private consent log: a marker for each leaf whose content is gone."""

from sqlalchemy import Connection, insert, select

from server.tables import consent_erasures, receipt_leaves, receipts


def mark_erased(connection: Connection, handle: int) -> None:
    """Queue a marker for every leaf of a subject that is about to be deleted; the next tick writes them.

    The receipts are held first: a tick that was logging one of them has finished when this goes on.
    """
    mine = receipts.c.handle == handle
    connection.execute(select(receipts.c.number).where(mine).with_for_update()).all()
    logged = select(receipt_leaves.c.position).join(receipts).where(mine)
    connection.execute(insert(consent_erasures).from_select(["position"], logged))
