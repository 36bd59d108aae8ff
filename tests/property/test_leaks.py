"""The leak oracle: who only remembers training negatives must score at chance, and a planted leak is seen."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from models.history import Histories, Ids
from models.sampling import sample_negatives
from models.streams import stream
from simulations.datasets import Dataset
from simulations.metrics import evaluate
from simulations.peers.negatives import NegativeSampler, draw_round, spared
from simulations.split import Split, draw_negatives, leave_two_out
from tests.made import catalogue

PEOPLE, ITEMS, EVENTS, DRAWS = 600, 300, 20, 4000
Sampler = Callable[[Split, int], Ids]


def population() -> Dataset:
    rng = np.random.default_rng(3)
    items = np.concatenate([rng.permutation(ITEMS)[:EVENTS] for _ in range(PEOPLE)])
    people = np.repeat(np.arange(PEOPLE), EVENTS)
    return Dataset(
        "made", people.astype(np.int32), items.astype(np.int32), catalogue(ITEMS), "public", "made"
    )


def clean(split: Split, person: int) -> Ids:
    return sample_negatives(split.train.of(person), ITEMS, DRAWS, stream(1, "training negatives", person))


def spares_the_test_item(split: Split, person: int) -> Ids:
    future = np.append(split.train.of(person), [split.validation[person], split.test[person]])
    return sample_negatives(future.astype(np.int32), ITEMS, DRAWS, stream(1, "training negatives", person))


def draws_from_the_evaluation_stream(split: Split, person: int) -> Ids:
    met = np.append(split.train.of(person), [split.validation[person], split.test[person]]).astype(np.int32)
    return draw_negatives(met, ITEMS, stream(7, "evaluation negatives", person))


def as_peers_draw(sampler: NegativeSampler) -> Sampler:
    rounds: list[Histories] = []

    def drawn(split: Split, person: int) -> Ids:
        if not rounds:
            spare = spared(split, split.train, sampler)
            rng = stream(1, "round")
            rounds.append(draw_round(spare, split.train, ITEMS, each=DRAWS // EVENTS, rng=rng))
        return rounds[0].of(person)

    return drawn


def oracle_hit_rates(sampler: Sampler) -> tuple[float, float]:
    """Score by minus the times an item was a person's training negative; give full and sampled HR@10."""
    split = leave_two_out(population(), seed=7)
    drawn = np.zeros((PEOPLE, ITEMS), np.float32)
    for person in range(PEOPLE):
        np.subtract.at(drawn[person], sampler(split, person), 1)
    jitter = np.random.default_rng(0).uniform(0, 0.5, drawn.shape).astype(np.float32)
    start = 0

    def scorer(histories: Histories) -> NDArray[np.float32]:
        nonlocal start
        rows = slice(start, start + histories.people)
        start += histories.people
        return drawn[rows] + jitter[rows]

    found = evaluate(scorer, split, "test").table()
    return found["full"]["hr@10"], found["sampled99"]["hr@10"]


def at_chance(rate: float, rivals: int) -> bool:
    chance = 10 / (rivals + 1)
    return bool(abs(rate - chance) < 4 * np.sqrt(chance * (1 - chance) / PEOPLE))


@pytest.mark.parametrize("sampler", [clean, as_peers_draw(NegativeSampler.CLEAN)])
def test_the_negative_memory_oracle_scores_at_chance(sampler: Sampler) -> None:
    full, sampled = oracle_hit_rates(sampler)
    assert at_chance(full, rivals=ITEMS - EVENTS)
    assert at_chance(sampled, rivals=99)


PUBLISHED = as_peers_draw(NegativeSampler.LEAKY)


@pytest.mark.parametrize("leak", [spares_the_test_item, PUBLISHED, draws_from_the_evaluation_stream])
def test_the_oracle_sees_a_planted_leak(leak: Sampler) -> None:
    full, sampled = oracle_hit_rates(leak)
    assert sampled > 0.9
    assert not at_chance(sampled, rivals=99)
    if leak is not draws_from_the_evaluation_stream:
        assert full > 0.9


def test_training_negatives_reach_the_whole_future_and_nothing_met() -> None:
    drawn = sample_negatives(np.array([0, 2], np.int32), 5, 1000, np.random.default_rng(0))
    assert set(drawn.tolist()) == {1, 3, 4}
    assert len(sample_negatives(np.arange(5, dtype=np.int32), 5, 9, np.random.default_rng(0))) == 0
