"""The scale benchmark: its population is what it says, and its scenarios are ones a line could run."""

from pathlib import Path

import numpy as np
import pytest

from simulations.benchmarks import scale
from simulations.benchmarks.rows import Row


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


def test_a_small_size_is_measured_and_its_rows_are_kept(tmp_path: Path) -> None:
    scale.main(tmp_path, sizes=(1_000,), seeds=(1,))
    lines = (tmp_path / "scale.jsonl").read_text().splitlines()
    assert len(lines) == 4
    assert all(name in line for line in lines for name in Row.__dataclass_fields__)
