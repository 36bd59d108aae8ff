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
    whole = np.trunc(wide * steps)
    while not _surely_within(whole, limit) and squared_norm(whole.astype(np.int64)) > limit:
        steps = math.nextafter(steps * (1 - 2.0**-50), 0.0)
        whole = np.trunc(wide * steps)
    return whole.astype(np.int64)


def clip_rows(rows: NDArray[np.floating[Any]], *, clipping_norm: float, scale_bits: int) -> Int64:
    """Clip many contributions at once, each as `clip_to_grid` does, and each as it would be alone.

    Args:
        rows: (people, ...) float, one whole contribution a row.
        clipping_norm: C > 0, an L2 norm.
        scale_bits: grid step 2**-scale_bits, 1 to 40.

    Returns:
        Same shape, int64, each row with exact L2 norm at most C * 2**scale_bits.

    Raises:
        ContributionRefused: a row holds NaN or infinity.
    """
    limit = norm_limit(clipping_norm, scale_bits)
    wide = rows.reshape(len(rows), -1).astype(np.float64)
    largest = np.maximum(wide.max(axis=1, initial=0.0), -wide.min(axis=1, initial=0.0))[:, None]
    if not np.isfinite(largest).all():
        raise ContributionRefused("a contribution is not finite; it counts as zero")
    unit = np.where((largest > 2.0**-400) & (largest < 2.0**400) | (largest == 0), 1.0, largest)
    if (unit != 1).any():  # squares of such values would leave the range of floats
        wide /= unit
    length = np.sqrt(wide[:, None] @ wide[..., None])[..., 0]
    clip = np.divide(clipping_norm, length, out=np.zeros_like(length), where=length > 0)
    wide *= np.ldexp(np.minimum(clip, unit), scale_bits)
    whole = np.trunc(wide, out=wide).astype(np.int64).reshape(rows.shape)
    for row in np.flatnonzero([not _surely_within(values, limit) for values in wide]):
        whole[row] = clip_to_grid(rows[row], clipping_norm=clipping_norm, scale_bits=scale_bits)
    return whole


def _surely_within(whole: NDArray[np.float64], limit: int) -> bool:
    """Tell whether a squared norm is within its limit for certain, by floats alone.

    A float sum of n squares errs by a share of at most n 2**-53 / (1 - n 2**-53), whatever its order.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., Section 3.1.
    """
    flat = whole.ravel()
    return float(flat @ flat) * (1 + (flat.size + 2) * 2.0**-52) < limit


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
