"""The honest split and the metrics: nothing ahead leaks back, ties count against us, chance is chance."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.history import Histories
from simulations import metrics, split
from simulations.baselines import best, ease, matrix, popularity, popularity_private, puresvd, singular_axes
from simulations.datasets import Dataset, DatasetError
from simulations.metrics import ScoresRefused, evaluate, paired_change
from simulations.split import Split, leave_two_out
from tests.made import catalogue

ITEMS = 150
seeds = st.integers(0, 2**32)
futures = st.lists(st.integers(8, ITEMS - 1), min_size=2, max_size=2, unique=True)


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    lists = draw(
        st.lists(st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=12), min_size=1, max_size=6)
    )
    people = [person for person, items in enumerate(lists) for _ in items]
    items = [item for one in lists for item in one]
    return Dataset(
        "made", np.array(people, np.int32), np.array(items, np.int32), catalogue(ITEMS), "public", "made"
    )


@given(datasets())
def test_a_split_hides_the_last_two_and_shows_nothing_of_them(dataset: Dataset) -> None:
    assume(any(len(set(items.tolist())) >= 3 for items in dataset.by_person()))
    split = leave_two_out(dataset, seed=1)
    judged = [items for items in dataset.by_person() if len(set(items.tolist())) >= 3]
    assert split.people == len(judged)
    for person, items in enumerate(judged):
        known = split.train.of(person).tolist()
        ahead = [int(split.validation[person]), int(split.test[person])]
        assert len(set(known + ahead)) == len(known) + 2
        assert set(known + ahead) == set(items.tolist())
        negatives = split.negatives[person]
        assert not set(negatives.tolist()) & set(items.tolist())
        assert len(set(negatives.tolist())) == 99
        assert split.with_validation().of(person).tolist() == [*known, ahead[0]]


def of_lists(lists: list[list[int]], items: int = ITEMS) -> Dataset:
    people = np.repeat(np.arange(len(lists)), [len(one) for one in lists]).astype(np.int32)
    met = np.array([item for one in lists for item in one], np.int32)
    return Dataset("made", people, met, catalogue(items), "public", "made")


@given(st.lists(st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=6), min_size=1, max_size=4), seeds)
def test_a_persons_split_does_not_depend_on_what_others_met(others: list[list[int]], seed: int) -> None:
    mine = [5, 9, 2, 7]
    beside = leave_two_out(of_lists([*others, mine]), seed=seed)
    alone = leave_two_out(of_lists([*[[1]] * len(others), mine]), seed=seed)
    assert beside.train.of(beside.people - 1).tolist() == alone.train.of(0).tolist() == [5, 9]
    assert (beside.validation[-1], beside.test[-1]) == (alone.validation[0], alone.test[0]) == (2, 7)
    assert beside.negatives[-1].tolist() == alone.negatives[0].tolist()


@given(st.permutations(range(8)), futures, futures)
def test_training_events_do_not_know_the_future(past: list[int], one: list[int], other: list[int]) -> None:
    first, second = (leave_two_out(of_lists([[*past, *ahead]]), seed=1) for ahead in (one, other))
    assert first.train.of(0).tolist() == second.train.of(0).tolist() == past
    assert first.with_validation().of(0).tolist() == [*past, one[0]]


def test_whoever_met_almost_everything_has_fewer_negatives() -> None:
    split = leave_two_out(of_lists([[9, 1, 2, 3]], items=10), seed=1)
    negatives = split.negatives[0]
    assert sorted(negatives[negatives >= 0].tolist()) == [0, 4, 5, 6, 7, 8]
    scores = np.zeros((1, 10), np.float32)
    scores[0, [9, 3]] = 1.0
    found = evaluate(lambda h: scores, split, "test").table()
    assert found["full"]["ndcg@10"] == found["sampled99"]["ndcg@10"] == 1.0


@pytest.mark.parametrize(("above", "hit", "gain"), [(0, 1.0, 1.0), (9, 1.0, 1 / np.log2(11)), (10, 0.0, 0.0)])
def test_the_tenth_place_counts_and_the_eleventh_does_not(above: int, hit: float, gain: float) -> None:
    split = leave_two_out(of_lists([[0, 1, 2, 3]], items=40), seed=1)
    scores = np.zeros((1, 40), np.float32)
    scores[0, 3] = 1.0
    scores[0, 10 : 10 + above] = 2.0
    assert evaluate(lambda h: scores, split, "test").table()["full"] == {"hr@10": hit, "ndcg@10": gain}


def test_people_with_fewer_than_three_different_items_are_left_out_and_nobody_left_is_refused() -> None:
    assert leave_two_out(of_lists([[1, 2, 1], [1, 2, 3]]), seed=1).people == 1
    with pytest.raises(DatasetError, match="nobody"):
        leave_two_out(of_lists([[1, 2, 1]]), seed=1)


def made(people: int = 400) -> Split:
    rng = np.random.default_rng(2)
    items = np.concatenate([rng.permutation(ITEMS)[:10] for _ in range(people)])
    persons = np.repeat(np.arange(people), 10)
    return leave_two_out(
        Dataset("made", persons.astype(np.int32), items.astype(np.int32), catalogue(ITEMS), "public", "made"),
        seed=4,
    )


class Oracle:
    """Score the held-out item by a rule, everything else zero; people come in order."""

    def __init__(self, target: NDArray[np.int32], value: float) -> None:
        self.target, self.value, self.start = target, value, 0

    def __call__(self, histories: Histories) -> NDArray[np.float32]:
        scores = np.zeros((histories.people, ITEMS), np.float32)
        rows = np.arange(histories.people)
        scores[rows, self.target[self.start + rows]] = self.value
        self.start += histories.people
        return scores


def test_a_perfect_scorer_gets_everything_and_a_constant_one_nothing() -> None:
    split = made()
    perfect = evaluate(Oracle(split.test, 1.0), split, "test").table()
    constant = evaluate(Oracle(split.test, 0.0), split, "test").table()
    assert set(perfect["full"].values()) | set(perfect["sampled99"].values()) == {1.0}
    assert set(constant["full"].values()) | set(constant["sampled99"].values()) == {0.0}


def test_random_scores_are_at_chance_under_both_protocols() -> None:
    split, rng = made(2000), np.random.default_rng(0)
    found = evaluate(lambda h: rng.random((h.people, ITEMS), np.float32), split, "test").table()
    assert found["sampled99"]["hr@10"] == pytest.approx(0.1, abs=0.03)
    assert found["full"]["hr@10"] == pytest.approx(10 / (ITEMS - 9), abs=0.03)


def test_items_already_met_are_out_of_the_running() -> None:
    split = made(20)

    def loves_the_past(histories: Histories) -> NDArray[np.float32]:
        scores = np.zeros((histories.people, ITEMS), np.float32)
        scores[histories.owners(), histories.item] = 9.0
        scores[np.arange(histories.people), split.test] = 1.0
        return scores

    assert evaluate(loves_the_past, split, "test").table()["full"]["hr@10"] == 1.0


@pytest.mark.parametrize("bad", [np.full((20, ITEMS), np.nan, np.float32), np.zeros(ITEMS, np.float32)])
def test_scores_that_are_no_numbers_or_of_another_shape_are_refused(bad: NDArray[np.float32]) -> None:
    with pytest.raises(ScoresRefused):
        evaluate(lambda histories: bad, made(20), "test")


@given(st.permutations(range(30)))
def test_metrics_do_not_depend_on_the_order_of_people(order: list[int]) -> None:
    split, rows = made(30), np.array(order)
    other = Split(split.train.take(rows), split.validation[rows], split.test[rows], split.negatives[rows])
    table = np.random.default_rng(5).random((ITEMS, ITEMS), np.float32)

    def scorer(histories: Histories) -> NDArray[np.float32]:
        return np.stack([table[histories.of(person)].sum(axis=0) for person in range(histories.people)])

    for which in ("validation", "test"):
        one, two = evaluate(scorer, split, which), evaluate(scorer, other, which)
        assert np.array_equal(one.full_rank[rows], two.full_rank)
        assert np.array_equal(one.sampled_rank[rows], two.sampled_rank)
        assert np.array_equal(one.shown, two.shown)


def test_a_batch_is_no_part_of_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    split = made(600)
    whole = evaluate(popularity(split.train, ITEMS), split, "test")
    monkeypatch.setattr(metrics, "CELLS", 7 * ITEMS)
    parts = evaluate(popularity(split.train, ITEMS), split, "test")
    assert np.array_equal(whole.full_rank, parts.full_rank)
    assert np.array_equal(whole.shown, parts.shown)


@given(st.integers(1, 90), st.integers(1, 12), seeds)
def test_a_long_catalogue_searched_by_blocks_shows_the_same_items(items: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.stack([rng.permutation(items).astype(np.float32) for _ in range(5)])
    scores[rng.random(scores.shape) < 0.1] = -np.inf
    scores[:, 0] = items
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "BLOCK", 3)
        found = metrics._best(scores, count)
    expected = np.sort(scores, axis=1)[:, ::-1][:, :count]
    assert np.array_equal(np.sort(np.take_along_axis(scores, found, 1), axis=1)[:, ::-1], expected)
    assert all(len(set(row)) == min(count, items) for row in found.tolist())


def test_a_tie_with_the_held_out_item_stands_above_it() -> None:
    split = leave_two_out(of_lists([[0, 1, 2, 3]], items=10), seed=1)
    scores = np.zeros((1, 10), np.float32)
    scores[0, [3, 4, 5]] = 1.0
    found = evaluate(lambda h: scores, split, "test")
    assert found.full_rank.tolist() == found.sampled_rank.tolist() == [2]


def test_what_is_shown_is_counted_among_unseen_items_only() -> None:
    split = leave_two_out(of_lists([[0, 1, 2, 3], [9, 8, 7, 6]], items=12), seed=1)
    found = evaluate(lambda h: np.tile(-np.arange(12, dtype=np.float32), (2, 1)), split, "test")
    assert found.shown.tolist() == [1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 2, 2]
    assert found.coverage == 1.0
    assert found.by_activity(split.train.lengths).keys() == {"light", "medium"}


def test_showing_what_is_popular_has_a_lower_popularity_rank_than_showing_what_is_not() -> None:
    split = made()
    counts = np.bincount(split.train.item, minlength=ITEMS)
    top = evaluate(popularity(split.train, ITEMS), split, "test").popularity_rank(counts)
    end = evaluate(lambda h: -popularity(split.train, ITEMS)(h), split, "test").popularity_rank(counts)
    assert 0 <= top < 0.1 < 0.9 < end <= 1


def test_a_setting_is_chosen_on_validation_alone() -> None:
    split = made(50)
    ahead = {"validation": split.validation, "test": split.test}
    chosen = best(lambda which: Oracle(ahead[which], 1.0), ("test", "validation"), split)[1]
    assert chosen == "validation"


def test_a_paired_change_has_an_interval_that_covers_nothing_when_nothing_changes() -> None:
    ranks = np.random.default_rng(1).random(50)
    assert paired_change(ranks, ranks) == (0.0, 0.0)
    mean, half = paired_change(ranks + 0.1, ranks)
    assert mean == pytest.approx(0.1)
    assert half < 1e-9


def test_private_popularity_without_noise_ranks_by_normalized_votes() -> None:
    split = made(30)
    votes = matrix(split.train, ITEMS).sum(axis=0) / np.sqrt(8)
    scores = popularity_private(split.train, np.zeros(ITEMS))(split.train)
    assert np.allclose(scores[0], votes, atol=1e-5)
    assert np.array_equal(
        popularity(split.train, ITEMS)(split.train)[0], matrix(split.train, ITEMS).sum(axis=0)
    )


def test_ease_never_explains_an_item_by_itself() -> None:
    split = made(60)
    weights = ease(split.train, ITEMS, penalty=10.0)(
        Histories(np.arange(ITEMS + 1), np.arange(ITEMS, dtype=np.int32))
    )
    assert not np.diagonal(weights).any()


def test_puresvd_of_full_rank_gives_the_history_back() -> None:
    split = made(40)
    axes = singular_axes(split.train, ITEMS, rank=39)
    found = puresvd(axes, rank=39)(split.train)
    assert found.shape == (40, ITEMS)
    assert np.linalg.norm(found - matrix(split.train, ITEMS).toarray()) < 4.0


@given(st.integers(1, 40), seeds)
def test_a_sample_judges_some_people_exactly_as_the_whole_would(limit: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = leave_two_out(of_lists([rng.permutation(ITEMS)[:5].tolist() for _ in range(30)]), seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(split, "MOST_SCORES", limit * ITEMS)
        some, again = (whole.sample(items=ITEMS, seed=seed) for _ in range(2))
    assert some.people == min(limit, 30)
    assert np.array_equal(some.test, again.test)
    fixed = popularity(whole.train, ITEMS)
    ranks = {
        tuple(whole.train.of(p)): rank for p, rank in enumerate(evaluate(fixed, whole, "test").full_rank)
    }
    found = evaluate(fixed, some, "test").full_rank
    assert [ranks[tuple(some.train.of(p))] for p in range(some.people)] == found.tolist()
