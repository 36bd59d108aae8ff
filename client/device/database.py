"""The device's one database: what is decided, what is queued and what is remembered change together or not at all.

`secure_delete` zeroes what is deleted; the write-ahead log keeps older copies until it is cut, and it cannot be cut
while another reader is in it. Whoever promises that bytes are gone asks `cut_log` and believes nothing else.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from client.device.files import PRIVATE_FILE
from client.errors import ClientError

VERSION = 2
BUSY_SECONDS = 5.0
SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE switches (
    purpose TEXT PRIMARY KEY, epoch INTEGER NOT NULL, granted INTEGER NOT NULL, origin TEXT NOT NULL,
    version INTEGER NOT NULL, notice TEXT NOT NULL, language TEXT NOT NULL, valid_until INTEGER NOT NULL,
    decided_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE withdrawals (
    origin TEXT NOT NULL, purpose TEXT NOT NULL, epoch INTEGER NOT NULL, how TEXT NOT NULL,
    attempts INTEGER NOT NULL, next_try INTEGER NOT NULL, problem TEXT NOT NULL, PRIMARY KEY (origin, purpose)
) WITHOUT ROWID;
CREATE TABLE grants (
    origin TEXT NOT NULL, purpose TEXT NOT NULL, version INTEGER NOT NULL, notice TEXT NOT NULL,
    language TEXT NOT NULL, idempotency_key TEXT NOT NULL, PRIMARY KEY (origin, purpose)
) WITHOUT ROWID;
CREATE TABLE services (origin TEXT NOT NULL, public TEXT NOT NULL, PRIMARY KEY (origin, public)) WITHOUT ROWID;
CREATE TABLE receipts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, about TEXT NOT NULL, version INTEGER NOT NULL,
    origin TEXT NOT NULL, receipt BLOB NOT NULL
);
CREATE TABLE proofs (receipt INTEGER PRIMARY KEY REFERENCES receipts (number), proof BLOB NOT NULL);
CREATE TABLE outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, purpose TEXT NOT NULL, payload BLOB NOT NULL);
CREATE TABLE caches (name TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE weeks (week INTEGER PRIMARY KEY, wrapped BLOB NOT NULL);
CREATE TABLE events (
    week INTEGER NOT NULL REFERENCES weeks (week), nonce BLOB NOT NULL, sealed BLOB NOT NULL,
    PRIMARY KEY (week, nonce)
) WITHOUT ROWID;
CREATE TABLE personal (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE shreds (
    scope TEXT NOT NULL, asked_at INTEGER NOT NULL, keys INTEGER NOT NULL, PRIMARY KEY (scope, asked_at)
) WITHOUT ROWID;
"""


class StoreError(ClientError):
    """The device's database cannot be used: nothing was stored, and nothing counts as consented."""

    code = "store_unusable"


class Database:
    """One file, any number of threads and processes; a step is one transaction.

    Args:
        path: where it is, or is to be, in a private folder.
    """

    def __init__(self, path: Path) -> None:
        """Open the database and bring it to this version.

        Raises:
            StoreError: the file is another one, newer than this software, or cannot be opened.
        """
        self._path = path
        self._lock = threading.RLock()
        self._durable: bool | None = None
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the device's database cannot be opened: {type(error).__name__}") from None
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            raise StoreError(f"the device's database cannot be read: {type(error).__name__}") from None
        except StoreError:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        for pragma in ("journal_mode=WAL", "secure_delete=ON", "foreign_keys=ON", "temp_store=MEMORY"):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        with self.writing(durable=True) as connection:
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found > VERSION:
                raise StoreError(f"the database has version {found}: update this software")
            if found == 0:
                for statement in SCHEMA.split(";\n"):
                    connection.execute(statement)
            elif found == 1:
                connection.execute(next(each for each in SCHEMA.split(";\n") if "TABLE proofs" in each))
            if found != VERSION:
                connection.execute(f"PRAGMA user_version={VERSION}")

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Run one step that happens whole or not at all.

        Args:
            durable: wait until it would outlive a loss of power, not only a crash of the app.

        Raises:
            StoreError: the database does not answer; nothing happened.
        """
        with self._lock, self._answering():
            if durable is not self._durable:
                self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read one consistent state.

        Raises:
            StoreError: the database does not answer.
        """
        with self._lock, self._answering():
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("COMMIT")

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            # Only the kind: an SQLite message may quote what was being stored.
            raise StoreError(f"the device's database does not answer: {type(error).__name__}") from None

    def cut_log(self, *, patience: float = 0.2) -> bool:
        """Move the write-ahead log into the database and cut it to nothing.

        Args:
            patience: seconds to wait for readers who keep the log as it is.

        Returns:
            Whether it is empty; false while a reader is in it, and what was deleted may still be in the log.
        """
        until = time.monotonic() + patience
        with self._lock, self._answering():
            self._connection.execute("PRAGMA busy_timeout=0").fetchall()
            try:
                while True:
                    busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                    if not busy or time.monotonic() > until:
                        return not busy and self._log_bytes() == 0
                    time.sleep(0.01)
            finally:
                self._connection.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}").fetchall()

    def _log_bytes(self) -> int:
        log = self._path.with_name(self._path.name + "-wal")
        return log.stat().st_size if log.exists() else 0

    def rewrite(self) -> bool:
        """Write every live row anew, without the remains of old ones; return whether nobody stood in the way."""
        with self._lock:
            try:
                self._connection.execute("VACUUM")
            except sqlite3.Error:
                return False
        return True

    def version(self) -> tuple[int, int]:
        """Return two numbers that change with every change of the file, by this or another connection."""
        with self._lock, self._answering():
            (others,) = self._connection.execute("PRAGMA data_version").fetchone()
            return others, self._connection.total_changes

    def pages(self) -> bytes:
        """Return every page of the file, free ones included.

        Through SQLite: opening the file beside it would drop the locks this process holds on it.
        """
        with self._lock, self._answering():
            return self._connection.serialize()

    def close(self) -> None:
        """Close the file; calling again does nothing."""
        with self._lock:
            self._connection.close()
