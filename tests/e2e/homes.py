"""A device's home in a temporary folder, with something in it that a withdrawal must take away."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from client.device.consent import Consent
from client.device.database import Database
from client.device.files import private_folder
from client.device.purposes import PURPOSES, Purpose
from client.device.switches import Switches, Withdrawal
from client.device.vault import MARK, Vault
from privacy.keys import VerifyKey
from privacy.manifest import TrustAnchors

NOW = 1_790_000_000
WRAPPED = MARK + bytes(range(60))
TABLES = ("events", "weeks", "personal", "outbox", "caches")


@dataclass(slots=True)
class Clock:
    """A clock that only moves when told."""

    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass(frozen=True, slots=True)
class Home:
    """One device."""

    folder: Path
    database: Database
    vault: Vault
    consent: Consent

    def counts(self) -> dict[str, int]:
        with self.database.reading() as connection:
            return {
                table: connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in TABLES
            }

    def queue(self) -> list[Withdrawal]:
        with self.database.reading() as connection:
            return Switches(connection).queued()

    def on(self) -> set[Purpose]:
        return {purpose for purpose in PURPOSES if self.consent.permits(purpose)}

    def fill(self) -> None:
        """Put one row of everything that is made under consent."""
        with self.database.writing() as connection:
            connection.execute("INSERT INTO weeks VALUES (1, ?)", (WRAPPED,))
            connection.execute("INSERT INTO events VALUES (1, x'01', x'02')")
            connection.execute("INSERT INTO personal VALUES ('tuned', x'03')")
            connection.execute(
                "INSERT INTO outbox (purpose, payload) VALUES ('federated_contribution', x'04')"
            )
            connection.execute("INSERT INTO outbox (purpose, payload) VALUES ('aggregate_metrics', x'05')")
            connection.execute("INSERT INTO caches VALUES ('gradient', x'06')")


@contextmanager
def home(
    folder: Path,
    *,
    server: str | None = None,
    clock: Clock | None = None,
    keys: tuple[VerifyKey, ...] = (),
    trust: TrustAnchors | None = None,
    kind: type[Consent] = Consent,
) -> Iterator[Home]:
    """Open a device's home, and close it."""
    database = Database(private_folder(folder) / "device.db")
    vault = Vault.open(folder, database)
    consent = kind(
        database, vault, server=server, clock=clock or Clock(), keys=keys, trust=trust, jitter=lambda: 1.0
    )
    try:
        yield Home(folder, database, vault, consent)
    finally:
        consent.close()
        database.close()
