"""Device statistics: each person's integers are bounded, their own alone, and sum the same however split."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from client import portions, statistics
from client.statistics import StatisticsError, context, contribution_sum, moments, popularity
from models.ballot import Blend, ballot, ways
from models.history import Histories, from_lists
from models.inputs import ContextInput, MomentsInput, Nearness, PopularityInput, RoundInput
from models.plan import RECIPE
from models.popularity import Popularity
from models.recipe import publish
from models.streams import stream
from privacy.clipping import norm_limit, squared_norm
from privacy.moments import to_matrix

ITEMS, SIDE, RANK = 30, 8, 3
NEAR = Nearness(window=4, tau=2.0, share=0.6)
TABLE = stream(1, "table").normal(size=(ITEMS, SIDE)).astype(np.float32)
TASTES = stream(1, "tastes").normal(size=(ITEMS, RANK)).astype(np.float32)
SCALE = (stream(1, "scale").random(ITEMS) + 0.2).astype(np.float32)
POPULAR = Popularity(np.linspace(0.9, 0.05, ITEMS), std=0.05, people=40)
MODEL = publish(
    (TASTES, TASTES[::-1].copy()),
    POPULAR.logs,
    TABLE,
    Blend(taste=1, content=1, popularity=1, alpha=0, tau=3),
    RECIPE,
)
QUESTIONS: list[RoundInput] = [
    PopularityInput(items=ITEMS),
    MomentsInput(projection=TABLE, near=NEAR),
    ContextInput(tastes=TASTES, scale=SCALE, near=NEAR),
    ballot(MODEL, POPULAR, ways(content=True, tastes=True, timed=True), stream(1, "rivals"), spared=0),
]
Summing = Callable[[RoundInput, Histories], NDArray[np.int64]]
summed: Summing = partial(contribution_sum, clipping_norm=1.0, scale_bits=30)

questions = st.sampled_from(QUESTIONS)
histories = st.lists(st.integers(0, ITEMS - 1), max_size=50)
crowds = st.lists(histories, min_size=1, max_size=12)
clipping_norms = st.sampled_from([1e-3, 0.3, 1.0, 7.5])


@given(questions, histories, clipping_norms, st.integers(8, 40))
def test_no_history_moves_the_sum_by_more_than_the_clipping_norm(
    question: RoundInput, history: list[int], norm: float, bits: int
) -> None:
    one = contribution_sum(question, from_lists([history]), clipping_norm=norm, scale_bits=bits)
    assert squared_norm(one) <= norm_limit(norm, bits)


@given(
    st.sampled_from(QUESTIONS[:3]), st.lists(st.integers(0, ITEMS - 1), min_size=2, max_size=50, unique=True)
)
def test_a_real_history_uses_the_whole_clipping_norm(question: RoundInput, history: list[int]) -> None:
    length = np.sqrt(squared_norm(summed(question, from_lists([history])))) / 2**30
    assert 1 - 1e-5 < length <= 1


@given(questions, crowds, st.data())
def test_the_sum_is_the_same_for_any_sharding(
    question: RoundInput, crowd: list[list[int]], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(crowd))))
    cut = data.draw(st.integers(0, len(crowd)))
    everyone = from_lists(crowd)
    shards = [everyone.take(np.array(part, np.int64)) for part in (order[:cut], order[cut:])]
    assert np.array_equal(summed(question, everyone), sum(summed(question, shard) for shard in shards))


def shards_agree(summing: Summing) -> bool:
    crowd = from_lists([stream(2, "person", n).permutation(ITEMS)[: 5 + n].tolist() for n in range(9)])
    alone = [crowd.take(np.array([person])) for person in range(crowd.people)]
    return all(
        np.array_equal(summing(question, crowd), sum(summing(question, one) for one in alone))
        for question in QUESTIONS
    )


def sum_then_quantize(question: RoundInput, people: Histories) -> NDArray[np.int64]:
    """Commit the fault: round the shard's float sum instead of each person's contribution."""
    fine = contribution_sum(question, people, clipping_norm=1.0, scale_bits=40)
    return np.trunc(fine / 2**10).astype(np.int64)


def test_quantizing_a_shard_instead_of_each_person_is_caught() -> None:
    assert shards_agree(summed)
    assert not shards_agree(sum_then_quantize)


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_empty_history_contributes_nothing(question: RoundInput) -> None:
    assert not summed(question, from_lists([[]])).any()
    assert not summed(question, from_lists([])).any()


@pytest.mark.parametrize("question", QUESTIONS[1:])
def test_one_event_keeps_no_company_and_contributes_nothing(question: RoundInput) -> None:
    assert not summed(question, from_lists([[4]])).any()
    assert not summed(question, from_lists([[4, 4, 4]])).any()


@given(questions, histories)
def test_a_repeated_item_counts_where_it_was_met_last(question: RoundInput, history: list[int]) -> None:
    last = list(reversed(dict.fromkeys(reversed(history))))
    assert np.array_equal(summed(question, from_lists([history])), summed(question, from_lists([last])))


def tells_the_latest(spared: int, history: list[int]) -> bool:
    """Tell whether other latest events would make another contribution."""
    questions = (
        MomentsInput(projection=TABLE, near=NEAR, spared=spared),
        ContextInput(tastes=TASTES, scale=SCALE, near=NEAR, spared=spared),
    )
    *earlier, a, b = history
    return any(
        not np.array_equal(summed(question, from_lists([history])), summed(question, from_lists([earlier])))
        and not np.array_equal(
            summed(question, from_lists([history])), summed(question, from_lists([[*earlier, b, a]]))
        )
        for question in questions
    )


@given(st.permutations(range(ITEMS)).map(lambda items: items[:12]))
def test_what_will_judge_the_model_is_kept_out_of_what_is_learnt(history: list[int]) -> None:
    assert not tells_the_latest(2, history)


def test_learning_from_what_will_judge_it_is_found_out() -> None:
    assert tells_the_latest(0, list(range(12)))


def test_a_short_history_is_learnt_whole() -> None:
    assert tells_the_latest(2, list(range(7)))


@given(st.lists(st.integers(0, ITEMS - 1), min_size=1, unique=True))
def test_popularity_gives_every_item_of_a_person_the_same_share(history: list[int]) -> None:
    assert popularity(len(history)) == pytest.approx(len(history) ** -0.5)


@given(st.lists(st.integers(0, ITEMS - 1), min_size=2, max_size=20, unique=True))
def test_moments_equal_the_sum_over_pairs_written_out(history: list[int]) -> None:
    rows = TABLE[history].astype(np.float64)
    every, near = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    for s in range(len(history)):
        for t in range(len(history)):
            lag = abs(s - t)
            if lag > 0:
                every += np.outer(rows[s], rows[t])
            if 0 < lag <= NEAR.window:
                near += np.exp(-(lag - 1) / NEAR.tau) * np.outer(rows[s], rows[t])
    mixed = 0.4 * every / np.linalg.norm(every) + 0.6 * near / np.linalg.norm(near)
    matrix = to_matrix(
        moments(MomentsInput(projection=TABLE, near=NEAR), np.array([history], np.int32))[0].astype(float)
    )
    assert np.allclose(matrix, mixed / np.linalg.norm(mixed), atol=1e-4)


@given(st.lists(st.integers(0, ITEMS - 1), min_size=2, max_size=20, unique=True))
def test_context_describes_an_item_by_the_others_never_by_itself(history: list[int]) -> None:
    question = ContextInput(tastes=TASTES, scale=SCALE, near=NEAR)
    changed = TASTES.copy()
    changed[history[0]] += 5.0
    other = ContextInput(tastes=changed, scale=SCALE, near=NEAR)
    before, after = (context(asked, np.array([history], np.int32))[0] for asked in (question, other))
    assert np.allclose(before[0], after[0], atol=1e-4)


@given(st.lists(st.integers(0, ITEMS - 1), min_size=2, max_size=30, unique=True), st.integers(1, 12))
def test_a_long_history_is_summed_as_a_short_one(history: list[int], window: int) -> None:
    items = np.array([history], np.int32)
    near = Nearness(window=window, tau=2.0, share=0.6)
    first = MomentsInput(projection=TABLE, near=near)
    second = ContextInput(tastes=TASTES, scale=SCALE, near=near)
    short = [moments(first, items), context(second, items)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "BANDED", 1)
        long = [moments(first, items), context(second, items)]
    assert all(np.allclose(*pair, atol=1e-4) for pair in zip(short, long, strict=True))


@given(questions, crowds, st.integers(1, 30))
def test_how_much_is_worked_on_at_once_changes_nothing(
    question: RoundInput, crowd: list[list[int]], portion: int
) -> None:
    everyone = from_lists(crowd)
    expected = summed(question, everyone)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portions, "AT_ONCE", portion)
        patch.setattr(portions, "CELLS", portion)
        assert np.array_equal(summed(question, everyone), expected)


def test_an_item_outside_the_catalogue_is_refused() -> None:
    for item in (ITEMS, -1):
        with pytest.raises(StatisticsError):
            summed(QUESTIONS[0], from_lists([[3, item]]))
