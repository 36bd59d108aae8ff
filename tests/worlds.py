"""A few people who consent, over a store in memory or a real database, and a round machine on it."""

import itertools
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from privacy.clipping import clip_to_grid
from privacy.events import Event, LineDeclared, RoundTerms
from privacy.http_signature import Proof
from privacy.keys import SigningKey
from privacy.ledger import Ledger
from privacy.pseudonym import subject_of
from server.consent_service import ConsentService, GrantRequest
from server.database import reading, serially
from server.ledger_store import LogKey, StoredLedger
from server.line_policy import apply_budget
from server.memory_rounds import MemoryRoundStore
from server.notices import shipped_notices
from server.round_book import Contribution, Members, Round, RoundStore
from server.rounds import RoundMachine
from server.sql_rounds import PURPOSE, SqlRoundStore
from simulations.population import SimulatedConsents

LINE = "test"
DIMENSION = 4
LOG = LogKey("log.example/test", SigningKey.from_seed(bytes([9] * 32)))
NOW = 1_790_000_000
Int64 = NDArray[np.int64]


class World(Protocol):
    """People 0 to N-1 who can change their minds between any two steps of a round."""

    store: RoundStore

    def subjects(self, *people: int) -> Int64:
        """Return what rounds call these people."""

    def withdraw(self, person: int) -> None:
        """Withdraw; when this returns it is acknowledged."""

    def grant(self, person: int) -> None:
        """Grant, again or for the first time."""

    def events(self) -> list[Event]:
        """Return the public log."""


def declared(epsilon: float) -> LineDeclared:
    return LineDeclared(
        line=LINE, epsilon_budget=epsilon, delta=1e-3, unit="enrolled_subject",
        neighboring_relation="add_or_remove_one", trust="central", declared_population=6, period_days=365,
        releases=1,
    )  # fmt: skip


class MemoryWorld:
    """The simulator's store."""

    def __init__(self, granted: int, others: int, *, epsilon: float) -> None:
        self._consents = SimulatedConsents(np.arange(granted + others) < granted)
        self._ledger = Ledger(LOG.origin, LOG.key)
        self.store: RoundStore
        self.store = self._store = MemoryRoundStore(
            self._consents, self._ledger, recorded=[declared(epsilon)]
        )

    def subjects(self, *people: int) -> Int64:
        return np.array(people, np.int64)

    def withdraw(self, person: int) -> None:
        with self._store.leaving(self.subjects(person)):
            self._consents.withdraw(self.subjects(person))

    def grant(self, person: int) -> None:
        self._consents.grant(self.subjects(person))

    def events(self) -> list[Event]:
        return list(self._ledger.events)


class SqlWorld:
    """A database, changed through the consent service."""

    def __init__(self, engine: Engine, granted: int, others: int, *, epsilon: float) -> None:
        self.now = NOW
        self._engine = engine
        self._notices = shipped_notices()
        self.service = ConsentService(
            engine,
            key=SigningKey.from_seed(bytes(32)),
            controller="test",
            notices=lambda: self._notices,
            clock=lambda: self.now,
        )
        self._nonces = map("n{:021d}".format, itertools.count())
        self._keys = [
            SigningKey.from_seed(bytes([7, person] + [0] * 30)) for person in range(granted + others)
        ]
        wire = declared(epsilon).to_wire()
        serially(engine, lambda connection: apply_budget(connection, dict(wire)))
        for person in range(granted + others):
            self.service.enrol(self.proof(person))
        self.store: RoundStore
        self.store = self._store = SqlRoundStore(engine, log=LOG, clock=lambda: self.now)
        handles = self._store.handles([subject_of(key.public) for key in self._keys])
        self._handles = handles
        for person in range(granted):
            self.grant(person)
        self._declared = len(self._read())

    def proof(self, person: int) -> Proof:
        return Proof(self._keys[person].public, self.now, next(self._nonces))

    def subjects(self, *people: int) -> Int64:
        return self._handles[list(people)]

    def withdraw(self, person: int) -> None:
        self.service.stop(self.proof(person), PURPOSE, "withdraw")

    def grant(self, person: int) -> None:
        states = self.service.look(self.proof(person)).states
        request = GrantRequest(
            notice=sorted(self._notices.current(PURPOSE))[0],
            language="en",
            expected_version=states[PURPOSE].version,
            idempotency_key=next(self._nonces),
            digest="0" * 64,
            refused_by_signal=False,
        )
        self.service.grant(self.proof(person), PURPOSE, request)

    def events(self) -> list[Event]:
        return self._read()[self._declared :]

    def _read(self) -> list[Event]:
        with reading(self._engine) as connection:
            return StoredLedger(connection).events()


def terms(number: int = 1, *, noise: float = 2.0, rate: float = 1.0) -> RoundTerms:
    return RoundTerms(
        line=LINE, round=number, mechanism="popularity", dimension=DIMENSION, clipping_norm=1.0,
        noise_multiplier=noise, sampling_rate=rate, denominator=6.0 * rate, scale_bits=20, trust="central",
    )  # fmt: skip


def row(subject: int) -> Int64:
    """One device's clipped contribution, different for everyone."""
    vector = np.random.default_rng(abs(subject) % 2**32).normal(size=DIMENSION)
    return clip_to_grid(vector, clipping_norm=1.0, scale_bits=20)


def reply(of: Round, subjects: Int64) -> Contribution:
    """Return the sum of these devices, under the versions they were invited with."""
    invited = dict(zip(of.invited.subjects.tolist(), of.invited.versions.tolist(), strict=True))
    versions = np.array([invited[subject] for subject in subjects.tolist()], np.int64)
    return Contribution(subjects, versions, total(subjects))


def total(subjects: Int64) -> Int64:
    return sum((row(subject) for subject in subjects.tolist()), np.zeros(DIMENSION, np.int64))


def commit(machine: RoundMachine, of: Round, members: Members | None = None) -> None:
    machine.commit(
        of,
        members=machine.total(of)[1] if members is None else members,
        model_in="0" * 64,
        model_out="1" * 64,
        config_digest="2" * 64,
        code_digest="3" * 64,
        result=b"the model",
    )


MakeWorld = Callable[..., World]
