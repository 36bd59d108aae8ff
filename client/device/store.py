"""The event store: each event sealed under its week's key, each week's key wrapped by the device's own.

Without a week's key its rows say how many there are and how long, in steps of 32 bytes, and nothing else.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence

from client.device.contracts import LATE, Code, StoredEvent, Verdict, judge, pack, unpack
from client.device.database import Database
from client.device.purposes import LOCAL
from client.device.sealing import Row, WeekKey, insert
from client.device.shredding import PERSONAL, Scope, ask, drop_derived, finish, note, wipe
from client.device.switches import Switches, permitted
from client.device.vault import Vault

DAY = 86_400
WEEK = 7 * DAY
RETENTION_DAYS = 180
_MONDAY = 4 * DAY
"""1970 began on a Thursday; ISO weeks begin on Mondays, the first of them four days later."""

_STORED, _LATE, _DUPLICATE = Verdict("stored", True), Verdict("stored_late", True), Verdict("duplicate", True)


def week_of(time: int) -> int:
    """Return the number of the ISO week a moment is in, counted from the first whole one of 1970.

    >>> week_of(4 * 86_400), week_of(11 * 86_400 - 1), week_of(11 * 86_400)
    (0, 0, 1)
    """
    return (time - _MONDAY) // WEEK


class EventStore:
    """Remember events under consent, and forget them for good.

    Args:
        database: the device's.
        vault: wraps the weeks' keys.
        clock: seconds since 1970 UTC.
        retention_days: nothing older is kept.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        clock: Callable[[], int],
        retention_days: int = RETENTION_DAYS,
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._retention = retention_days * DAY
        self._keys: dict[bytes, WeekKey] = {}
        self._read: tuple[tuple[int, int], tuple[StoredEvent, ...]] | None = None

    def add(self, raws: Iterable[Mapping[str, object]]) -> list[Verdict]:
        """Judge each event and store what may be; consent is read in the transaction that writes.

        Args:
            raws: events as the contract writes them.

        Returns:
            What became of each, in order.

        Raises:
            StoreError: the database does not answer; none of them is stored.
        """
        now = self._clock()
        judged = [judge(raw, now=now, retention=self._retention) for raw in raws]
        with self._database.writing() as connection:
            switches = Switches(connection)
            if not permitted(switches, LOCAL, now=now):
                return [Verdict("no_consent", False) for _ in judged]
            if switches.setting("paused") == b"1":
                return [Verdict("paused", False) for _ in judged]
            self._expire(connection, now)
            return self._put(connection, judged, now)

    def _put(
        self, connection: sqlite3.Connection, judged: Sequence[StoredEvent | Code], now: int
    ) -> list[Verdict]:
        """Seal what may be stored and insert it in one go; say of each what became of it."""
        keys: dict[int, WeekKey] = {}
        rows: list[Row] = []
        for event in judged:
            if isinstance(event, str):
                continue
            week = week_of(event.time)
            key = keys.get(week)
            if key is None:
                key = keys[week] = self._week_key(connection, week)
            rows.append((week, *key.seal(pack(event))))
        fresh, before = iter(insert(connection, rows)), now - LATE
        return [
            Verdict(event, False)
            if isinstance(event, str)
            else _DUPLICATE
            if not next(fresh)
            else _LATE
            if event.time < before
            else _STORED
            for event in judged
        ]

    def events(self) -> tuple[StoredEvent, ...]:
        """Return every event, oldest first; weeks past retention are not read, whether deleted yet or not."""
        version = self._database.version()
        if self._read is None or self._read[0] != version:
            with self._database.reading() as connection:
                self._read = version, tuple(map(unpack, self._all(connection)))
        oldest = self._clock() - self._retention
        found = self._read[1]
        return found if not found or found[0].time >= oldest else tuple(e for e in found if e.time >= oldest)

    def _all(self, connection: sqlite3.Connection) -> Iterable[bytes]:
        """Yield every event, packed: so they sort, which sorts them by time; weeks follow one another."""
        weeks = "SELECT week, wrapped FROM weeks WHERE week >= 0 ORDER BY week"
        for week, wrapped in connection.execute(weeks).fetchall():
            rows = connection.execute("SELECT nonce, sealed FROM events WHERE week = ?", (week,)).fetchall()
            yield from sorted(self._unwrapped(week, wrapped).open_all(rows))

    def expire(self) -> bool:
        """Shred weeks that began longer ago than retention allows; return whether all is gone from the disk."""
        with self._database.writing() as connection:
            self._expire(connection, self._clock())
        return self.settle()

    def _expire(self, connection: sqlite3.Connection, now: int) -> None:
        """Shred by a week's beginning: nothing is ever kept longer than promised, some of it six days less."""
        last = week_of(now - self._retention - 1)
        query = "SELECT week FROM weeks WHERE week BETWEEN 0 AND ?"
        for (week,) in connection.execute(query, (last,)).fetchall():
            ask(connection, week, scope="retention", now=now)

    def forget(
        self,
        scope: Scope,
        gone: Callable[[StoredEvent], bool] | None = None,
        *,
        also: Callable[[sqlite3.Connection, int], None] | None = None,
    ) -> bool:
        """Delete events for good, and everything computed from any event.

        A week that loses some of its events gets a new key, under which the rest is sealed again; the old key goes.

        Args:
            scope: for the receipt.
            gone: picks what is deleted; None is everything, personal state too.
            also: deletes more in the same transaction, given the time.

        Returns:
            Whether the keys are gone from the disk, and the receipt is kept; `settle` finishes it otherwise.
        """
        now = self._clock()
        with self._database.writing(durable=True) as connection:
            if gone is None:
                wipe(connection, scope=scope, now=now)
            else:
                for (week,) in connection.execute("SELECT week FROM weeks WHERE week >= 0").fetchall():
                    self._thin(connection, week, gone, scope, now)
                drop_derived(connection)
                note(connection, scope=scope, keys=0, now=now)
            if also is not None:
                also(connection, now)
        return self.settle()

    def settle(self) -> bool:
        """Finish what was asked to be gone; return whether it is."""
        return finish(self._database, self._vault)

    def _thin(
        self,
        connection: sqlite3.Connection,
        week: int,
        gone: Callable[[StoredEvent], bool],
        scope: Scope,
        now: int,
    ) -> None:
        key = self._week_key(connection, week)
        rows = connection.execute("SELECT nonce, sealed FROM events WHERE week = ?", (week,)).fetchall()
        plain = key.open_all(rows)
        kept = [data for data in plain if not gone(unpack(data))]
        if len(kept) == len(plain):
            return
        ask(connection, week, scope=scope, now=now)
        if kept:
            fresh = self._week_key(connection, week)
            connection.executemany(
                "INSERT INTO events VALUES (?, ?, ?)", [(week, *fresh.seal(data)) for data in kept]
            )

    def _week_key(self, connection: sqlite3.Connection, week: int) -> WeekKey:
        """Return a week's key, made on first use."""
        row = connection.execute("SELECT wrapped FROM weeks WHERE week = ?", (week,)).fetchone()
        if row is None:
            row = (self._vault.wrap(os.urandom(32), name=f"week {week}"),)
            connection.execute("INSERT INTO weeks VALUES (?, ?)", (week, row[0]))
        return self._unwrapped(week, row[0])

    def _unwrapped(self, week: int, wrapped: bytes) -> WeekKey:
        if wrapped not in self._keys:
            if len(self._keys) > 2 * RETENTION_DAYS:
                self._keys.clear()
            self._keys[wrapped] = WeekKey(self._vault.unwrap(wrapped, name=f"week {week}"))
        return self._keys[wrapped]

    def personal_key(self, connection: sqlite3.Connection) -> WeekKey:
        """Return the key of what the person set, which lies among the weeks and goes with them."""
        return self._week_key(connection, PERSONAL)
