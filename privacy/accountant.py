"""What a sequence of Gaussian rounds cost: a pure function of events, by accountants that check each other."""

import math
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from dp_accounting import (
    DpEvent,
    GaussianDpEvent,
    NeighboringRelation,
    PoissonSampledDpEvent,
    SelfComposedDpEvent,
)
from dp_accounting.pld.pld_privacy_accountant import PLDAccountant
from opacus.accountants import PRVAccountant, RDPAccountant

from privacy.errors import PrivacyError
from privacy.gaussian import GaussianRound as GaussianRound
from privacy.gaussian import exact_epsilon, shift

AccountantName = Literal["prv", "rdp", "pld"]
PRV_ERROR = 0.002
"""Error in epsilon the PRV accountant is asked to stay within; its upper bound is what we report."""
PLD_ERROR = 0.001
"""What PLD's grid of 1e-4 may add to epsilon; measured below 0.0007 up to 10,000 rounds."""
AGREEMENT = 2 * PRV_ERROR + PLD_ERROR
"""Two right accountants differ by no more: PRV's upper bound lies within twice its error of the true value."""
MOST_EPSILON = 100.0
"""Above it PRV's grid takes gigabytes, and says nothing that RDP does not."""
MOST_BOUND, LEAST_NOISE = 300.0, 0.05
"""Above this epsilon, or below this noise, nothing is bounded: PLD would fill the memory, to protect nobody."""
LEAST_DELTA = 1e-10
"""At which a whole curve is held against `MOST_BOUND`."""


class AccountingError(PrivacyError):
    """No accountant bounds these events: nothing may be released on them."""

    code: ClassVar[str] = "accounting_failed"


class AccountantsDisagree(AccountingError):
    """Two independent accountants differ by more than their errors: one of them is wrong, nothing is released."""

    code: ClassVar[str] = "accountants_disagree"


@dataclass(frozen=True, slots=True)
class Spent:
    """An epsilon and the accountant that vouches for it."""

    epsilon: float
    accountant: AccountantName


def _steps(events: Iterable[GaussianRound]) -> list[tuple[float, float, int]]:
    pairs = Counter((event.noise_multiplier, event.sampling_rate) for event in events)
    return [(noise, rate, count) for (noise, rate), count in sorted(pairs.items())]


def _merged(events: Iterable[GaussianRound]) -> list[tuple[float, float, int]]:
    """Compose the rounds that everyone is in into one, exactly: 1/s² adds, so many cost no more time than one."""
    steps = _steps(events)
    precision = math.fsum(count / noise**2 for noise, rate, count in steps if rate == 1)
    sampled = [step for step in steps if step[1] != 1]
    return [*sampled, (precision**-0.5, 1.0, 1)] if precision else sampled


def _unbounded(events: Sequence[GaussianRound], delta: float) -> bool:
    return epsilon_rdp(events, delta) > MOST_BOUND


def epsilon_prv(events: Sequence[GaussianRound], delta: float) -> float:
    """Bound epsilon by Opacus' PRV accountant: its upper bound, not its estimate.

    Raises:
        AccountingError: the accountant cannot discretize these events within its error.

    Source: Gopi, Lee and Wutschitz, arXiv 2106.02848.
    """
    if _unbounded(events, delta):
        return math.inf
    if epsilon_rdp(events, delta) > MOST_EPSILON:
        raise AccountingError(
            f"PRV is not asked above an epsilon of {MOST_EPSILON}: its grid would fill the memory"
        )
    if not events:
        return 0.0
    accountant = PRVAccountant()
    accountant.history = _merged(events)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            epsilon = float(accountant.get_epsilon(delta=delta, eps_error=PRV_ERROR))
    except (RuntimeError, ValueError, MemoryError, OverflowError) as problem:
        raise AccountingError(f"PRV cannot account for these {len(events)} events: {problem}") from problem
    if not math.isfinite(epsilon) or epsilon < 0:
        raise AccountingError(f"PRV gives {epsilon} for these {len(events)} events")
    return epsilon


def epsilon_rdp(events: Sequence[GaussianRound], delta: float) -> float:
    """Bound epsilon by Opacus' RDP accountant: looser than PRV, and never fails; inf below `LEAST_NOISE`.

    Source: Mironov, Talwar and Zhang, arXiv 1908.10530.
    """
    if not events or any(event.noise_multiplier < LEAST_NOISE for event in events):
        return math.inf if events else 0.0
    accountant = RDPAccountant()
    accountant.history = _merged(events)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(accountant.get_epsilon(delta=delta))


def _pld(events: Sequence[GaussianRound]) -> PLDAccountant:
    accountant = PLDAccountant(NeighboringRelation.ADD_OR_REMOVE_ONE)
    for noise, rate, count in _steps(events):
        event: DpEvent = GaussianDpEvent(noise)
        if rate < 1:
            event = PoissonSampledDpEvent(rate, event)
        accountant.compose(SelfComposedDpEvent(event, count))
    return accountant


def epsilon_pld(events: Sequence[GaussianRound], delta: float) -> float:
    """Bound epsilon by dp-accounting's privacy loss distributions, an independent implementation.

    Source: Doroshenko et al., arXiv 2207.04380.
    """
    if not events or _unbounded(events, delta):
        return math.inf if events else 0.0
    return float(_pld(events).get_epsilon(delta))


def spent(events: Sequence[GaussianRound], delta: float) -> Spent:
    """Return the epsilon we report: PRV, or RDP where PRV cannot account; inf where nothing bounds these events."""
    try:
        return Spent(epsilon_prv(events, delta), "prv")
    except AccountingError:
        return Spent(epsilon_rdp(events, delta), "rdp")


@dataclass(frozen=True, slots=True)
class Account:
    """An epsilon that two accountants stand for, and the closed form too where one exists.

    Args:
        epsilon: the bound we report.
        accountant: whose it is.
        check: PLD's bound, from an independent implementation.
        exact: the closed form; None where rounds sample.
    """

    epsilon: float
    accountant: AccountantName
    check: float
    exact: float | None


def account(events: Sequence[GaussianRound], delta: float) -> Account:
    """Bound epsilon by two accountants that must agree within their stated error.

    Raises:
        AccountantsDisagree: they do not, or one lies below the closed form.
    """
    reported, check, mu = spent(events, delta), epsilon_pld(events, delta), shift(events)
    bounded = math.isfinite(check)
    exact = None if mu is None else exact_epsilon(mu if bounded else math.inf, delta)
    low = check - PLD_ERROR
    high = math.inf if reported.accountant == "rdp" else check + AGREEMENT
    if not low <= reported.epsilon <= high:
        raise AccountantsDisagree(
            f"{reported.accountant} gives epsilon {reported.epsilon}, pld gives {check}: more apart than {AGREEMENT}"
        )
    if exact is not None and min(reported.epsilon, check) < exact - 1e-6:
        raise AccountantsDisagree(f"the closed form gives {exact}, above {reported.epsilon} or {check}")
    return Account(reported.epsilon, reported.accountant, check, exact)


def delta_at(events: Sequence[GaussianRound], epsilons: Sequence[float]) -> list[float]:
    """Return the privacy curve delta(epsilon) at the given points; 1 everywhere where nothing is bounded."""
    if not events:
        return [0.0 for _ in epsilons]
    if _unbounded(events, LEAST_DELTA):
        return [1.0 for _ in epsilons]
    accountant = _pld(events)
    return [float(accountant.get_delta(epsilon)) for epsilon in epsilons]


def epsilon_at(events: Sequence[GaussianRound], deltas: Sequence[float]) -> list[float]:
    """Return the privacy curve the other way, epsilon(delta), by PLD; inf everywhere where nothing is bounded."""
    if not events:
        return [0.0 for _ in deltas]
    if _unbounded(events, min(deltas)):
        return [math.inf for _ in deltas]
    accountant = _pld(events)
    return [float(accountant.get_epsilon(delta)) for delta in deltas]


def attacker_success(events: Sequence[GaussianRound]) -> float:
    """Return how often the best attacker guesses one subject's presence: (1 + delta(0)) / 2.

    The attacker knows everything but whether that subject took part, and both cases are equally likely.
    """
    return (1 + delta_at(events, [0.0])[0]) / 2
