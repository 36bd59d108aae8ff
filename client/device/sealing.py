"""Rows of events: sealed under a week's key, and inserted one by one or many at once.

A nonce is a keyed digest of the event it seals: equal events meet in one row, no two different ones share a nonce.
"""

import hashlib
import itertools
import sqlite3
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from client.device.vault import NONCE, VaultError

MANY, AT_ONCE = 64, 100
"""Events from which on it is looked up what is there before they are inserted, so many by one statement."""
Row = tuple[int, bytes, bytes]
"""Week, nonce and sealed bytes of one event."""


class WeekKey:
    """One week's key at work.

    Args:
        key: 32 bytes.
    """

    __slots__ = ("_decrypt", "_encrypt", "_named")

    def __init__(self, key: bytes) -> None:
        sealer = AESGCM(key)
        self._encrypt, self._decrypt = sealer.encrypt, sealer.decrypt
        name = hashlib.blake2b(b"penchant event nonce v1", key=key, digest_size=32).digest()
        self._named = hashlib.blake2b(key=name, digest_size=NONCE)

    def seal(self, plain: bytes) -> tuple[bytes, bytes]:
        """Return (nonce, sealed)."""
        named = self._named.copy()
        named.update(plain)
        nonce = named.digest()
        return nonce, self._encrypt(nonce, plain, None)

    def open(self, nonce: bytes, sealed: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            VaultError: it was changed.
        """
        return self.open_all([(nonce, sealed)])[0]

    def open_all(self, rows: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
        """Return what was sealed, row by row.

        Raises:
            VaultError: one was changed.
        """
        decrypt = self._decrypt
        try:
            return [decrypt(nonce, sealed, None) for nonce, sealed in rows]
        except InvalidTag:
            raise VaultError(
                "an event in the store was changed: forget its week, or restore the file"
            ) from None


def insert(connection: sqlite3.Connection, rows: list[Row]) -> list[bool]:
    """Insert rows; tell of each whether it was new.

    Many go in at once and in the table's own order, which takes half the time of one by one.
    """
    if len(rows) < MANY:
        one = "INSERT OR IGNORE INTO events VALUES (?, ?, ?)"
        return [connection.execute(one, row).rowcount > 0 for row in rows]
    weeks, nonces = {row[0] for row in rows}, {row[1] for row in rows}
    looked = "SELECT week, nonce FROM events WHERE week = ?"
    there = {row for week in weeks for row in connection.execute(looked, (week,))}
    if len(nonces) == len(rows) and nonces.isdisjoint([nonce for _, nonce in there]):
        new, fresh = rows.copy(), [True] * len(rows)
    else:
        new, fresh = [], []
        for row in rows:
            fresh.append(row[:2] not in there)
            if fresh[-1]:
                there.add(row[:2])
                new.append(row)
    new.sort()
    for start in range(0, len(new), AT_ONCE):
        some = new[start : start + AT_ONCE]
        values = ", ".join(["(?, ?, ?)"] * len(some))
        connection.execute(f"INSERT INTO events VALUES {values}", [*itertools.chain.from_iterable(some)])
    return fresh
