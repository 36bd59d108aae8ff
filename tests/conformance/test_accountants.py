"""Accountants agree with each other and with the closed form of the Gaussian mechanism."""

import math
from collections.abc import Callable, Sequence

import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from privacy.accountant import (
    PRV_ERROR,
    GaussianRound,
    attacker_success,
    delta_at,
    epsilon_pld,
    epsilon_prv,
    epsilon_rdp,
    spent,
)
from privacy.calibration import PlannedRound, calibrate, share_budget
from privacy.terms import RELATION, UNIT, Guarantee

DELTA = 5e-4
Accountant = Callable[[Sequence[GaussianRound], float], float]
ACCOUNTANTS: list[Accountant] = [epsilon_prv, epsilon_rdp, epsilon_pld]


def rounds(*noises: float, rate: float = 1.0) -> list[PlannedRound]:
    return [PlannedRound(noise, rate) for noise in noises]


def exact_epsilon(*noises: float) -> float:
    """The analytic Gaussian mechanism after composition (Balle and Wang, arXiv 1805.06530, Theorem 8)."""
    std = 1 / math.sqrt(sum(noise**-2 for noise in noises))

    def excess(epsilon: float) -> float:
        left, right = norm.cdf(1 / (2 * std) - epsilon * std), norm.cdf(-1 / (2 * std) - epsilon * std)
        return float(left - math.exp(epsilon) * right - DELTA)

    return float(brentq(excess, 0, 100))


@pytest.mark.parametrize("noises", [(1.0,), (3.0, 2.0, 2.0), (8.0, 4.0, 4.0)])
def test_reported_epsilon_is_the_exact_one_up_to_the_stated_error(noises: tuple[float, ...]) -> None:
    exact = exact_epsilon(*noises)
    assert exact <= epsilon_prv(rounds(*noises), DELTA) <= exact + 2 * PRV_ERROR
    assert epsilon_pld(rounds(*noises), DELTA) == pytest.approx(exact, abs=1e-3)


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
    events = rounds(*[0.01] * 50)
    result = spent(events, DELTA)
    assert result.accountant == "rdp"
    assert result.epsilon == epsilon_rdp(events, DELTA)


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
