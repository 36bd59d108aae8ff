"""The event store beside its bare parts: 10,000 events judged, sealed, kept and read, in processor time."""

import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from client.device.consent import Consent
from client.device.contracts import StoredEvent, pack
from client.device.database import Database
from client.device.files import private_folder
from client.device.purposes import LOCAL
from client.device.store import EventStore
from client.device.vault import NONCE, Vault
from simulations.benchmarks.device_start import NOW, MeasurementFailed

EVENTS, APART, REPEATS, TRACKED = 10_000, 1_000, 9, 300
"""Events, seconds between two of them (so that they fall into seventeen weeks), how often all is done anew, and
events tracked one by one."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Medians in milliseconds of processor time.

    Args:
        write: judge, seal and store every event.
        read: read every event.
        track: judge, seal and store one more, by itself.
        bare_write: encrypt and insert as many rows of that size, nothing judged, no duplicate looked for.
        bare_read: select and decrypt them, nothing made of it.
    """

    write: float
    read: float
    track: float
    bare_write: float
    bare_read: float

    def statement(self) -> str:
        """Say it in one line, ratios first."""
        return (
            f"{EVENTS:,} events: written in {self.write / self.bare_write:.2f} times ({self.write:.0f} ms), read in "
            f"{self.read / self.bare_read:.2f} times ({self.read:.0f} ms) what encryption and SQLite alone take; one "
            f"more in {1e3 * self.track:.0f} us"
        )


def kept() -> Kept:
    """Measure both, in turn."""
    times = [(*_store(), *_bare()) for _ in range(REPEATS)]
    return Kept(*(1e3 * statistics.median(column) for column in zip(*times, strict=True)))


def _store() -> tuple[float, float, float]:
    raws = [{"kind": "view", "item": f"i{number}", "time": NOW - APART * number} for number in range(EVENTS)]
    with tempfile.TemporaryDirectory() as folder:
        home = private_folder(Path(folder) / "home")
        database = Database(home / "device.db")
        vault = Vault.open(home, database)
        consent = Consent(database, vault, server=None, clock=lambda: NOW)
        consent.grant(consent.notice(LOCAL))
        store = EventStore(database, vault, clock=lambda: NOW)
        began = time.process_time()
        stored = store.add(raws)
        written = time.process_time()
        found = store.events()
        read = time.process_time()
        for number in range(TRACKED):
            store.add([{"kind": "like", "item": "i", "time": NOW - number}])
        tracked = (time.process_time() - read) / TRACKED
        database.close()
    if not all(verdict.code.startswith("stored") for verdict in stored) or len(found) != EVENTS:
        raise MeasurementFailed("the store lost an event")
    return written - began, read - written, tracked


def _bare() -> tuple[float, float]:
    events = [StoredEvent(NOW - APART * number, "view", f"i{number}") for number in range(EVENTS)]
    cipher = AESGCM(os.urandom(32))
    with tempfile.TemporaryDirectory() as folder:
        database = Database(private_folder(Path(folder) / "home") / "device.db")
        began = time.process_time()
        with database.writing() as connection:
            connection.execute("INSERT INTO weeks VALUES (0, x'00')")
            rows = []
            for event in events:
                nonce = os.urandom(NONCE)
                rows.append((0, nonce, cipher.encrypt(nonce, pack(event), None)))
            connection.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
        written = time.process_time()
        with database.reading() as connection:
            found = connection.execute("SELECT nonce, sealed FROM events").fetchall()
            plain = [cipher.decrypt(nonce, sealed, None) for nonce, sealed in found]
        read = time.process_time()
        database.close()
    if len(plain) != EVENTS:
        raise MeasurementFailed("the database lost a row")
    return written - began, read - written
