"""Clipping in fixed point: integer contributions whose norm is bounded exactly, not up to rounding."""

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from privacy.errors import PrivacyError

Int64 = NDArray[np.int64]


class ContributionRefused(PrivacyError):
    """A contribution is not finite or exceeds its bound: it counts as zero, nothing is repaired."""

    code: ClassVar[str] = "contribution_refused"


def norm_limit(clipping_norm: float, scale_bits: int) -> int:
    """Return the largest squared integer norm allowed: floor((C * 2**scale_bits) ** 2), computed exactly.

    >>> norm_limit(1.0, 3)
    64
    """
    if not (math.isfinite(clipping_norm) and clipping_norm > 0):
        raise ContributionRefused(f"clipping norm must be positive and finite, not {clipping_norm}")
    numerator, denominator = float(clipping_norm).as_integer_ratio()
    return (numerator << scale_bits) ** 2 // denominator**2


def squared_norm(contribution: Int64) -> int:
    """Return the exact squared L2 norm of an integer vector, beyond 2**63 too."""
    total = 0
    for start in range(0, contribution.size, 1 << 19):
        wide = np.abs(contribution.ravel()[start : start + (1 << 19)]).astype(np.uint64)
        limbs = [(wide >> np.uint64(22 * limb)) & np.uint64((1 << 22) - 1) for limb in range(3)]
        for i, left in enumerate(limbs):
            total += int(np.dot(left, left)) << (44 * i)
            total += sum(int(np.dot(left, limbs[j])) << (22 * (i + j) + 1) for j in range(i))
    return total


def clip_to_grid(vector: NDArray[np.floating[Any]], *, clipping_norm: float, scale_bits: int) -> Int64:
    """Clip one contribution to norm C and put it on the integer grid of step 2**-scale_bits.

    Truncation towards zero never lengthens a vector, so the bound includes the rounding; the result is
    checked in integers all the same, and shrunk by whole steps should a float norm have erred.

    Args:
        vector: any shape, float; the person's whole contribution.
        clipping_norm: C > 0, an L2 norm.
        scale_bits: grid step 2**-scale_bits, 1 to 40.

    Returns:
        Same shape, int64, with exact L2 norm at most C * 2**scale_bits.

    Raises:
        ContributionRefused: the vector holds NaN or infinity; scaling can't repair that.

    Source: clipping as in Abadi et al., arXiv 1607.00133, Algorithm 1.
    """
    limit = norm_limit(clipping_norm, scale_bits)
    wide = vector.astype(np.float64)
    largest = float(np.max(np.abs(wide), initial=0.0))
    if not math.isfinite(largest):
        raise ContributionRefused("contribution is not finite; it counts as zero")
    if largest == 0.0:
        return np.zeros(vector.shape, np.int64)
    wide = wide / largest
    length = float(np.linalg.norm(wide.ravel()))
    steps = math.ldexp(min(clipping_norm / length, largest), scale_bits)
    clipped = np.trunc(wide * steps).astype(np.int64)
    while squared_norm(clipped) > limit:
        steps = math.nextafter(steps * (1 - 2.0**-50), 0.0)
        clipped = np.trunc(wide * steps).astype(np.int64)
    return clipped


def check_sum(total: Int64, *, count: int, clipping_norm: float, scale_bits: int) -> None:
    """Refuse a sum that `count` clipped contributions cannot have made: its norm exceeds count * C.

    For one device this is the clipping bound itself; for a shard it is all a sum still shows.

    Raises:
        ContributionRefused: the sum is too long, so at least one part was not clipped.
    """
    if count < 0 or squared_norm(total) > count * count * norm_limit(clipping_norm, scale_bits):
        raise ContributionRefused(
            f"a sum of {count} contributions is longer than {count} times the clipping norm {clipping_norm}"
        )
