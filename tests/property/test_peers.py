"""Published recommenders in our harness: they learn what is there, and a leaky sampler shows as skill that is not."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.history import Float, Histories, from_lists
from models.streams import stream
from simulations.baselines import popularity
from simulations.datasets import Dataset
from simulations.metrics import evaluate, evaluate_each
from simulations.peers import training
from simulations.peers.batches import Batches, portions, sigmoid
from simulations.peers.fedmf import FedMFSettings, fedmf
from simulations.peers.negatives import NegativeSampler, spared
from simulations.peers.pfedrec import OwnTables, PFedRecSettings, pfedrec
from simulations.peers.training import PeerTooLarge, Task, choose, rows_of
from simulations.split import Split, leave_two_out
from tests.made import catalogue

ITEMS, PEOPLE = 120, 240


def population(*, tastes: int, events: int = 12) -> Split:
    """Draw people who mostly like every n-th item, n being the number of tastes."""
    rng = np.random.default_rng(5)
    items = []
    for person in range(PEOPLE):
        chance = np.where(np.arange(ITEMS) % tastes == person % tastes, 30.0, 1.0)
        items.append(rng.choice(ITEMS, events, replace=False, p=chance / chance.sum()))
    people = np.repeat(np.arange(PEOPLE), events).astype(np.int32)
    met = np.concatenate(items).astype(np.int32)
    return leave_two_out(Dataset("made", people, met, catalogue(ITEMS), "public", "made"), seed=3)


def after(scores: Iterator[Float], rounds: int) -> Float:
    return next(islice(scores, rounds // training.EVERY - 1, None))


def task(split: Split, sampler: NegativeSampler = NegativeSampler.CLEAN) -> Task:
    return Task(split.train, spared(split, split.train, sampler), ITEMS)


def hit_rate(scores: Float, split: Split) -> float:
    return evaluate_each(rows_of(scores), split, "test").table()["sampled99"]["hr@10"]


def test_both_peers_learn_tastes_that_popularity_cannot_see() -> None:
    split = population(tastes=4)
    plain = evaluate(popularity(split.train, ITEMS), split, "test").table()["sampled99"]["hr@10"]
    assert hit_rate(after(fedmf(task(split), FedMFSettings(1.0), 1), 100), split) > plain + 0.15
    assert hit_rate(after(pfedrec(task(split), PFedRecSettings(0.1, 80.0), 1), 60), split) > plain + 0.1


def test_where_nothing_can_be_learnt_only_the_leaky_sampler_seems_to_learn() -> None:
    split = population(tastes=1, events=24)
    found = {}
    for sampler in NegativeSampler:
        scores = pfedrec(task(split, sampler), PFedRecSettings(0.1, 80.0), 1)
        found[sampler] = hit_rate(after(scores, 30), split)
    chance = 4 * np.sqrt(0.1 * 0.9 / PEOPLE)
    assert abs(found[NegativeSampler.CLEAN] - 0.1) < chance
    assert found[NegativeSampler.LEAKY] > 0.1 + 2 * chance


@given(st.integers(0, 2**32))
def test_personal_tables_kept_as_steps_score_like_tables_written_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people, items, d = 3, 7, 4
    shared = rng.normal(size=(items, d)).astype(np.float32)
    own, tables = OwnTables(shared), np.tile(shared, (people, 1, 1))
    for _ in range(3):
        error, weight, offset = (
            rng.normal(size=shape).astype(np.float32) for shape in ((people, items), (people, d), (people,))
        )
        own.step(error, weight, rate=0.5)
        tables -= 0.5 * error[:, :, None] * weight[:, None, :]
    np.testing.assert_allclose(
        own.logits(weight, offset), np.einsum("pid,pd->pi", tables, weight) + offset[:, None], atol=1e-3
    )
    np.testing.assert_allclose(own.slope(error), np.einsum("pi,pid->pd", error, tables), atol=1e-3)
    np.testing.assert_allclose(own.moved(), (tables - shared).sum(axis=0), atol=1e-3)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.integers(1, 5), st.integers(0, 2**32))
def test_minibatches_hold_every_sample_once(lengths: list[int], size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    positives, negatives = (from_lists([rng.integers(0, 9, n).tolist() for n in lengths]) for _ in range(2))
    batches = Batches.shuffled(positives, negatives, 9, size=size, rng=rng)
    counts = np.zeros((len(lengths), 9))
    for number, share in enumerate(batches.shares()):
        left = np.clip(2 * np.array(lengths) - number * size, 0, size)
        np.testing.assert_allclose(share.sum(axis=1), left > 0, atol=1e-5)
        counts += share * left[:, None]
    wanted = np.zeros_like(counts)
    for histories in (positives, negatives):
        np.add.at(wanted, (histories.owners(), histories.item), 1)
    np.testing.assert_allclose(counts, wanted, atol=1e-4)


def test_portions_hold_everyone_once() -> None:
    histories = from_lists([[1]] * 5 + [[1, 2, 3]] * 4 + [[]])
    everyone = np.concatenate(list(portions(histories, 1 << 16)))
    assert sorted(everyone.tolist()) == list(range(10))


def test_an_extreme_logit_is_a_probability() -> None:
    assert sigmoid(np.array([-1e9, 0.0, 1e9], np.float32)).tolist() == [0.0, 0.5, 1.0]


def test_the_leaky_sampler_spares_the_future_and_the_clean_one_the_past_alone() -> None:
    split = population(tastes=2)
    for person in range(3):
        known = set(split.train.of(person).tolist())
        ahead = {int(split.validation[person]), int(split.test[person])}
        clean, leaky = (spared(split, split.train, sampler).of(person) for sampler in NegativeSampler)
        assert set(clean.tolist()) == known
        assert set(leaky.tolist()) == known | ahead


def knows(split: Split) -> training.Train[str]:
    """Give a peer whose setting says which item it puts first, and that counts what it was trained on."""

    def train(given: Task, setting: str, seed: int) -> Iterator[Float]:
        target: dict[str, NDArray[np.int32]] = {"validation": split.validation, "test": split.test}
        seen.append(given.positives)
        scores = stream(seed, "noise").random((split.people, ITEMS), np.float32)
        scores[np.arange(split.people), target[setting]] = 2.0
        while True:
            yield scores

    seen: list[Histories] = []
    train.seen = seen  # type: ignore[attr-defined]
    return train


def test_a_peer_is_chosen_on_validation_and_trained_again_with_it() -> None:
    split = population(tastes=2)
    train = knows(split)
    chosen = choose(
        train, ("test", "validation"), split, ITEMS, sampler=NegativeSampler.CLEAN, seed=1, rounds=20
    )
    assert chosen.setting == "validation, 10 rounds"
    assert [name for name, _ in chosen.tried] == [
        f"{setting}, {rounds} rounds" for setting in ("test", "validation") for rounds in (10, 20)
    ]
    *first, again = train.seen  # type: ignore[attr-defined]
    assert all(histories is split.train for histories in first)
    assert again.lengths.tolist() == (split.train.lengths + 1).tolist()


def test_too_large_a_population_is_refused_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    split = population(tastes=2)
    monkeypatch.setattr(training, "LARGEST", PEOPLE * ITEMS - 1)
    with pytest.raises(PeerTooLarge, match=f"{PEOPLE} people x {ITEMS} items"):
        choose(fedmf, (FedMFSettings(1.0),), split, ITEMS, sampler=NegativeSampler.CLEAN, seed=1)
