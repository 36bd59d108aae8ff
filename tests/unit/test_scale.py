"""The scale benchmark: its population is what it says, and its scenarios are ones a line could run."""

import math

import numpy as np
import pytest

from models.history import Histories
from simulations.benchmarks import scale


def test_a_made_population_has_distinct_items_and_does_not_depend_on_its_size() -> None:
    small, large = scale.population(300, 1), scale.population(scale.AT_ONCE + 7, 1)
    assert large.people == scale.AT_ONCE + 7
    for person in range(300):
        items = small.of(person)
        assert len(set(items.tolist())) == len(items) <= scale.EVENTS
    assert 10 < small.lengths.mean() <= scale.EVENTS
    assert large.item.max() < scale.ITEMS
    assert not np.array_equal(small.item, scale.population(300, 2).item)


@pytest.mark.parametrize("people", scale.SIZES)
def test_every_size_is_a_scenario_of_its_own(people: int) -> None:
    for made in (scale.statistics_scenario(people), scale.gradient_scenario(people)):
        assert made.population.declared == people
        assert made.consent.withdraw_share == 0
    training = scale.gradient_scenario(people).training
    assert training.mechanism == "gradient"
    assert training.sampling_rate * people == pytest.approx(scale.COHORT)


def test_whole_rounds_are_measured() -> None:
    asked = scale.statistics_scenario(1_000)
    without_noise = asked.model_copy(
        update={"privacy": asked.privacy.model_copy(update={"epsilon": math.inf})}
    )
    found = scale.measure(without_noise, 1_000, seed=1)
    assert found.updates_per_second > 0
    assert found.peak > 50


def test_a_run_of_other_rounds_than_stated_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Histories(np.arange(1_001), np.zeros(1_000, np.int32))
    monkeypatch.setattr(scale, "population", lambda people, seed: alone)
    with pytest.raises(scale.RoundsDiffer, match="popularity"):
        scale.measure(scale.statistics_scenario(1_000), 1_000, seed=1)
