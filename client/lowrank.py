"""Low-rank contributions: tables that are never formed, clipped and summed exactly in integers.

A few local steps change a table by Σ_l left_l right_l', one outer product a step. With integer factors every
product, norm and sum here is an integer below 2**53, so float64 matrix products give it exactly, in any
order: a person's contribution is the same bits in every batch, and any sharding has the same sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from privacy.clipping import ContributionRefused, Int64, norm_limit

Wide = NDArray[np.float64]
Floating = TypeVar("Floating", np.float32, np.float64)

LEFT_BITS = 20
"""Left factors are multiples of 2**-20 within ±1."""
RIGHT_BITS = 26
"""Right factors are shrunk, beyond clipping if need be, to integers up to 2**26."""
ROWS = 128
"""People x steps in one product: 2**20 x 2**26 x 128 = 2**53."""


@dataclass(frozen=True, slots=True)
class LowRankTable:
    """What a batch of people would add to one table: person p adds Σ_l left[l, p] right[l, p]'.

    Args:
        left: (steps, people, items) float64 multiples of 2**-20 within ±1.
        right: (steps, people, d) float64, any finite values.
    """

    left: Wide
    right: Wide


def clipped_sum(tables: Sequence[LowRankTable], *, clipping_norm: float, scale_bits: int) -> list[Int64]:
    """Sum the contributions of a batch, each person's tables clipped together to norm C.

    A person whose contribution is not finite counts as zero.

    Args:
        tables: the tables of one contribution.
        clipping_norm: C > 0, the bound on a person's L2 norm over all tables.
        scale_bits: grid step 2**-scale_bits, from 32 (coarse) to 40.

    Returns:
        One (items, d) int64 sum per table, in grid steps.

    Raises:
        ContributionRefused: the grid is another than exact products allow.
    """
    if not 32 <= scale_bits <= 40:
        raise ContributionRefused(f"outer products need 32 to 40 scale bits, not {scale_bits}")
    lefts, rights = [table.left for table in tables], [table.right for table in tables]
    grams = [_inner(left) for left in lefts]
    whole = np.logical_and.reduce([np.isfinite(part).all(axis=(1, 2)) for part in grams])
    whole &= np.logical_and.reduce([np.isfinite(part).all(axis=(0, 2)) for part in rights])
    if not whole.all():
        lefts, rights = ([np.where(whole[:, None], part, 0.0) for part in parts] for parts in (lefts, rights))
        grams = [np.where(whole[:, None, None], gram, 0.0) for gram in grams]
    clipped = clip_rights(grams, rights, clipping_norm=clipping_norm, scale_bits=scale_bits)
    return [_exact_product(_rows(left), _rows(right)) for left, right in zip(lefts, clipped, strict=True)]


def _exact_product(left: Wide, right: Wide) -> Int64:
    """Return left' right in grid steps, summed in blocks small enough that floats hold every integer."""
    total = np.zeros((left.shape[1], right.shape[1]), np.int64)
    for start in range(0, len(left), ROWS):
        block = slice(start, start + ROWS)
        total += (left[block].T @ (right[block] * 2.0**LEFT_BITS)).astype(np.int64)
    return total


def clip_rights(
    grams: Sequence[Wide], rights: Sequence[Wide], *, clipping_norm: float, scale_bits: int
) -> list[Wide]:
    """Scale and round right factors so that each person's integer norm is at most C * 2**scale_bits.

    The norm of Σ_l a_l b_l' needs no table: its square is Σ_lm (a_l.a_m)(b_l.b_m). It is computed once in
    floats to find the scale and once in integers to prove the bound; who is still above it after rounding
    is shrunk a little more.

    Args:
        grams: one (people, steps, steps) per table, the inner products a_l.a_m.
        rights: one (steps, people, d) per table, finite.
        clipping_norm: C > 0.
        scale_bits: grid step 2**-scale_bits of the outer products.

    Returns:
        One (steps, people, d) array per table: float64 integers within ±2**26.
    """
    largest = np.max([np.abs(right).max(axis=(0, 2)) for right in rights], axis=0)
    units = [right / np.where(largest > 0, largest, 1.0)[:, None] for right in rights]
    length = np.sqrt(np.maximum(_squares(grams, [_pairs(unit) for unit in units]), 0.0))
    clip = np.divide(clipping_norm, length, out=np.full_like(length, np.inf), where=length > 0)
    steps = np.minimum(np.ldexp(np.minimum(clip, largest), scale_bits - LEFT_BITS), 2.0**RIGHT_BITS)
    exact_grams = [_integers(np.ldexp(gram, 2 * LEFT_BITS)) for gram in grams]
    limit = norm_limit(clipping_norm, scale_bits)
    shrink = 2.0**-24
    while True:
        whole = [np.trunc(unit * steps[:, None]) for unit in units]
        squares = _squares(exact_grams, [_integers(_pairs(right.astype(np.int64))) for right in whole])
        above = np.asarray(squares > limit, np.bool_)
        if not above.any():
            return whole
        steps[above] *= 1 - shrink
        shrink = min(2 * shrink, 0.5)


def round_left(values: NDArray[Floating]) -> NDArray[Floating]:
    """Round values within ±1 to multiples of 2**-20, in place."""
    values *= 2.0**LEFT_BITS
    np.rint(values, out=values)
    values *= 2.0**-LEFT_BITS
    return values


def _squares(lefts: Sequence[NDArray[Any]], rights: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return each person's squared norm from the inner products of their factors, (people,)."""
    parts = [(left * right).sum(axis=(1, 2)) for left, right in zip(lefts, rights, strict=True)]
    return np.asarray(sum(parts))


def _inner(left: Wide) -> Wide:
    """Return the inner products of each person's left factors, (people, steps, steps), exact."""
    by_person = left.transpose(1, 0, 2)
    return np.asarray(by_person @ by_person.transpose(0, 2, 1))


def _pairs(right: NDArray[Any]) -> NDArray[Any]:
    """Return the inner products of each person's short rows, (people, steps, steps), person by person."""
    by_person = right.transpose(1, 0, 2)
    return np.asarray((by_person[:, :, None] * by_person[:, None]).sum(axis=-1))


def _integers(values: NDArray[Any]) -> NDArray[Any]:
    """Return whole numbers as Python integers, which never overflow."""
    return values.astype(np.int64).astype(object)


def _rows(factor: Wide) -> Wide:
    return factor.reshape(-1, factor.shape[2])
