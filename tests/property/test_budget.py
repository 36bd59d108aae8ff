"""The budget: authorized is spent, a crash forgets nothing, a plan cleared once never costs more than it said."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.accountant import spent
from privacy.acts import CapChanged, CapScope, MetricReleased, PeriodStarted, TuningAccounted
from privacy.budget import Budget, BudgetExceeded
from privacy.calibration import PlannedRound
from privacy.events import Event, PrivacyEvent, ReleasePublished
from privacy.forecast import rounds_left
from privacy.terms import RELATION, UNIT, Guarantee

DELTA = 1e-3


def cap(epsilon: float) -> Guarantee:
    return Guarantee(epsilon=epsilon, delta=DELTA, unit=UNIT, neighboring_relation=RELATION, trust="central")


def event(number: int, noise: float, rate: float = 1.0) -> PrivacyEvent:
    return PrivacyEvent(
        line="test", round=number, mechanism="gaussian", clipping_norm=1.0, noise_multiplier=noise,
        sampling_rate=rate, denominator=100.0 * rate,
    )  # fmt: skip


@settings(max_examples=25)  # each asks the PRV accountant up to six times
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


def capped(scope: CapScope, epsilon: float) -> CapChanged:
    return CapChanged(line="test", scope=scope, epsilon=epsilon, proposed_by="ann", approved_by="bob")


RELEASED = ReleasePublished(line="test", sequence=1, manifest="0" * 64)
NEXT_PERIOD = PeriodStarted(line="test", period=2, starts=0)


@pytest.mark.parametrize(("scope", "boundary"), [("release", RELEASED), ("period", NEXT_PERIOD)])
def test_a_cap_over_a_scope_holds_until_the_scope_ends_and_no_longer(
    scope: CapScope, boundary: Event
) -> None:
    single = spent([event(1, 3.0)], DELTA).epsilon
    budget = Budget(cap(100.0), recorded=[capped(scope, single)], record=lambda spend: None)
    budget.authorize(event(1, 3.0))
    with pytest.raises(BudgetExceeded, match=scope):
        budget.authorize(event(2, 3.0))
    budget.hear(boundary)
    budget.authorize(event(2, 3.0))


def test_after_a_restart_every_scope_stands_where_it_stood() -> None:
    single = spent([event(1, 3.0)], DELTA).epsilon
    recorded: list[Event] = [capped("release", single), event(1, 3.0), RELEASED, event(2, 3.0)]
    budget = Budget(cap(100.0), recorded=recorded, record=lambda spend: None)
    with pytest.raises(BudgetExceeded, match="release"):
        budget.authorize(event(3, 3.0))


def test_a_release_frees_nothing_of_the_lines_own_cap() -> None:
    twice = spent([event(1, 3.0), event(2, 3.0)], DELTA).epsilon
    budget = Budget(cap(twice - 0.01), recorded=[], record=lambda spend: None)
    budget.authorize(event(1, 3.0))
    budget.hear(RELEASED)
    budget.hear(NEXT_PERIOD)
    with pytest.raises(BudgetExceeded, match="line"):
        budget.authorize(event(2, 3.0))


def test_a_lowered_cap_binds_at_once_and_never_rises_again() -> None:
    budget = Budget(cap(100.0), recorded=[], record=lambda spend: None)
    budget.hear(capped("line", 0.5))
    budget.hear(capped("line", 50.0))
    with pytest.raises(BudgetExceeded):
        budget.authorize(event(1, 1.0))


def test_metrics_and_tuning_cost_like_rounds() -> None:
    mechanism = {"clipping_norm": 1.0, "noise_multiplier": 3.0, "sampling_rate": 1.0}
    metric = MetricReleased(line="test", metric="hits", number=1, mechanism="gaussian", **mechanism)
    tuning = TuningAccounted(line="test", number=1, mechanism="gaussian", looks=3, **mechanism)
    five = spent([PlannedRound(3.0, 1.0)] * 5, DELTA).epsilon
    recorded: list[Event] = []
    budget = Budget(cap(five), recorded=[], record=recorded.append)
    budget.authorize(metric)
    budget.authorize(tuning)
    budget.authorize(event(1, 3.0))
    assert recorded == [metric, tuning, event(1, 3.0)] == list(budget.events)
    with pytest.raises(BudgetExceeded):
        budget.authorize(metric)


def test_a_spend_is_never_merely_heard() -> None:
    budget = Budget(cap(1.0), recorded=[], record=lambda spend: None)
    budget.hear(event(1, 3.0))
    assert budget.events == ()


@pytest.mark.parametrize(("noise", "rate"), [(30.0, 1.0), (4.0, 0.1)])
def test_the_forecast_is_what_the_budget_then_authorizes(noise: float, rate: float) -> None:
    past = [event(number, noise, rate) for number in range(1, 4)]
    left = rounds_left(past, past[0], epsilon=1.0, delta=DELTA)
    assert 3 < left < 1000
    budget = Budget(cap(1.0), recorded=past, record=lambda spend: None)
    budget.clear([PlannedRound(noise, rate)] * left)
    with pytest.raises(BudgetExceeded):
        budget.clear([PlannedRound(noise, rate)] * (left + 1))


def test_nothing_is_left_where_one_more_round_is_too_much() -> None:
    assert rounds_left([event(1, 1.0)], event(2, 1.0), epsilon=4.0, delta=DELTA) == 0
