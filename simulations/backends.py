"""Where a run keeps its log, its rounds and who consents: in memory, or in the consent service's database."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from privacy.events import Event
from privacy.ledger import Ledger
from server.ledger_store import LogKey
from server.memory_rounds import MemoryRoundStore
from server.round_book import Int64, RoundStore
from simulations.population import SimulatedConsents


class PublicLog(Protocol):
    """The public log of a run."""

    @property
    def events(self) -> tuple[Event, ...]:
        """Every event, oldest first."""

    @property
    def size(self) -> int:
        """Number of entries."""

    def append(self, event: Event) -> int:
        """Append one event and return its index."""

    def proof(self, index: int) -> bytes:
        """Return the proof that travels beside one entry."""

    def checkpoint(self) -> bytes:
        """Return the signed head of the log as it stands."""

    def export(self) -> bytes:
        """Return every leaf, one a line."""


class People(Protocol):
    """The people of a run, numbered 0 to N-1, and the store in which their consent stands."""

    @property
    def store(self) -> RoundStore:
        """Where their rounds are."""

    @property
    def subjects(self) -> Int64:
        """The number each person has in rounds, (people,) int64."""

    @property
    def ever_granted(self) -> NDArray[np.bool_]:
        """Who ever granted contribution, (people,) bool."""

    @property
    def withdrawn(self) -> NDArray[np.bool_]:
        """Whose own switch is off, (people,) bool; it changes as they leave."""

    def digest(self) -> str:
        """Return the SHA-256 of everybody's consent versions, hex."""

    def withdraw(self, leaving: Int64) -> None:
        """Let these persons withdraw; when this returns they are acknowledged."""


class Backend(Protocol):
    """Opens a run's log and its people's consent."""

    def log(self, by: LogKey) -> PublicLog:
        """Open an empty log."""

    def people(self, granted: NDArray[np.bool_], log: PublicLog, by: LogKey) -> People:
        """Enrol everybody; those who grant have granted when this returns.

        Args:
            granted: (people,) bool.
            log: what `log` returned.
            by: who signs its heads.
        """


class InMemory:
    """Arrays: for simulations of any size."""

    def log(self, by: LogKey) -> PublicLog:
        """Open an empty log."""
        return Ledger(by.origin, by.key)

    def people(self, granted: NDArray[np.bool_], log: PublicLog, by: LogKey) -> People:
        """Return people whose consent is an array."""
        return _InMemory(SimulatedConsents(granted), log)


@dataclass(slots=True)
class _InMemory:
    consents: SimulatedConsents
    log: PublicLog
    store: MemoryRoundStore = field(init=False)
    subjects: Int64 = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryRoundStore(self.consents, self.log, recorded=self.log.events)
        self.subjects = np.arange(len(self.consents.withdrawn), dtype=np.int64)

    @property
    def ever_granted(self) -> NDArray[np.bool_]:
        return self.consents.ever_granted

    @property
    def withdrawn(self) -> NDArray[np.bool_]:
        return self.consents.withdrawn

    def digest(self) -> str:
        return self.consents.digest()

    def withdraw(self, leaving: Int64) -> None:
        with self.store.leaving(leaving):
            self.consents.withdraw(leaving)
