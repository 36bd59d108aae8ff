"""The budget: authorized is spent, a crash forgets nothing, a plan cleared once never costs more than it said."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.accountant import spent
from privacy.budget import Budget, BudgetExceeded
from privacy.calibration import PlannedRound
from privacy.events import PrivacyEvent
from privacy.terms import RELATION, UNIT, Guarantee

DELTA = 1e-3


def cap(epsilon: float) -> Guarantee:
    return Guarantee(epsilon=epsilon, delta=DELTA, unit=UNIT, neighboring_relation=RELATION, trust="central")


def event(number: int, noise: float, rate: float = 1.0) -> PrivacyEvent:
    return PrivacyEvent(
        line="test", round=number, mechanism="gaussian", clipping_norm=1.0, noise_multiplier=noise,
        sampling_rate=rate, denominator=100.0 * rate,
    )  # fmt: skip


@given(st.lists(st.floats(0.8, 20.0), min_size=1, max_size=6), st.floats(0.5, 8.0))
def test_what_was_authorized_never_costs_more_than_the_cap(noises: list[float], epsilon: float) -> None:
    recorded: list[PrivacyEvent] = []
    budget = Budget(cap(epsilon), recorded=[], record=recorded.append)
    for number, noise in enumerate(noises, 1):
        try:
            budget.authorize(event(number, noise))
        except BudgetExceeded:
            assert len(recorded) < number
    assert spent(recorded, DELTA).epsilon <= epsilon
    assert list(budget.events) == recorded


class Crash(Exception):
    """The process dies here."""


@pytest.mark.parametrize("when", ["before the record is durable", "after the record is durable"])
def test_a_crash_between_authorize_and_record_never_forgets_a_spend(when: str) -> None:
    durable: list[PrivacyEvent] = []

    def record(spend: PrivacyEvent) -> None:
        if when.startswith("after"):
            durable.append(spend)
        raise Crash

    budget = Budget(cap(5.0), recorded=[], record=record)
    with pytest.raises(Crash):
        budget.authorize(event(1, 1.0))
    restarted = Budget(cap(5.0), recorded=durable, record=durable.append)
    assert len(restarted.events) == (1 if when.startswith("after") else 0)


def spends_before_noise(authorize: Callable[[Budget, PrivacyEvent], None]) -> bool:
    durable: list[PrivacyEvent] = []
    budget = Budget(cap(100.0), recorded=[], record=durable.append)
    authorize(budget, event(1, 2.0))
    return len(durable) == 1


def test_authorizing_without_recording_is_a_fault_this_suite_sees() -> None:
    def forgetful(budget: Budget, spend: PrivacyEvent) -> None:
        budget._check([PlannedRound(spend.noise_multiplier, spend.sampling_rate)])

    assert spends_before_noise(Budget.authorize)
    assert not spends_before_noise(forgetful)


def test_a_cleared_plan_runs_to_its_end_and_no_further() -> None:
    plan = [PlannedRound(3.0, 1.0)] * 4
    epsilon = spent(plan, DELTA).epsilon
    budget = Budget(cap(epsilon), recorded=[], record=lambda spend: None)
    budget.clear(plan)
    for number in range(1, 5):
        budget.authorize(event(number, 3.0))
    with pytest.raises(BudgetExceeded):
        budget.authorize(event(5, 3.0))


def test_a_round_outside_the_cleared_plan_leaves_room_for_the_plan() -> None:
    plan = [PlannedRound(3.0, 1.0)] * 4
    budget = Budget(cap(spent(plan, DELTA).epsilon), recorded=[], record=lambda spend: None)
    budget.clear(plan)
    with pytest.raises(BudgetExceeded):
        budget.authorize(event(1, 5.0))


def test_a_plan_over_the_cap_is_refused_whole() -> None:
    budget = Budget(cap(1.0), recorded=[], record=lambda spend: None)
    with pytest.raises(BudgetExceeded):
        budget.clear([PlannedRound(0.5, 1.0)])


def test_spent_budget_stays_spent_after_a_restart() -> None:
    durable: list[PrivacyEvent] = []
    budget = Budget(cap(2.0), recorded=[], record=durable.append)
    budget.authorize(event(1, 2.0))
    with pytest.raises(BudgetExceeded):
        Budget(cap(2.0), recorded=durable, record=durable.append).authorize(event(2, 2.0))


def test_without_a_finite_cap_everything_is_recorded_all_the_same() -> None:
    durable: list[PrivacyEvent] = []
    budget = Budget(cap(float("inf")), recorded=[], record=durable.append)
    budget.authorize(event(1, 0.0))
    assert len(durable) == 1
