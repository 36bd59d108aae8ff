"""How far a budget reaches: the rounds left at the present rate."""

from collections.abc import Callable, Sequence

from privacy.accountant import epsilon_pld, spent
from privacy.gaussian import GaussianRound, exact_epsilon, shift

MOST = 1_000_000
"""No forecast looks further."""


def rounds_left(costs: Sequence[GaussianRound], step: GaussianRound, *, epsilon: float, delta: float) -> int:
    """Return how many more rounds like this one the accountant in charge would authorize.

    Args:
        costs: everything spent so far.
        step: the round to repeat.
        epsilon: the cap, finite.
        delta: at which.

    Returns:
        The number of rounds, at most a million.
    """
    past = list(costs)

    def quick(rounds: int) -> float:
        future = [*past, *[step] * rounds]
        mu = shift(future)
        return epsilon_pld(future, delta) if mu is None else exact_epsilon(mu, delta)

    rounds = _last(lambda number: quick(number) <= epsilon)
    while rounds and spent([*past, *[step] * rounds], delta).epsilon > epsilon:
        rounds -= 1  # the accountant in charge errs upwards by a little, seldom by a round
    return rounds


def _last(fits: Callable[[int], bool]) -> int:
    """Return the last number that fits, where smaller ones fit too; 0 where none does."""
    low, high = 0, 1
    while high <= MOST and fits(high):
        low, high = high, 2 * high
    high = min(high, MOST + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
