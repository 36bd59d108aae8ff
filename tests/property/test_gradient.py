"""Gradient rounds: a person's integers are theirs alone, and never longer than the clipping norm."""

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from client.gradient import gradient_sum
from client.lowrank import LEFT_BITS, LowRankTable, clipped_sum
from models.history import from_lists
from models.objective import GradientInput
from privacy.clipping import norm_limit, squared_norm

ITEMS = 23
histories_of_people = st.lists(st.lists(st.integers(0, ITEMS - 1), max_size=ITEMS, unique=True), max_size=9)
norms = st.floats(1e-3, 30.0)


@st.composite
def questions(draw: st.DrawFn) -> GradientInput:
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    size, spread = draw(st.integers(1, 9)), draw(st.sampled_from([1e-6, 0.1, 1.0, 30.0]))
    taste_in, taste_out = (random.normal(size=(2, ITEMS, size)) * spread).astype(np.float32)
    return GradientInput(
        taste_in=taste_in,
        taste_out=taste_out,
        bias=random.normal(size=ITEMS).astype(np.float32),
        alpha=draw(st.sampled_from([0.0, 0.05, 1.0])),
        tau=draw(st.sampled_from([0.5, 5.0])),
        folds=draw(st.integers(2, 6)),
        local_steps=draw(st.integers(1, 5)),
        local_learning_rate=draw(st.sampled_from([0.0, 0.1, 5.0])),
        round=draw(st.integers(0, 10)),
    )


@given(questions(), histories_of_people, norms, st.randoms(use_true_random=False), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_the_sum_is_the_same_for_any_sharding(
    asked: GradientInput, lists: list[list[int]], norm: float, random: Random, shards: int
) -> None:
    histories, subjects = from_lists(lists), np.arange(len(lists)) * 7
    whole = gradient_sum(asked, histories, subjects, clipping_norm=norm, scale_bits=40)
    order = list(range(len(lists)))
    random.shuffle(order)
    total = np.zeros_like(whole)
    for shard in range(shards):
        people = np.array(order[shard::shards], np.int64)
        total += gradient_sum(
            asked, histories.take(people), subjects[people], clipping_norm=norm, scale_bits=40
        )
    assert np.array_equal(total, whole)


@given(questions(), st.permutations(range(ITEMS)), norms, st.integers(32, 40))
@settings(max_examples=60, deadline=None)
def test_one_persons_contribution_is_never_longer_than_the_clipping_norm(
    asked: GradientInput, history: list[int], norm: float, scale_bits: int
) -> None:
    one = gradient_sum(
        asked, from_lists([history]), np.zeros(1, np.int64), clipping_norm=norm, scale_bits=scale_bits
    )
    assert squared_norm(one) <= norm_limit(norm, scale_bits)


@given(st.integers(0, 2**32), st.integers(1, 6), st.floats(-300, 300), norms, st.booleans())
@settings(max_examples=80, deadline=None)
def test_no_factors_however_large_small_or_cancelling_exceed_the_bound(
    seed: int, steps: int, exponent: float, norm: float, cancelling: bool
) -> None:
    random = np.random.default_rng(seed)
    left = np.rint(random.uniform(-1, 1, (steps, 1, 7)) * 2.0**LEFT_BITS) * 2.0**-LEFT_BITS
    right = random.normal(size=(steps, 1, 3)) * 10.0**exponent
    if cancelling:
        left[:], right[:] = left[0], right[0] * np.where(np.arange(steps) % 2, -1.0, 1.0)[:, None, None]
    (total,) = clipped_sum([LowRankTable(left=left, right=right)], clipping_norm=norm, scale_bits=40)
    assert squared_norm(total) <= norm_limit(norm, 40)


def test_a_crowd_sums_to_the_same_integers_as_its_people_one_by_one() -> None:
    random = np.random.default_rng(5)
    items, count = 401, 150
    tables = (random.normal(size=(2, items, 16)) * 0.3).astype(np.float32)
    asked = GradientInput(
        taste_in=tables[0],
        taste_out=tables[1],
        bias=np.zeros(items, np.float32),
        alpha=0.05,
        tau=5.0,
        folds=8,
        local_steps=2,
        local_learning_rate=0.5,
        round=1,
    )
    histories = from_lists([random.permutation(items)[: random.integers(90)].tolist() for _ in range(count)])
    subjects = np.arange(count)
    whole = gradient_sum(asked, histories, subjects, clipping_norm=0.5, scale_bits=40)
    single = [
        gradient_sum(asked, histories.take(p), p, clipping_norm=0.5, scale_bits=40) for p in subjects[:, None]
    ]
    assert np.array_equal(whole, np.sum(single, axis=0))
