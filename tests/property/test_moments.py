"""Matrices as vectors: an isometry there and back, noise of the declared size, and a planted fault is seen."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from privacy.moments import dimension, entry_std, side_of, to_matrix, to_vector
from privacy.noise import gaussian_on_grid, seeded_bits

Wide = NDArray[np.float64]
squares = st.integers(1, 12).flatmap(
    lambda side: hnp.arrays(np.float64, (side, side), elements=st.floats(-1e3, 1e3))
)


@given(squares)
def test_a_vector_is_as_long_as_its_matrix(square: Wide) -> None:
    matrix = square + square.T
    assert np.linalg.norm(to_vector(matrix)) == pytest.approx(np.linalg.norm(matrix), rel=1e-12)


@given(squares)
def test_a_matrix_comes_back_from_its_vector(square: Wide) -> None:
    matrix = square + square.T
    assert np.allclose(to_matrix(np.asarray(to_vector(matrix))), matrix, rtol=1e-14, atol=1e-12)


@given(st.integers(1, 10**6))
def test_the_side_follows_from_the_dimension(side: int) -> None:
    assert side_of(dimension(side)) == side


def noise_is_as_declared(back: Callable[[Wide], Wide]) -> bool:
    """Noise a zero matrix of side 3 many times through the aggregator's own noise; compare every entry."""
    side, std, times = 3, 0.7, 20_000
    draws = gaussian_on_grid(times * dimension(side), std=std, scale_bits=30, bits=seeded_bits(5))
    rows = np.ldexp(draws, -30).reshape(times, -1)
    entries = np.stack([back(row) for row in rows])
    return bool(np.allclose(entries.std(axis=0), entry_std(side, std=std), rtol=0.03))


def is_isometry(there: Callable[[Wide], Wide]) -> bool:
    matrix = np.array([[1.0, 2.0, 0.5], [2.0, -1.0, 3.0], [0.5, 3.0, 0.0]])
    return bool(np.isclose(np.linalg.norm(there(matrix)), np.linalg.norm(matrix)))


def unscaled_there(matrix: Wide) -> Wide:
    return np.concatenate([np.diagonal(matrix), matrix[~np.tri(len(matrix), dtype=np.bool_)]])


def unscaled_back(vector: Wide) -> Wide:
    side = side_of(vector.size)
    return to_matrix(np.concatenate([vector[:side], vector[side:] * np.sqrt(2)]))


def test_every_noisy_entry_has_the_declared_variance_and_unscaled_off_diagonals_are_caught() -> None:
    assert noise_is_as_declared(to_matrix)
    assert not noise_is_as_declared(unscaled_back)


def test_unscaled_off_diagonals_in_the_vector_are_caught() -> None:
    assert is_isometry(lambda matrix: np.asarray(to_vector(matrix)))
    assert not is_isometry(unscaled_there)
