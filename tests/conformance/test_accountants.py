"""Accountants agree with each other and with the closed form of the Gaussian mechanism."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from privacy import accountant as module
from privacy.accountant import (
    AGREEMENT,
    PRV_ERROR,
    AccountantsDisagree,
    GaussianRound,
    account,
    attacker_success,
    delta_at,
    epsilon_at,
    epsilon_pld,
    epsilon_prv,
    epsilon_rdp,
    spent,
)
from privacy.audit.accounting import account as audited
from privacy.audit.accounting import best_guess
from privacy.calibration import PlannedRound, calibrate, share_budget
from privacy.gaussian import exact_delta, exact_epsilon, shift
from privacy.terms import RELATION, UNIT, Guarantee

DELTA = 5e-4
Accountant = Callable[[Sequence[GaussianRound], float], float]
ACCOUNTANTS: list[Accountant] = [epsilon_prv, epsilon_rdp, epsilon_pld]


def rounds(*noises: float, rate: float = 1.0) -> list[PlannedRound]:
    return [PlannedRound(noise, rate) for noise in noises]


def by_root_finding(*noises: float) -> float:
    """The analytic Gaussian mechanism after composition (Balle and Wang, arXiv 1805.06530, Theorem 8)."""
    std = 1 / math.sqrt(sum(noise**-2 for noise in noises))

    def excess(epsilon: float) -> float:
        left, right = norm.cdf(1 / (2 * std) - epsilon * std), norm.cdf(-1 / (2 * std) - epsilon * std)
        return float(left - math.exp(epsilon) * right - DELTA)

    return float(brentq(excess, 0, 100))


@pytest.mark.parametrize("noises", [(1.0,), (3.0, 2.0, 2.0), (8.0, 4.0, 4.0)])
def test_reported_epsilon_is_the_exact_one_up_to_the_stated_error(noises: tuple[float, ...]) -> None:
    exact = by_root_finding(*noises)
    assert exact <= epsilon_prv(rounds(*noises), DELTA) <= exact + 2 * PRV_ERROR
    assert epsilon_pld(rounds(*noises), DELTA) == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize("noises", [(0.3,), (1.0,), (3.0, 2.0, 2.0), (50.0,) * 9])
def test_the_closed_form_is_that_of_another_implementation(noises: tuple[float, ...]) -> None:
    mu = shift(rounds(*noises))
    assert mu is not None
    assert exact_epsilon(mu, DELTA) == pytest.approx(by_root_finding(*noises), abs=1e-8)
    for epsilon in (0.0, 0.5, 3.0):
        naive = norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu)
        assert exact_delta(mu, epsilon) == pytest.approx(naive, abs=1e-12)


def test_the_closed_form_stays_finite_far_out_and_claims_nothing_where_it_does_not_hold() -> None:
    assert 0 < exact_epsilon(60.0, 1e-10) < 3000
    assert shift(rounds(1.0, rate=0.5)) is None
    assert shift(rounds(1.0, 0.0)) == exact_epsilon(math.inf, DELTA) == math.inf
    assert shift([]) == exact_epsilon(0.0, DELTA) == 0.0


@pytest.mark.parametrize(
    ("noise", "rate", "count"), [(4.0, 1.0, 3), (2.0, 0.05, 12), (1.0, 0.01, 500), (20.0, 1.0, 1000)]
)
def test_two_accountants_agree_within_their_stated_error(noise: float, rate: float, count: int) -> None:
    found = account(rounds(*[noise] * count, rate=rate), DELTA)
    assert 0 <= found.epsilon - found.check <= AGREEMENT
    assert (found.exact is None) == (rate < 1)


@pytest.mark.parametrize("fault", ["spent", "epsilon_pld"])
@pytest.mark.parametrize("factor", [0.99, 1.01])
def test_an_accountant_that_is_off_by_a_percent_is_caught(
    monkeypatch: pytest.MonkeyPatch, fault: str, factor: float
) -> None:
    def off(events: Sequence[GaussianRound], delta: float) -> object:
        if fault == "spent":
            return module.Spent(factor * epsilon_prv(events, delta), "prv")
        return factor * epsilon_pld(events, delta)

    monkeypatch.setattr(module, fault, off)
    with pytest.raises(AccountantsDisagree):
        account(rounds(3.0, 2.0, 2.0), DELTA)


def test_both_understating_alike_is_caught_by_the_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "spent", lambda events, delta: module.Spent(1.0, "prv"))
    monkeypatch.setattr(module, "epsilon_pld", lambda events, delta: 1.0)
    with pytest.raises(AccountantsDisagree, match="closed form"):
        account(rounds(3.0, 2.0, 2.0), DELTA)


def test_the_curve_read_either_way_is_one_curve() -> None:
    events, deltas = rounds(3.0, 2.0, 2.0), [1e-9, 1e-6, 1e-3, 0.1]
    epsilons = epsilon_at(events, deltas)
    assert epsilons == sorted(epsilons, reverse=True)
    assert delta_at(events, epsilons) == pytest.approx(deltas, rel=0.02)
    assert epsilon_at([], [0.1]) == [0.0]
    assert epsilon_at(rounds(0.0), [0.1]) == [math.inf]


@pytest.mark.parametrize("rate", [0.05, 0.3, 1.0])
def test_prv_and_pld_agree_and_rdp_is_looser(rate: float) -> None:
    events = rounds(*[2.0] * 12, rate=rate)
    prv, pld, rdp = (account(events, DELTA) for account in (epsilon_prv, epsilon_pld, epsilon_rdp))
    assert prv == pytest.approx(pld, abs=2 * PRV_ERROR + 0.01)
    assert rdp >= pld - 1e-3


@pytest.mark.parametrize("account", ACCOUNTANTS)
def test_more_noise_costs_less_and_more_rounds_or_a_higher_rate_cost_more(account: Accountant) -> None:
    base = account(rounds(2.0, 2.0, rate=0.5), DELTA)
    assert account(rounds(3.0, 3.0, rate=0.5), DELTA) < base
    assert account(rounds(2.0, 2.0, 2.0, rate=0.5), DELTA) > base
    assert account(rounds(2.0, 2.0, rate=0.9), DELTA) > base
    assert account(rounds(2.0, 2.0, rate=0.5), DELTA / 100) > base


@pytest.mark.parametrize("account", ACCOUNTANTS)
def test_nothing_costs_nothing_and_no_noise_is_unbounded(account: Accountant) -> None:
    assert account([], DELTA) == 0.0
    assert account(rounds(2.0, 0.0), DELTA) == math.inf


@pytest.mark.parametrize("account", ACCOUNTANTS)
def test_the_order_of_rounds_does_not_change_the_cost(account: Accountant) -> None:
    assert account(rounds(2.0, 5.0, 3.0), DELTA) == account(rounds(5.0, 3.0, 2.0), DELTA)


def test_rdp_stands_in_where_prv_cannot_account() -> None:
    events = rounds(0.07)
    result = spent(events, DELTA)
    assert result.accountant == "rdp"
    assert 100 < result.epsilon == epsilon_rdp(events, DELTA) < 300


@pytest.mark.parametrize(
    "events", [rounds(0.04), rounds(4.0, 1e-9), rounds(*[0.06] * 3), rounds(0.04, rate=0.01)]
)
def test_what_protects_nobody_is_unbounded_and_fills_no_memory(events: list[PlannedRound]) -> None:
    found = account(events, DELTA)
    assert found.epsilon == found.check == math.inf
    assert found.exact == (None if events[0].sampling_rate < 1 else math.inf)
    assert attacker_success(events) == 1.0
    assert epsilon_at(events, [DELTA]) == [math.inf]


@pytest.mark.parametrize("events", [[], rounds(0.04), rounds(0.2), rounds(3.0, 2.0), rounds(2.0, rate=0.1)])
def test_the_audit_draws_the_line_where_we_do(events: list[PlannedRound]) -> None:
    ours, costs = account(events, DELTA), Counter((e.noise_multiplier, e.sampling_rate) for e in events)
    theirs = audited(costs, DELTA)
    assert (ours.epsilon, ours.check, ours.exact) == pytest.approx(theirs[:3], abs=1e-9)
    assert attacker_success(events) == pytest.approx(best_guess(costs), abs=1e-12)


@pytest.mark.parametrize("epsilon", [0.5, 4.0, 8.0])
def test_calibrated_noise_spends_the_budget_and_never_more(epsilon: float) -> None:
    budget = Guarantee(
        epsilon=epsilon, delta=DELTA, unit=UNIT, neighboring_relation=RELATION, trust="central"
    )
    plan = calibrate(budget, share_budget([0.2, 0.4, 0.4], sampling_rate=1.0))
    assert 0.99 * epsilon < spent(plan, DELTA).epsilon <= epsilon
    assert epsilon_pld(plan, DELTA) <= epsilon


def test_the_attackers_odds_are_those_of_one_gaussian() -> None:
    exact = norm.cdf(1 / (2 * 0.8615))
    assert attacker_success(rounds(0.8615)) == pytest.approx(exact, abs=1e-3)
    assert attacker_success([]) == 0.5
    assert attacker_success(rounds(0.0)) == 1.0


def test_the_privacy_curve_falls() -> None:
    curve = delta_at(rounds(1.0, 2.0), [0.0, 1.0, 2.0, 4.0])
    assert curve == sorted(curve, reverse=True)
