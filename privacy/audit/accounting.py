"""What Gaussian rounds cost, asked of the two libraries directly and of the closed form: the audit's own opinion.

Sources: Gopi, Lee and Wutschitz, arXiv 2106.02848 (PRV); Doroshenko et al., arXiv 2207.04380 (PLD); Balle and Wang,
arXiv 1805.06530, Theorem 8 (closed form).
"""

import math
import warnings
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from scipy.optimize import brentq
from scipy.stats import norm

from privacy.audit.tally import Costs

PRV_ERROR = 0.002
PLD_ERROR = 0.001
APART = 2 * PRV_ERROR + PLD_ERROR
"""Most by which two right accountants differ: the stated errors of both."""
PRV_ENDS = 100.0
"""Above this epsilon PRV's grid fills the memory; a label then states RDP's bound."""
LEAST_DELTA = 1e-10
MOST, LEAST_NOISE = 300.0, 0.05
"""Above this epsilon, or below this noise, nothing is bounded: its grid would fill the memory of whoever audits."""
FAILURES = (ArithmeticError, ValueError, RuntimeError, MemoryError)
"""What the libraries raise where they cannot account: such events are bounded by nothing."""
Steps: TypeAlias = tuple[tuple[float, float, int], ...]


class Account(NamedTuple):
    """An epsilon by two accountants and, where every round is of everyone, by the closed form.

    Args:
        epsilon: PRV's upper bound, or RDP's where PRV ends.
        check: PLD's.
        exact: the true value; None where a round samples.
        by: whose the first is.
    """

    epsilon: float
    check: float
    exact: float | None
    by: str

    @property
    def agree(self) -> bool:
        """Whether both bound the same thing, and none lies below the truth."""
        apart = math.inf if self.by == "rdp" else APART
        low = self.check - PLD_ERROR <= self.epsilon or math.isinf(self.check)
        high = self.epsilon <= self.check + apart
        return low and high and (self.exact is None or min(self[:2]) >= self.exact - 1e-6)


def account(costs: Costs, delta: float) -> Account:
    """Bound what was spent at a delta."""
    return _account(_steps(costs), delta)


def below(costs: Costs, delta: float, cap: float) -> bool:
    """Say whether what was spent stays within a cap, by the cheapest accountant that can tell."""
    if math.isinf(cap) or not costs:
        return True
    steps = _steps(costs)
    return _rdp(steps, delta) <= cap or _account(steps, delta).epsilon <= cap + 1e-6


def epsilons(costs: Costs, deltas: tuple[float, ...]) -> tuple[float, ...]:
    """Return the curve epsilon(delta), by PLD."""
    return _epsilons(_steps(costs), deltas)


def best_guess(costs: Costs) -> float:
    """Return how often the best attacker is right about one subject's presence: (1 + delta(0)) / 2, by PLD."""
    steps = _steps(costs)
    if not steps or _unbounded(steps, LEAST_DELTA):
        return 1.0 if steps else 0.5
    return (1 + float(_pld(steps).get_delta(0.0))) / 2


def _steps(costs: Costs) -> Steps:
    return tuple((noise, rate, count) for (noise, rate), count in sorted(costs.items()))


def _unbounded(steps: Steps, delta: float) -> bool:
    return _rdp(steps, delta) > MOST


@lru_cache(maxsize=256)
def _epsilons(steps: Steps, deltas: tuple[float, ...]) -> tuple[float, ...]:
    if not steps or _unbounded(steps, min(deltas)):
        return tuple(math.inf if steps else 0.0 for _ in deltas)
    loss = _pld(steps)
    return tuple(float(loss.get_epsilon(delta)) for delta in deltas)


@lru_cache(maxsize=256)
def _account(steps: Steps, delta: float) -> Account:
    if not steps or _unbounded(steps, delta):
        epsilon = math.inf if steps else 0.0
        exact = None if any(rate != 1 for _, rate, _ in steps) else epsilon
        return Account(epsilon, epsilon, exact, "prv")
    bound, by = _prv(steps, delta), "prv"
    if bound is None:
        bound, by = _rdp(steps, delta), "rdp"
    check = float(_pld(steps).get_epsilon(delta))
    return Account(bound, check, _exact(steps, delta), by)


def _history(steps: Steps) -> list[tuple[float, float, int]]:
    """Join the rounds that everyone is in, exactly: their precisions add."""
    precision = math.fsum(count / noise**2 for noise, rate, count in steps if rate == 1)
    sampled = [step for step in steps if step[1] < 1]
    return [*sampled, (precision**-0.5, 1.0, 1)] if precision else sampled


def _prv(steps: Steps, delta: float) -> float | None:
    from opacus.accountants import PRVAccountant

    if _rdp(steps, delta) > PRV_ENDS:
        return None
    accountant = PRVAccountant()
    accountant.history = _history(steps)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            epsilon = float(accountant.get_epsilon(delta, eps_error=PRV_ERROR))
    except FAILURES:
        return None
    return epsilon if math.isfinite(epsilon) and epsilon >= 0 else None


@lru_cache(maxsize=256)
def _rdp(steps: Steps, delta: float) -> float:
    from opacus.accountants import RDPAccountant

    if any(noise < LEAST_NOISE for noise, _, _ in steps):
        return math.inf
    accountant = RDPAccountant()
    try:
        accountant.history = _history(steps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            epsilon = float(accountant.get_epsilon(delta))
    except FAILURES:
        return math.inf
    return math.inf if math.isnan(epsilon) else epsilon


@lru_cache(maxsize=32)
def _pld(steps: Steps) -> Any:
    import dp_accounting
    from dp_accounting.pld.pld_privacy_accountant import PLDAccountant

    accountant = PLDAccountant(dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE)
    for noise, rate, count in steps:
        gaussian = dp_accounting.GaussianDpEvent(noise)
        event = gaussian if rate == 1 else dp_accounting.PoissonSampledDpEvent(rate, gaussian)
        accountant.compose(dp_accounting.SelfComposedDpEvent(event, count))
    return accountant


def _exact(steps: Steps, delta: float) -> float | None:
    """Return the least epsilon of rounds that everyone is in, from the closed form of one Gaussian."""
    if any(rate != 1 for _, rate, _ in steps):
        return None
    mu = math.sqrt(math.fsum(count / noise**2 for noise, _, count in steps))

    def over(epsilon: float) -> float:
        near, far = norm.sf(epsilon / mu - mu / 2), norm.logsf(epsilon / mu + mu / 2)
        return float(near - math.exp(min(0.0, epsilon + far))) - delta

    if over(0.0) <= 0:
        return 0.0
    high = 1.0
    while over(high) > 0:
        high *= 2
    return float(brentq(over, 0.0, high, xtol=1e-12, rtol=1e-12))
