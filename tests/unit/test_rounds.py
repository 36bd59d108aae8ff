"""The round: consent is fenced before the intent, the intent stands before noise, nothing runs out of order."""

import numpy as np
import pytest

from privacy.budget import Budget, BudgetExceeded
from privacy.clipping import ContributionRefused, clip_to_grid
from privacy.events import Event, PrivacyEvent, RoundAborted, RoundCommitted, RoundTerms
from privacy.terms import RELATION, UNIT, Guarantee
from server.rounds import (
    ConsentMoved,
    Contribution,
    ReplyRefused,
    Round,
    RoundError,
    RoundMachine,
    RoundState,
    consent_commitment,
)
from simulations.population import SimulatedConsents

DIMENSION = 4


class Log:
    """A ledger that keeps events in a list."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def append(self, event: Event) -> int:
        self.events.append(event)
        return len(self.events) - 1

    def kinds(self) -> list[type]:
        return [type(event) for event in self.events]


def terms(number: int = 1, noise: float = 2.0) -> RoundTerms:
    return RoundTerms(
        line="test", round=number, mechanism="popularity", dimension=DIMENSION, clipping_norm=1.0,
        noise_multiplier=noise, sampling_rate=1.0, denominator=6.0, scale_bits=20, trust="central",
    )  # fmt: skip


def machine(epsilon: float = 100.0) -> tuple[RoundMachine, SimulatedConsents, Log]:
    consents, log = SimulatedConsents(np.array([True, True, True, True, True, False])), Log()
    cap = Guarantee(epsilon=epsilon, delta=1e-3, unit=UNIT, neighboring_relation=RELATION, trust="central")
    budget = Budget(cap, recorded=[], record=log.append)
    return RoundMachine(consents=consents, budget=budget, ledger=log), consents, log


def reply(of: Round, subjects: list[int]) -> Contribution:
    chosen = np.array(subjects, np.int64)
    place = np.searchsorted(of.cohort, chosen)
    row = clip_to_grid(np.ones(DIMENSION), clipping_norm=1.0, scale_bits=20)
    return Contribution(chosen, of.versions[place], len(subjects) * row)


def commit(rounds: RoundMachine, of: Round) -> None:
    rounds.commit(of, model_in="0" * 64, model_out="1" * 64, config_digest="2" * 64, code_digest="3" * 64)


def test_a_round_goes_open_sealed_committed_and_leaves_that_trace() -> None:
    rounds, _, log = machine()
    first = rounds.open(terms())
    assert first.cohort.tolist() == [0, 1, 2, 3, 4]
    rounds.receive(first, 1, reply(first, [0, 1]))
    rounds.receive(first, 2, reply(first, [2, 3, 4]))
    assert first.count == 5
    rounds.seal(first)
    commit(rounds, first)
    assert first.state is RoundState.COMMITTED
    assert log.kinds() == [RoundTerms, PrivacyEvent, RoundCommitted]


def test_who_never_granted_is_never_asked_and_cannot_slip_into_a_sum() -> None:
    rounds, _, _ = machine()
    first = rounds.open(terms())
    with pytest.raises(ReplyRefused):
        rounds.receive(first, 1, Contribution(np.array([5]), np.array([1]), np.zeros(DIMENSION, np.int64)))


def test_a_withdrawal_in_flight_blocks_the_seal_and_costs_nothing() -> None:
    rounds, consents, log = machine()
    first = rounds.open(terms())
    rounds.receive(first, 1, reply(first, [0, 1]))
    consents.withdraw(np.array([1]))
    assert rounds.moved(first)[1].tolist() == [1]
    with pytest.raises(ConsentMoved):
        rounds.seal(first)
    assert PrivacyEvent not in log.kinds()
    rounds.drop(first, 1)
    rounds.receive(first, 1, reply(first, [0]))
    rounds.seal(first)


def test_a_withdrawal_between_seal_and_commit_aborts_and_the_spend_stays() -> None:
    rounds, consents, log = machine()
    first = rounds.open(terms())
    rounds.receive(first, 1, reply(first, [0, 1]))
    rounds.seal(first)
    consents.withdraw(np.array([0]))
    with pytest.raises(ConsentMoved):
        commit(rounds, first)
    assert log.kinds() == [RoundTerms, PrivacyEvent, RoundAborted]
    assert first.state is RoundState.ABORTED


def test_the_sum_without_a_withdrawn_device_is_the_sum_in_which_it_is_zero() -> None:
    rounds, consents, _ = machine()
    first = rounds.open(terms())
    rounds.receive(first, 1, reply(first, [0, 1]))
    consents.withdraw(np.array([1]))
    rounds.drop(first, 1)
    rounds.receive(first, 1, reply(first, [0]))
    zeroed = reply(first, [0]).total + np.zeros(DIMENSION, np.int64)
    assert np.array_equal(first.total(), zeroed)


def test_no_seal_without_budget_and_nothing_is_recorded() -> None:
    rounds, _, log = machine(epsilon=0.1)
    first = rounds.open(terms(noise=1.0))
    with pytest.raises(BudgetExceeded):
        rounds.seal(first)
    assert log.kinds() == [RoundTerms]


@pytest.mark.parametrize("subjects", [[0, 0], [0, 5]])
def test_a_reply_that_counts_a_device_twice_or_a_stranger_is_refused(subjects: list[int]) -> None:
    rounds, _, _ = machine()
    first = rounds.open(terms())
    chosen = np.array(subjects, np.int64)
    fake = Contribution(chosen, np.ones(2, np.int64), np.zeros(DIMENSION, np.int64))
    with pytest.raises(ReplyRefused):
        rounds.receive(first, 1, fake)


def test_two_nodes_cannot_count_one_device() -> None:
    rounds, _, _ = machine()
    first = rounds.open(terms())
    rounds.receive(first, 1, reply(first, [0, 1]))
    with pytest.raises(ReplyRefused):
        rounds.receive(first, 2, reply(first, [1, 2]))


def test_an_update_made_under_an_older_consent_is_refused() -> None:
    rounds, _, _ = machine()
    first = rounds.open(terms())
    stale = Contribution(np.array([0]), np.array([0]), np.zeros(DIMENSION, np.int64))
    with pytest.raises(ReplyRefused):
        rounds.receive(first, 1, stale)


def test_an_unclipped_sum_is_refused() -> None:
    rounds, _, _ = machine()
    first = rounds.open(terms())
    loud = Contribution(np.array([0]), np.array([1]), np.full(DIMENSION, 1 << 20))
    with pytest.raises(ContributionRefused):
        rounds.receive(first, 1, loud)


def test_nothing_happens_out_of_order() -> None:
    rounds, _, _ = machine()
    first = rounds.open(terms())
    with pytest.raises(RoundError):
        commit(rounds, first)
    rounds.seal(first)
    with pytest.raises(RoundError):
        rounds.receive(first, 1, reply(first, [0]))
    with pytest.raises(RoundError):
        rounds.seal(first)
    rounds.abort(first)
    with pytest.raises(RoundError):
        rounds.abort(first)


def test_a_commitment_tells_nothing_without_its_salt() -> None:
    rounds, _, _ = machine()
    first, second = rounds.open(terms(1)), rounds.open(terms(2))
    for of in (first, second):
        rounds.receive(of, 1, reply(of, [0, 1]))
    assert consent_commitment(first) != consent_commitment(second)
    second.salt = first.salt
    assert consent_commitment(first) == consent_commitment(second)
