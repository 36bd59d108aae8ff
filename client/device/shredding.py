"""Shredding: data is gone when no byte of the key that opens it is left on the disk, and not before.

Asking and finishing are apart. Asking deletes the keys in the transaction that also says why; finishing moves the
log into the database, cuts it, and looks for the keys in every page. A crash, or a reader that keeps old pages alive,
leaves the asking in the table `shreds` until somebody finishes it.
"""

import hashlib
import sqlite3
from collections.abc import Sequence

from client.device.database import Database


def ask(connection: sqlite3.Connection, week: int) -> list[bytes]:
    """Delete one week's key and events; return the wrapped key that must be gone."""
    row = connection.execute("SELECT wrapped FROM weeks WHERE week = ?", (week,)).fetchone()
    if row is None:
        return []
    connection.execute("INSERT OR IGNORE INTO shreds VALUES (?)", (hashlib.sha256(row[0]).digest(),))
    connection.execute("DELETE FROM events WHERE week = ?", (week,))
    connection.execute("DELETE FROM weeks WHERE week = ?", (week,))
    return [row[0]]


def wipe(connection: sqlite3.Connection) -> list[bytes]:
    """Delete events, the keys that open them and everything computed from them; return the wrapped keys."""
    weeks = [row[0] for row in connection.execute("SELECT week FROM weeks ORDER BY week")]
    wrapped = [key for week in weeks for key in ask(connection, week)]
    for table in ("personal", "outbox", "caches"):
        connection.execute(f"DELETE FROM {table}")
    return wrapped


def finish(database: Database, wrapped: Sequence[bytes] = ()) -> bool:
    """Make sure that everything asked for is gone.

    Args:
        database: the device's.
        wrapped: the wrapped keys, where the caller still has them: no page may hold one.

    Returns:
        Whether it is; false while a reader keeps old pages alive.
    """
    with database.reading() as connection:
        asked = [row[0] for row in connection.execute("SELECT digest FROM shreds")]
    if not asked and not wrapped:
        return True
    if not database.cut_log():
        return False
    pages = database.pages()
    if any(key in pages for key in wrapped):
        return False
    with database.writing() as connection:
        connection.executemany("DELETE FROM shreds WHERE digest = ?", [(digest,) for digest in asked])
    return True
