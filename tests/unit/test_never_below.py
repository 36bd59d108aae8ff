"""No population and no epsilon ends below private popularity at the full epsilon, from dense to very sparse."""

import math
from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest

from models.plan import Mechanism, Plan
from simulations.metrics import Evaluation
from tests.populations import Population, learn, ours, populate, private_popularity

EPSILONS = (0.5, 1.0, 2.0, 4.0, 8.0)
SEEDS = (1, 2, 3)
POPULATIONS = {
    "dense": {"people": 500, "items": 200, "events": 40, "features": "none"},
    "dense, with text": {"people": 500, "items": 300, "events": 40, "features": "text"},
    "text that says nothing": {"people": 700, "items": 500, "events": 20, "features": "noise"},
    "sparse, with text": {"people": 900, "items": 1500, "events": 8, "features": "text"},
    "very sparse": {"people": 1000, "items": 4000, "events": 5, "features": "none"},
}
CROWDS = {
    "dense, with a crowd": {**POPULATIONS["dense"], "people": 1500},
    "dense, with a large crowd": {**POPULATIONS["dense"], "people": 2500},
}
"""Enough people for tastes to stand above the noise, and well above it."""


@cache
def made(name: str) -> Population:
    return populate(**{**POPULATIONS, **CROWDS}[name])  # type: ignore[arg-type]


def figures(found: Evaluation) -> dict[str, tuple[float, float]]:
    """Return each figure and its standard error over people."""
    named = {}
    for protocol, rank in (("full", found.full_rank), ("sampled99", found.sampled_rank)):
        hit = rank < 10
        gain = np.where(hit, 1 / np.log2(rank + 2.0), 0.0)
        for metric, values in (("hr@10", hit), ("ndcg@10", gain)):
            error = float(values.std() / np.sqrt(len(values)))
            named[f"{protocol} {metric}"] = (float(values.mean()), error)
    return named


def shortfalls(
    name: str, epsilon: float, *, shares: Mapping[Mechanism, float] | None = None
) -> dict[str, float]:
    """Return by how many standard errors we end below private popularity, figure by figure, where we do."""
    population = made(name)
    mine = [figures(ours(population, epsilon=epsilon, seed=seed, shares=shares)) for seed in SEEDS]
    theirs = [figures(private_popularity(population, epsilon=epsilon, seed=seed)) for seed in SEEDS]
    pairs = list(zip(mine, theirs, strict=True))
    short = {
        figure: np.mean([(b[figure][0] - a[figure][0]) / max(b[figure][1], 1e-9) for a, b in pairs])
        for figure in mine[0]
    }
    return {figure: float(errors) for figure, errors in short.items() if errors > 1}


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("name", POPULATIONS)
def test_nothing_ends_more_than_a_standard_error_below_private_popularity(name: str, epsilon: float) -> None:
    assert not shortfalls(name, epsilon)


@pytest.mark.parametrize("name", ["sparse, with text", "very sparse"])
def test_a_gate_forced_open_where_data_is_sparse_is_caught(name: str) -> None:
    forced: dict[Mechanism, float] = {"popularity": 1.0, "moments": 3.0, "item_context": 3.0}
    assert shortfalls(name, 1.0, shares=forced)


def test_where_the_gate_is_shut_the_release_is_private_popularity_of_the_whole_budget() -> None:
    plan, learnt = learn(made("very sparse"), epsilon=1.0, seed=1)
    assert set(learnt.rounds) == {"popularity"}
    assert len(learnt.rounds) == len(plan.shares)
    assert not learnt.parameters.taste_in.size
    assert not learnt.parameters.content.size
    assert len(np.unique(learnt.parameters.bias)) == made("very sparse").items, "no two items tie"


def test_where_short_histories_told_little_of_tastes_the_rest_goes_to_popularity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan, learnt = learn(made("dense, with a crowd"), epsilon=6.0, seed=1)
    assert [name for name, _ in plan.shares] == ["popularity", "moments", "item_context", "vote"]
    assert (learnt.rounds, learnt.tastes) == (("popularity", "moments", "popularity", "popularity"), 0)
    monkeypatch.setattr(Plan, "pays", lambda plan, found, root_history: True)
    assert learn(made("dense, with a crowd"), epsilon=6.0, seed=1)[1].rounds[2] == "item_context"


def test_where_tastes_are_plain_they_are_found_and_voted_for() -> None:
    population = made("dense, with a large crowd")
    assert min(learn(population, epsilon=8.0, seed=seed)[1].tastes for seed in SEEDS) >= 1
    assert learn(population, epsilon=math.inf, seed=1)[1].blend.taste > 0


def test_text_that_says_nothing_is_voted_down() -> None:
    chosen = [
        learn(made("text that says nothing"), epsilon=4.0, seed=seed)[1].blend.content for seed in SEEDS
    ]
    assert max(chosen) <= 0.15
    assert learn(made("sparse, with text"), epsilon=8.0, seed=1)[1].blend.content > 0
