"""Symmetric matrices as vectors: each off-diagonal pair is sent once, times √2, so that norms agree."""

import math
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from privacy.errors import PrivacyError

Float64 = NDArray[np.float64]


class MomentsError(PrivacyError):
    """A matrix is not square, or a vector's length is not k (k + 1) / 2: the caller mends the shape."""

    code: ClassVar[str] = "moments_malformed"


def dimension(side: int) -> int:
    """Return how many numbers a symmetric matrix of this side holds.

    >>> dimension(232)
    27028
    """
    return side * (side + 1) // 2


def side_of(numbers: int) -> int:
    """Return the side of the symmetric matrix that so many numbers describe.

    >>> side_of(27028)
    232
    """
    side = (math.isqrt(8 * numbers + 1) - 1) // 2
    if numbers < 1 or dimension(side) != numbers:
        raise MomentsError(f"{numbers} numbers do not fill a symmetric matrix: expected k (k + 1) / 2")
    return side


def to_vector(matrix: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Lay symmetric matrices out as (M_ii, √2 M_ij for i < j), an isometry: |vector| = |M|_F.

    Without the √2 a contribution would be shorter than its matrix, and noise of one size on every number
    would be √2 too large on the off-diagonal entries that `entry_std` vouches for.

    Args:
        matrix: (..., k, k), symmetric; only the upper triangles are read.

    Returns:
        (..., k (k + 1) / 2) of the same dtype, the diagonal first, then the rows of the upper triangle.

    Raises:
        MomentsError: not square matrices.

    >>> to_vector(np.array([[3.0, 2.0], [2.0, 1.0]])).round(3).tolist()
    [3.0, 1.0, 2.828]
    """
    if matrix.ndim < 2 or matrix.shape[-2] != matrix.shape[-1]:
        raise MomentsError(f"a matrix of shape {matrix.shape} is not square")
    side = matrix.shape[-1]
    above = matrix.reshape(*matrix.shape[:-2], side * side).take(_above(side), axis=-1)
    above *= matrix.dtype.type(math.sqrt(2))
    return np.concatenate([matrix.diagonal(axis1=-2, axis2=-1), above], axis=-1)


@lru_cache(maxsize=4)
def _above(side: int) -> NDArray[np.int64]:
    """Return where the upper triangle's rows stand in the flat matrix."""
    return np.flatnonzero(~np.tri(side, dtype=np.bool_))


def to_matrix(vector: Float64) -> Float64:
    """Return the symmetric matrix that `to_vector` laid out.

    Args:
        vector: (k (k + 1) / 2,) float64.

    Raises:
        MomentsError: the length fits no symmetric matrix.
    """
    side = side_of(vector.size)
    matrix = np.zeros((side, side))
    matrix[~np.tri(side, dtype=np.bool_)] = vector[side:] / math.sqrt(2)
    matrix += matrix.T
    np.fill_diagonal(matrix, vector[:side])
    return matrix


def entry_std(side: int, *, std: float) -> Float64:
    """Return the noise on each entry of the matrix when every number of the vector carries noise `std`.

    This is the Gaussian orthogonal ensemble: std on the diagonal, std / √2 elsewhere, so the spectrum of
    the noise ends at √2 std √k.

    Args:
        side: k.
        std: standard deviation on each coordinate of the vector.

    Returns:
        (k, k) float64 standard deviations.

    Source: Dwork, Talwar, Thakurta and Zhang, STOC 2014, Algorithm 1 (noise on a symmetric matrix).
    """
    spread = np.full((side, side), std / math.sqrt(2))
    np.fill_diagonal(spread, std)
    return spread
