"""Popularity without one person is what would have been released had they not been there."""

import numpy as np
import pytest

from models.popularity import Popularity
from models.streams import stream

COUNTED = stream(1, "met").random((30, 40)) < 0.3
MEAN = COUNTED.sum(axis=0) / 30


@pytest.mark.parametrize("std", [0.0, 0.02, 0.5])
def test_an_item_without_one_person_stands_where_it_would_have_stood(std: float) -> None:
    released = Popularity(MEAN, std, people=30)
    person = COUNTED[0]
    items = np.flatnonzero(person)
    without = Popularity(MEAN - person / 30, std, people=30)
    logs = np.log(released.positive)
    expected = (np.log(without.positive[items]) - logs.mean()) / logs.std()
    found = released.logs_without(items, np.ones(len(items)))
    assert np.allclose(found, expected)
    assert (found < released.logs[items]).all()
    assert np.allclose(released.logs_without(items, np.zeros(len(items))), released.logs[items])


def test_two_measurements_tell_what_one_of_the_whole_budget_tells() -> None:
    both = Popularity(MEAN, 0.3, people=30).and_again(MEAN + 1, 0.4)
    assert both.std == pytest.approx(0.24)
    assert np.allclose(both.mean, MEAN + 0.36)
