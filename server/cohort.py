"""Poisson cohorts: each eligible device is in by a coin of the operating system."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privacy.noise import Bits


def draw(eligible: NDArray[Any], *, sampling_rate: float, bits: Bits) -> NDArray[Any]:
    """Return the eligible subjects whose coin falls at or below the public constant rate.

    A withdrawal shrinks the cohort and changes no one else's probability.

    Args:
        eligible: (n,) subjects.
        sampling_rate: q in (0, 1]; the realized probability is floor(q * 2**53) / 2**53, never more than q.
        bits: random bits, the operating system's outside tests; not drawn at q = 1.

    Returns:
        The cohort, in the order given.
    """
    if sampling_rate == 1.0:
        return eligible
    coins = np.frombuffer(bits(8 * len(eligible)), np.uint64) >> np.uint64(11)
    return eligible[coins < np.uint64(math.floor(sampling_rate * 2**53))]
