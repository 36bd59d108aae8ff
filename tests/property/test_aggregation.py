"""The one aggregator: constant denominator, noise as declared, accounting as authorized; planted faults turn red."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from privacy.clipping import ContributionRefused, clip_to_grid
from privacy.events import RoundTerms
from privacy.noise import gaussian_on_grid, system_bits
from server import aggregation
from server.aggregation import AggregationError, Aggregator, NoisySumOptimizer

DIMENSION = 20_000
BITS = 24


def terms(*, noise: float, rate: float = 0.5, population: int = 100, norm: float = 2.0) -> RoundTerms:
    return RoundTerms(
        line="test",
        round=1,
        mechanism="gradient",
        dimension=DIMENSION,
        clipping_norm=norm,
        noise_multiplier=noise,
        sampling_rate=rate,
        denominator=rate * population,
        scale_bits=BITS,
        trust="central",
    )


def sgd(parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=1.0)


def one_step(
    total: "np.typing.NDArray[np.int64]", count: int, of: RoundTerms
) -> "np.typing.NDArray[np.float64]":
    aggregator = Aggregator(np.zeros(DIMENSION), inner=sgd, bits=system_bits)
    return aggregator.step(total, count=count, terms=of)


def contribution(value: float) -> "np.typing.NDArray[np.int64]":
    return clip_to_grid(np.full(DIMENSION, value), clipping_norm=2.0, scale_bits=BITS)


@given(st.integers(1, 40))
def test_the_denominator_is_the_declared_constant_whoever_replies(replies: int) -> None:
    total = replies * contribution(1.0)
    mean = one_step(total, replies, terms(noise=0.0))
    assert np.allclose(mean, total / 2.0**BITS / 50.0)


def noise_holds() -> bool:
    draws = one_step(np.zeros(DIMENSION, np.int64), 0, terms(noise=1.5)) * 50.0
    return abs(float(draws.std()) / (1.5 * 2.0) - 1) < 0.03


def denominator_holds() -> bool:
    total = 7 * contribution(1.0)
    return bool(np.allclose(one_step(total, 7, terms(noise=0.0)), total / 2.0**BITS / 50.0))


def clipping_is_checked() -> bool:
    try:
        one_step(np.full(DIMENSION, 1 << BITS), 1, terms(noise=0.0))
    except ContributionRefused:
        return True
    return False


def halve_noise(patch: pytest.MonkeyPatch) -> None:
    def half(count: int, **how: object) -> "np.typing.NDArray[np.int64]":
        return gaussian_on_grid(count, **how) // 2  # type: ignore[arg-type]

    patch.setattr(aggregation, "gaussian_on_grid", half)


def divide_by_replies(patch: pytest.MonkeyPatch) -> None:
    def scale_grad(self: NoisySumOptimizer) -> None:
        for parameter in self.params:
            parameter.grad /= 7

    patch.setattr(NoisySumOptimizer, "scale_grad", scale_grad)


def skip_the_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(aggregation, "check_sum", lambda *args, **how: None)


@pytest.mark.parametrize(
    ("plant", "holds"),
    [
        (halve_noise, noise_holds),
        (divide_by_replies, denominator_holds),
        (skip_the_check, clipping_is_checked),
    ],
)
def test_each_property_holds_and_its_planted_fault_is_caught(
    plant: Callable[[pytest.MonkeyPatch], None], holds: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert holds()
    plant(monkeypatch)
    assert not holds()


def test_a_step_at_other_terms_than_authorized_is_refused() -> None:
    aggregator = Aggregator(np.zeros(3), inner=sgd, bits=system_bits)
    aggregator.recorder.expect(noise_multiplier=1.0, sampling_rate=0.5)
    with pytest.raises(AggregationError):
        aggregator.recorder.step(noise_multiplier=0.5, sample_rate=0.5)


def test_opacus_hook_hears_every_step_once() -> None:
    aggregator = Aggregator(np.zeros(DIMENSION), inner=sgd, bits=system_bits)
    for _ in range(3):
        aggregator.step(np.zeros(DIMENSION, np.int64), count=0, terms=terms(noise=2.0))
    assert aggregator.recorder.history == [(2.0, 0.5, 1)] * 3
    assert 0 < aggregator.recorder.get_epsilon(1e-5) < 10


def test_a_sum_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(AggregationError):
        one_step(np.zeros(3, np.int64), 0, terms(noise=1.0))


def test_momentum_and_adam_carry_over_rounds() -> None:
    def adam(parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=0.1)

    aggregator = Aggregator(np.zeros(DIMENSION), inner=adam, bits=system_bits)
    first = aggregator.step(contribution(1.0), count=1, terms=terms(noise=0.0))
    second = aggregator.step(np.zeros(DIMENSION, np.int64), count=0, terms=terms(noise=0.0))
    assert np.allclose(first, 0.1, rtol=1e-3)
    assert np.all(second > first)
