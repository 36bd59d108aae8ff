"""The noise: right distribution, on the grid, from the operating system, and a planted fault is seen."""

import os

import numpy as np
import pytest
from scipy import stats

from privacy.noise import NoiseError, gaussian_on_grid, seeded_bits, standard_normals, system_bits, uniforms


def looks_gaussian(draws: "np.typing.NDArray[np.float64]") -> bool:
    return bool(stats.kstest(draws, "norm").pvalue > 1e-6 and abs(draws.std() - 1) < 0.02)


def test_draws_follow_the_standard_normal_distribution() -> None:
    assert looks_gaussian(standard_normals(200_000, system_bits()))


def test_halved_noise_would_be_noticed() -> None:
    assert not looks_gaussian(standard_normals(200_000, system_bits()) / 2)


def test_noise_lands_on_the_grid_with_the_declared_deviation() -> None:
    draws = gaussian_on_grid(200_000, std=1.5, scale_bits=20, bits=system_bits())
    assert draws.dtype == np.int64
    assert looks_gaussian(draws / (1.5 * 2**20))


def test_uniforms_never_touch_zero_or_one() -> None:
    lowest, highest = uniforms(1, lambda count: bytes(count)), uniforms(1, lambda count: b"\xff" * count)
    assert 0 < lowest[0] < highest[0] < 1


def test_two_streams_of_the_operating_system_differ() -> None:
    assert not np.array_equal(standard_normals(8, system_bits()), standard_normals(8, system_bits()))


def test_the_system_stream_takes_a_fresh_key_of_32_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def spy(count: int) -> bytes:
        asked.append(count)
        return bytes(count)

    monkeypatch.setattr(os, "urandom", spy)
    system_bits()
    assert asked == [32]


def test_seeded_bits_repeat_so_that_tests_can() -> None:
    assert np.array_equal(standard_normals(9, seeded_bits(3)), standard_normals(9, seeded_bits(3)))


def test_no_noise_is_asked_for_by_zero_only() -> None:
    assert not gaussian_on_grid(4, std=0.0, scale_bits=20, bits=system_bits()).any()


@pytest.mark.parametrize("std", [1e-9, -1.0, np.nan, np.inf, 1e30])
def test_noise_that_does_not_fit_the_grid_is_refused(std: float) -> None:
    with pytest.raises(NoiseError):
        gaussian_on_grid(4, std=std, scale_bits=20, bits=system_bits())
