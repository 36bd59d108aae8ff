"""Find the least noise that keeps a planned sequence of rounds within its budget."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from privacy.accountant import epsilon_pld, spent
from privacy.errors import PrivacyError
from privacy.terms import Guarantee


class CalibrationError(PrivacyError):
    """No noise up to a multiplier of 10,000 meets the budget: the caller raises epsilon or plans less."""

    code: ClassVar[str] = "calibration_failed"


@dataclass(frozen=True, slots=True)
class PlannedRound:
    """A round to come: how noisy it will be and how it samples."""

    noise_multiplier: float
    sampling_rate: float


def _least(fits: Callable[[float], bool], *, precision: float) -> float:
    high = 1.0
    while not fits(high):
        high *= 2
        if high > 10_000:
            raise CalibrationError("no noise multiplier up to 10,000 meets the budget")
    low = high / 2
    while fits(low):
        high, low = low, low / 2
        if low < 1e-3:
            return high
    while high / low > 1 + precision:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def calibrate(
    budget: Guarantee, rounds: Sequence[PlannedRound], *, precision: float = 5e-4
) -> list[PlannedRound]:
    """Scale the noise of planned rounds by one factor, so that both accountants stay within the budget.

    Args:
        budget: the epsilon and delta not to exceed; infinite epsilon gives rounds without noise.
        rounds: each round's sampling rate, and its noise multiplier relative to the others, positive.
        precision: relative precision of the factor; it errs on the side of more noise.

    Returns:
        One planned round for each entry.

    Raises:
        CalibrationError: the budget is too small for any sensible noise.
    """

    def plan(factor: float) -> list[PlannedRound]:
        return [PlannedRound(factor * each.noise_multiplier, each.sampling_rate) for each in rounds]

    if not budget.private:
        return plan(0.0)
    factor = _least(
        lambda factor: spent(plan(factor), budget.delta).epsilon <= budget.epsilon, precision=precision
    )
    while epsilon_pld(plan(factor), budget.delta) > budget.epsilon:
        factor *= 1 + precision
    return plan(factor)


def share_budget(shares: Sequence[float], *, sampling_rate: float) -> list[PlannedRound]:
    """Give each round its share of the budget: relative noise 1 / sqrt(share), since 1/s² adds over rounds.

    >>> [each.noise_multiplier for each in share_budget([1.0, 0.25], sampling_rate=1.0)]
    [1.0, 2.0]
    """
    if not shares or min(shares) <= 0:
        raise CalibrationError("every round needs a positive share of the budget")
    return [PlannedRound(1 / math.sqrt(share), sampling_rate) for share in shares]
