"""The Gaussian mechanism in closed form: exact where everyone is in every round, with nothing but math.

Source: Balle and Wang, arXiv 1805.06530, Theorem 8; Gaussian rounds compose as 1/s² = sum 1/s_i².
"""

import math
from collections.abc import Iterable
from typing import Protocol


class GaussianRound(Protocol):
    """What accounting needs of a privacy event: Poisson-sampled Gaussian mechanism, sensitivity 1."""

    @property
    def noise_multiplier(self) -> float:
        """Noise standard deviation over clipping norm."""

    @property
    def sampling_rate(self) -> float:
        """Probability with which each eligible device is in."""


def shift(costs: Iterable[GaussianRound]) -> float | None:
    """Return mu, the distance of the two cases in noise deviations, over all rounds together.

    Returns:
        0 for no round, inf where one has no noise, None where one samples: no closed form holds then.
    """
    total = 0.0
    for cost in costs:
        if cost.sampling_rate != 1:
            return None
        total += math.inf if cost.noise_multiplier == 0 else cost.noise_multiplier**-2
    return math.sqrt(total)


def exact_delta(mu: float, epsilon: float) -> float:
    """Return delta(epsilon) of a Gaussian mechanism whose two cases lie mu deviations apart.

    >>> round(exact_delta(1.0, 0.0), 4), exact_delta(0.0, 1.0)
    (0.3829, 0.0)
    """
    if mu == 0:
        return 0.0
    if math.isinf(mu):
        return 1.0
    near, far = epsilon / mu - mu / 2, epsilon / mu + mu / 2
    return max(0.0, _tail(near) - math.exp(min(0.0, epsilon + _log_tail(far))))


def exact_epsilon(mu: float, delta: float) -> float:
    """Return the least epsilon at a delta, to ten digits, never below the true one.

    >>> round(exact_epsilon(1.0, 5e-4), 4)
    3.3516
    """
    if exact_delta(mu, 0.0) <= delta:
        return 0.0
    if math.isinf(mu):
        return math.inf
    low, high = 0.0, 1.0
    while exact_delta(mu, high) > delta:
        low, high = high, 2 * high
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if exact_delta(mu, middle) > delta else (low, middle)
    return high


def least_noise(epsilon: float, delta: float) -> float:
    """Return the noise multiplier that spends (epsilon, delta) in one round with everyone in it; 0 for infinity.

    >>> round(exact_epsilon(1 / least_noise(2.0, 1e-4), 1e-4), 6)
    2.0
    """
    if math.isinf(epsilon):
        return 0.0
    low, high = 1e-3, 1e6
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if exact_delta(1 / middle, epsilon) <= delta else (middle, high)
    return high


def _tail(x: float) -> float:
    """Return the probability that a standard normal variable exceeds x."""
    return math.erfc(x / math.sqrt(2)) / 2


def _log_tail(x: float) -> float:
    """Return log of `_tail(x)` for x of any size: far out by the first terms of its asymptotic series."""
    if x < 25:
        return math.log(_tail(x))
    return -x * x / 2 - math.log(x * math.sqrt(2 * math.pi)) + math.log1p(-1 / (x * x) + 3 / x**4)
