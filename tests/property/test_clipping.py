"""Clipping in fixed point: the integer norm never exceeds the bound, whatever comes in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from privacy import clipping
from privacy.clipping import ContributionRefused, check_sum, clip_rows, clip_to_grid, norm_limit, squared_norm

finite = st.floats(allow_nan=False, allow_infinity=False)
vectors = hnp.arrays(np.float64, st.integers(1, 40), elements=finite)
norms = st.floats(1e-3, 1e3)
bits = st.integers(8, 40)


@given(vectors, norms, bits)
def test_no_contribution_is_longer_than_the_clipping_norm(
    vector: NDArray[np.float64], norm: float, scale_bits: int
) -> None:
    clipped = clip_to_grid(vector, clipping_norm=norm, scale_bits=scale_bits)
    assert squared_norm(clipped) <= norm_limit(norm, scale_bits)


@given(hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-0.1, 0.1)), bits)
def test_a_short_contribution_is_kept_up_to_one_grid_step(
    vector: NDArray[np.float64], scale_bits: int
) -> None:
    clipped = clip_to_grid(vector, clipping_norm=1.0, scale_bits=scale_bits)
    assert np.all(np.abs(clipped - vector * 2.0**scale_bits) < 1.001)


@given(hnp.arrays(np.int64, st.integers(0, 30), elements=st.integers(-(2**62), 2**62)))
def test_the_squared_norm_is_exact_beyond_64_bits(vector: NDArray[np.int64]) -> None:
    assert squared_norm(vector) == sum(int(value) ** 2 for value in vector)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_contribution_that_is_not_finite_is_refused(poison: float) -> None:
    with pytest.raises(ContributionRefused):
        clip_to_grid(np.array([1.0, poison]), clipping_norm=1.0, scale_bits=20)


def test_a_zero_contribution_stays_zero() -> None:
    assert not clip_to_grid(np.zeros(5), clipping_norm=1.0, scale_bits=20).any()


@given(st.lists(hnp.arrays(np.float64, 7, elements=st.floats(-1e6, 1e6)), min_size=1, max_size=8))
def test_the_sum_of_clipped_contributions_passes_the_servers_check(rows: list[NDArray[np.float64]]) -> None:
    total = np.sum([clip_to_grid(row, clipping_norm=0.5, scale_bits=24) for row in rows], axis=0)
    check_sum(total, count=len(rows), clipping_norm=0.5, scale_bits=24)


def test_the_server_refuses_a_contribution_that_was_not_clipped() -> None:
    unclipped = np.array([2 << 24, 0], np.int64)
    with pytest.raises(ContributionRefused):
        check_sum(unclipped, count=1, clipping_norm=1.0, scale_bits=24)


extremes = st.sampled_from([0.0, 1e-320, 1e-160, 1e-3, 1.0, 1e160, 1e300])


@given(
    st.lists(st.tuples(extremes, st.integers(0, 2**32)), min_size=1, max_size=7),
    st.integers(8, 40),
    st.data(),
)
def test_rows_are_clipped_as_if_each_were_alone(
    people: list[tuple[float, int]], bits: int, data: st.DataObject
) -> None:
    rows = np.array([size * np.random.default_rng(seed).uniform(-1, 1, 9) for size, seed in people])
    norm = data.draw(st.sampled_from([1e-3, 0.3, 1.0, 7.5]))
    together = clip_rows(rows, clipping_norm=norm, scale_bits=bits)
    for row, clipped in zip(rows, together, strict=True):
        alone = clip_rows(row[None], clipping_norm=norm, scale_bits=bits)[0]
        assert np.array_equal(clipped, alone)
        assert squared_norm(clipped) <= norm_limit(norm, bits)
        assert np.abs(clipped - clip_to_grid(row, clipping_norm=norm, scale_bits=bits)).max() <= 2


def test_one_row_that_is_not_finite_refuses_them_all() -> None:
    for poison in (np.nan, np.inf, -np.inf):
        with pytest.raises(ContributionRefused):
            clip_rows(np.array([[1.0, 2.0], [poison, 0.0]]), clipping_norm=1.0, scale_bits=20)


@given(st.lists(st.integers(0, 2**20), min_size=1, max_size=9), st.integers(-3, 3))
def test_floats_alone_vouch_for_a_norm_only_where_integers_agree(values: list[int], excess: int) -> None:
    whole = np.array(values, np.int64)
    limit = squared_norm(whole) - excess
    assert not clipping._surely_within(whole.astype(np.float64), limit) or squared_norm(whole) <= limit
    assert clipping._surely_within(whole.astype(np.float64), 2 * squared_norm(whole) + 1)
