"""What a sequence of Gaussian rounds cost: a pure function of events, by accountants that check each other."""

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, Literal, Protocol

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

AccountantName = Literal["prv", "rdp", "pld"]
PRV_ERROR = 0.002
"""Error in epsilon the PRV accountant is asked to stay within; its upper bound is what we report."""


class AccountingError(PrivacyError):
    """No accountant bounds these events: nothing may be released on them."""

    code: ClassVar[str] = "accounting_failed"


class GaussianRound(Protocol):
    """What accounting needs of a privacy event: Poisson-sampled Gaussian mechanism, sensitivity 1."""

    @property
    def noise_multiplier(self) -> float:
        """Noise standard deviation over clipping norm."""

    @property
    def sampling_rate(self) -> float:
        """Probability with which each eligible device is in."""


@dataclass(frozen=True, slots=True)
class Spent:
    """An epsilon and the accountant that vouches for it."""

    epsilon: float
    accountant: AccountantName


def _steps(events: Iterable[GaussianRound]) -> list[tuple[float, float, int]]:
    pairs = sorted((event.noise_multiplier, event.sampling_rate) for event in events)
    return [(noise, rate, sum(1 for _ in same)) for (noise, rate), same in groupby(pairs)]


def _unbounded(events: Sequence[GaussianRound]) -> bool:
    return any(event.noise_multiplier == 0 for event in events)


def epsilon_prv(events: Sequence[GaussianRound], delta: float) -> float:
    """Bound epsilon by Opacus' PRV accountant: its upper bound, not its estimate.

    Raises:
        AccountingError: the accountant cannot discretize these events within its error.

    Source: Gopi, Lee and Wutschitz, arXiv 2106.02848.
    """
    if not events or _unbounded(events):
        return math.inf if events else 0.0
    accountant = PRVAccountant()
    accountant.history = _steps(events)
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
    """Bound epsilon by Opacus' RDP accountant: looser than PRV, and never fails.

    Source: Mironov, Talwar and Zhang, arXiv 1908.10530.
    """
    if not events or _unbounded(events):
        return math.inf if events else 0.0
    accountant = RDPAccountant()
    accountant.history = _steps(events)
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
    if not events or _unbounded(events):
        return math.inf if events else 0.0
    return float(_pld(events).get_epsilon(delta))


def spent(events: Sequence[GaussianRound], delta: float) -> Spent:
    """Return the epsilon we report: PRV, or RDP where PRV cannot account."""
    try:
        return Spent(epsilon_prv(events, delta), "prv")
    except AccountingError:
        return Spent(epsilon_rdp(events, delta), "rdp")


def delta_at(events: Sequence[GaussianRound], epsilons: Sequence[float]) -> list[float]:
    """Return the privacy curve delta(epsilon) at the given points; 1 everywhere without noise."""
    if not events:
        return [0.0 for _ in epsilons]
    if _unbounded(events):
        return [1.0 for _ in epsilons]
    accountant = _pld(events)
    return [float(accountant.get_delta(epsilon)) for epsilon in epsilons]


def attacker_success(events: Sequence[GaussianRound]) -> float:
    """Return how often the best attacker guesses one subject's presence: (1 + delta(0)) / 2.

    The attacker knows everything but whether that subject took part, and both cases are equally likely.
    """
    return (1 + delta_at(events, [0.0])[0]) / 2
