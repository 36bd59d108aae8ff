"""Shredding: data is gone when no byte of the key that opens it is left on the disk, and not before.

Asking and finishing are apart. Asking deletes keys in the transaction that also says why. Finishing moves the log
into the database, cuts it, and counts wrapped keys in every page: more than the table holds means an old one is left.
A crash, or a reader that keeps old pages alive, leaves the asking in the table `shreds` until somebody finishes it;
only then is there a receipt. What a disk keeps beneath its file system is out of sight here.
"""

import sqlite3
from typing import Literal

from client.device.database import Database
from client.device.vault import MARK, Vault
from privacy.canonical import JSON, encode, to_base64

Scope = Literal["item", "since", "all", "withdrawal", "retention"]
SCHEMA = "penchant-forgetting-1"
PREFIX = b"penchant forgetting receipt v1\n"
ITSELF = "penchant-device"
"""The audience of the key that signs what only concerns the device itself."""

PERSONAL = -1
"""The number, among weeks, of the key that seals what the person set: tuned, hidden, interests, attributes."""


def ask(connection: sqlite3.Connection, week: int, *, scope: Scope, now: int) -> None:
    """Delete one week's key and events."""
    connection.execute("DELETE FROM events WHERE week = ?", (week,))
    done = connection.execute("DELETE FROM weeks WHERE week = ?", (week,))
    if done.rowcount:
        note(connection, scope=scope, keys=1, now=now)


def note(connection: sqlite3.Connection, *, scope: Scope, keys: int, now: int) -> None:
    """Note that keys were deleted whose bytes must leave the disk."""
    connection.execute(
        "INSERT INTO shreds VALUES (?, ?, ?) ON CONFLICT (scope, asked_at) DO UPDATE SET keys = keys + excluded.keys",
        (scope, now, keys),
    )


def drop_derived(connection: sqlite3.Connection) -> None:
    """Delete what was computed from events: unsent updates and training caches."""
    for table in ("outbox", "caches"):
        connection.execute(f"DELETE FROM {table}")


def wipe(connection: sqlite3.Connection, *, scope: Scope, now: int) -> None:
    """Delete events, personal state, the keys that open them and everything computed from them."""
    for (week,) in connection.execute("SELECT week FROM weeks").fetchall():
        ask(connection, week, scope=scope, now=now)
    connection.execute("DELETE FROM personal")
    drop_derived(connection)
    note(connection, scope=scope, keys=0, now=now)


def finish(database: Database, vault: Vault) -> bool:
    """Make sure that everything asked for is gone, and keep a receipt of it.

    Returns:
        Whether it is; false while a reader keeps old pages alive.
    """
    with database.reading() as connection:
        asked = connection.execute("SELECT scope, asked_at, keys FROM shreds ORDER BY asked_at").fetchall()
    if not asked:
        return True
    if not database.cut_log():
        return False
    if _left(database) and not (database.rewrite() and database.cut_log() and not _left(database)):
        return False
    receipts = [
        ("forgetting", scope, write_forgetting(vault, scope=scope, at=asked_at, keys=keys))
        for scope, asked_at, keys in asked
        if scope != "retention"
    ]
    with database.writing(durable=True) as connection:
        done = [(scope, asked_at) for scope, asked_at, _ in asked]
        connection.executemany("DELETE FROM shreds WHERE scope = ? AND asked_at = ?", done)
        connection.executemany(
            "INSERT INTO receipts (kind, about, version, origin, receipt) VALUES (?, ?, 0, '', ?)", receipts
        )
    return True


def _left(database: Database) -> bool:
    """Tell whether the pages hold a wrapped key that the table does not."""
    with database.reading() as connection:
        (live,) = connection.execute("SELECT COUNT(*) FROM weeks").fetchone()
        pages = database.pages()
    return bool(pages.count(MARK) != live)


def write_forgetting(vault: Vault, *, scope: str, at: int, keys: int) -> bytes:
    """Write and sign a receipt; it does not say what was forgotten, or it would remember it."""
    key = vault.signing_key(audience=ITSELF)
    receipt: dict[str, JSON] = {
        "schema": SCHEMA,
        "scope": scope,
        "asked_at": at,
        "keys_destroyed": keys,
        "checked": ["log_cut", "pages_searched"],
    }
    signature = to_base64(key.sign(PREFIX + encode(receipt)))
    return encode({"receipt": receipt, "signature": signature, "key": key.public.base64})
