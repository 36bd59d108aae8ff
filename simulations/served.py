"""A run over the consent service's database: real keys, signed receipts, withdrawals that race its rounds."""

import hashlib
import secrets
import time
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, func, select

from privacy.events import Event, LineDeclared
from privacy.http_signature import Proof
from privacy.keys import SigningKey
from privacy.pseudonym import subject_of
from server.consent_service import ConsentService, GrantRequest
from server.database import migrate, open_engine, reading, serially
from server.ledger_store import LogKey, StoredLedger
from server.line_policy import apply_budget
from server.policy import CurrentNotices
from server.round_book import Int64
from server.sql_rounds import PURPOSE, SqlRoundStore
from server.store import ConsentStore
from server.tables import ledger, subjects
from simulations.backends import People, PublicLog
from simulations.errors import SimulationError

LANGUAGE = "en"


class DatabaseInUse(SimulationError):
    """The database holds somebody's consent or log: a simulation needs one of its own."""

    code: ClassVar[str] = "database_in_use"


class Served:
    """The store of `penchant-server`, used the way the service uses it.

    Args:
        url: an empty database, ``sqlite:///path`` or ``postgresql://user@host/name``.

    Raises:
        DatabaseInUse, StoreUnavailable: nothing was written.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        migrate(self._engine)
        with reading(self._engine) as connection:
            counts = {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (ledger, subjects)
            }
        if any(counts.values()):
            self.close()
            raise DatabaseInUse("the database holds a log or subjects already; name an empty one")

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()

    def log(self, by: LogKey) -> PublicLog:
        """Open the database's log."""
        return ServedLog(self._engine, by)

    def people(self, granted: NDArray[np.bool_], log: PublicLog, by: LogKey) -> People:
        """Enrol everybody with a key of their own, and let those who grant do so."""
        return ServedPeople(self._engine, granted, by)


class ServedLog:
    """The public log as it stands in the database, whoever appends to it."""

    def __init__(self, engine: Engine, by: LogKey) -> None:
        self._engine = engine
        self._by = by

    @property
    def events(self) -> tuple[Event, ...]:
        """Every event, oldest first."""
        return tuple(serially(self._engine, lambda connection: StoredLedger(connection).events()))

    @property
    def size(self) -> int:
        """Number of entries."""
        return serially(self._engine, lambda connection: StoredLedger(connection).tree.size)

    def append(self, event: Event) -> int:
        """Append one event and return its index; a declaration also makes the line."""

        def step(connection: Connection) -> int:
            if isinstance(event, LineDeclared):
                apply_budget(connection, dict(event.to_wire()))
                return StoredLedger(connection).tree.size - 1
            return StoredLedger(connection).append(event)

        return serially(self._engine, step)

    def proof(self, index: int) -> bytes:
        """Return the proof that travels beside one entry."""

        def step(connection: Connection) -> bytes:
            ledger = StoredLedger(connection)
            return ledger.proof_at(index, ledger.checkpoint(self._by), purposes=("log", "release"))

        return serially(self._engine, step)

    def checkpoint(self) -> bytes:
        """Return the signed head of the log as it stands."""
        return serially(self._engine, lambda connection: StoredLedger(connection).checkpoint(self._by))

    def export(self) -> bytes:
        """Return every leaf, one a line."""
        found = serially(
            self._engine, lambda connection: StoredLedger(connection).leaves(after=-1, limit=1 << 31)
        )
        return b"".join(leaf.encode() + b"\n" for _, leaf in found)


class ServedPeople:
    """People who enrol, grant and withdraw through the consent service, each with a key of their own."""

    def __init__(self, engine: Engine, granted: NDArray[np.bool_], by: LogKey) -> None:
        self._engine = engine
        self._notices = CurrentNotices(engine)
        self._service = ConsentService(
            engine,
            key=SigningKey.generate(),
            controller="simulation",
            notices=self._notices,
            clock=_now,
        )
        self._keys = [SigningKey.generate() for _ in granted]
        self.store = SqlRoundStore(engine, log=by, clock=_now)
        self.ever_granted = granted.copy()
        self.withdrawn = np.zeros(len(granted), bool)
        for person in range(len(granted)):
            self._service.enrol(self._proof(person))
        self.subjects: Int64 = self.store.handles([subject_of(key.public) for key in self._keys])
        (notice,) = (n for n in self._notices().listed(LANGUAGE) if n.purpose == PURPOSE)
        for person in np.flatnonzero(granted).tolist():
            request = GrantRequest(
                notice=notice.digest,
                language=LANGUAGE,
                expected_version=0,
                idempotency_key=secrets.token_urlsafe(16),
                digest="",
                refused_by_signal=False,
            )
            self._service.grant(self._proof(person), PURPOSE, request)

    def digest(self) -> str:
        """Return the SHA-256 of everybody's version, -1 where not granted, as little-endian int64, hex."""

        def read(connection: Connection) -> Int64:
            current = self._notices().current(PURPOSE)
            return ConsentStore(connection).versions(
                self.subjects, PURPOSE, notices=current, now=_now(), hold=False
            )

        return hashlib.sha256(serially(self._engine, read).astype("<i8").tobytes()).hexdigest()

    def withdraw(self, leaving: Int64) -> None:
        """Let these persons withdraw: their own switch first, then the service."""
        self.withdrawn[leaving] = True
        for person in leaving.tolist():
            self._service.stop(self._proof(person), PURPOSE, "withdraw")

    def _proof(self, person: int) -> Proof:
        return Proof(self._keys[person].public, _now(), secrets.token_urlsafe(16))


def _now() -> int:
    return int(time.time())
