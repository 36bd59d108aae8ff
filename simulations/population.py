"""The simulated population: one device per person, its consent, and the people who leave while training runs."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from client.node import Numbered
from client.participation import AcceptedTerms
from models.history import Histories
from models.streams import stream
from server.round_book import Members

Int64 = NDArray[np.int64]


class SimulatedConsents:
    """Consent to `federated_contribution` for subjects 0 to N-1, all in memory.

    Args:
        granted: (people,) bool, who ever granted it.
    """

    def __init__(self, granted: NDArray[np.bool_]) -> None:
        self._granted = granted.copy()
        self._versions = np.where(granted, 1, 0).astype(np.int64)
        self.ever_granted = granted.copy()
        self.withdrawn = np.zeros(len(granted), bool)

    def eligible(self) -> Members:
        """Return the subjects who currently grant."""
        subjects = np.flatnonzero(self._granted).astype(np.int64)
        return Members(subjects, self._versions[subjects])

    def versions(self, subjects: Int64) -> Int64:
        """Return current versions, -1 where not granted."""
        return np.where(self._granted[subjects], self._versions[subjects], -1)

    def digest(self) -> str:
        """Return the SHA-256 of everybody's version, -1 where not granted, as little-endian int64, hex."""
        versions = np.where(self._granted, self._versions, -1).astype("<i8")
        return hashlib.sha256(versions.tobytes()).hexdigest()

    def grant(self, subjects: Int64) -> None:
        """Grant, under a new version that revives nothing made before."""
        self._granted[subjects] = True
        self._versions[subjects] += 1
        self.ever_granted[subjects] = True
        self.withdrawn[subjects] = False

    def withdraw(self, subjects: Int64) -> None:
        """Withdraw: the version moves at once, so no update made before can commit any more."""
        self._granted[subjects] = False
        self._versions[subjects] += 1
        self.withdrawn[subjects] = True


@dataclass(frozen=True, slots=True)
class Departures:
    """Who withdraws when: before a round is opened, or while its updates are in flight.

    Args:
        before: subjects by round number.
        in_flight: subjects by round number, after their node answered and before the round is sealed.
    """

    before: dict[int, Int64]
    in_flight: dict[int, Int64]


def draw_granted(people: int, *, share: float, seed: int) -> NDArray[np.bool_]:
    """Return who grants contribution: exactly the rounded share, chosen by the run's seed."""
    granted = np.zeros(people, bool)
    granted[stream(seed, "grant").permutation(people)[: round(share * people)]] = True
    return granted


def draw_departures(granted: NDArray[np.bool_], *, share: float, rounds: int, seed: int) -> Departures:
    """Spread the withdrawals over the rounds, every other one in flight.

    Args:
        granted: (people,) who takes part at first.
        share: share of those who grant that withdraws before the last round is sealed.
        rounds: number of rounds, at least 1; nobody leaves before the first.
        seed: the run's seed.
    """
    rng = stream(seed, "withdraw")
    members = np.flatnonzero(granted)
    leaving = rng.permutation(members)[: round(share * len(members))].astype(np.int64)
    when = rng.integers(1, 2 * rounds, len(leaving))
    before = {r: leaving[when == 2 * (r - 1)] for r in range(2, rounds + 1)}
    in_flight = {r: leaving[when == 2 * r - 1] for r in range(1, rounds + 1)}
    return Departures(before, in_flight)


class SimulatedShard:
    """One node's devices over in-memory histories.

    Args:
        persons: (devices,) int64, those this node stands for.
        train: histories of the whole population, by person.
        switched_off: (people,) bool, shared with the world: devices whose own switch is off.
        accepted: the terms their notice allows.
        subjects: (devices,) int64, their numbers in rounds, by default those of the persons.
    """

    def __init__(
        self,
        persons: Int64,
        *,
        train: Histories,
        switched_off: NDArray[np.bool_],
        accepted: AcceptedTerms,
        subjects: Int64 | None = None,
    ) -> None:
        self._devices = Numbered(persons, persons if subjects is None else subjects)
        self.subjects = self._devices.subjects
        self._train = train
        self._switched_off = switched_off
        self._accepted = accepted

    def willing(self, subjects: Int64) -> NDArray[np.bool_]:
        """Return whose own switch is still on."""
        return ~self._switched_off[self._devices.persons(subjects)]

    def histories(self, subjects: Int64) -> Histories:
        """Return the training events of these devices."""
        return self._train.take(self._devices.persons(subjects))

    def accepted(self) -> AcceptedTerms:
        """Return the terms the notice allows."""
        return self._accepted
