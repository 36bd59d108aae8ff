"""A plan rests on what is declared and public alone, says why, and gives way to the scenario."""

import math
from dataclasses import replace
from typing import Any

import pytest

from models.evidence import (
    FAINT_POPULARITY,
    LEAST_DIRECTIONS,
    LEAST_DIRECTIONS_OF_SHORT,
    LEAST_FOUND,
    LEAST_FOUND_IN_SHORT,
    LEAST_POPULARITY,
    LEAST_POPULARITY_ALONE,
    LEAST_POPULARITY_OF_MANY,
    LEAST_POPULARITY_OF_MANY_ALONE,
    MANY_DIRECTIONS,
    Declared,
    PlanError,
)
from models.plan import CLEAR_POPULARITY, LARGEST_POPULARITY_SHARE, RANK_BESIDE_CONTENT, make_plan
from privacy.gaussian import exact_epsilon, least_noise
from privacy.terms import RELATION, UNIT, Guarantee
from server.plan import noise_of, plan_line
from simulations.__main__ import main

DENSE = Declared(people=5000, items=2000, noise=1.0, history=100.0, features=True, timed=True)
SPARSE = replace(DENSE, items=40_000, history=6.0, noise=3.0)


def test_a_dense_line_looks_for_tastes_and_a_sparse_one_spends_all_on_popularity() -> None:
    assert make_plan(DENSE).gate == "open"
    shut = make_plan(replace(SPARSE, features=False))
    assert (shut.gate, shut.shares) == ("shut", (("popularity", 1.0),))
    assert dict(make_plan(SPARSE).shares).keys() == {"popularity", "vote"}
    assert not shut.opens(math.sqrt(1000.0)), "a shut line stays shut, whatever the popularity round says"


def test_shares_add_up_and_popularity_gets_more_where_it_is_faint() -> None:
    for declared in (
        DENSE,
        SPARSE,
        replace(DENSE, noise=0.0),
        replace(DENSE, noise=1e-9),
        replace(DENSE, people=2),
    ):
        shares = dict(make_plan(declared).shares)
        assert sum(shares.values()) == pytest.approx(1)
        assert min(shares.values()) > 0
    faint = replace(DENSE, items=10_000, history=None)
    assert faint.assumed.popularity**2 < CLEAR_POPULARITY
    assert dict(make_plan(faint).shares)["popularity"] > dict(make_plan(DENSE).shares)["popularity"]


def test_short_histories_give_up_less_of_popularity_and_without_text_less_still() -> None:
    def share(**changed: object) -> float:
        return dict(make_plan(replace(DENSE, items=4000, **changed)).shares)["popularity"]  # type: ignore[arg-type]

    assert share(history=45.0) < share(history=20.0) < share(history=20.0, features=False)
    assert share(history=20.0, features=False, people=50_000) == pytest.approx(1 / 7, rel=0.02)


def test_some_tastes_must_be_found_before_more_is_spent_on_them_and_more_in_short_histories() -> None:
    short = make_plan(replace(DENSE, items=1000, history=20.0))
    assert short.gate == "open"
    assert short.pays(LEAST_FOUND_IN_SHORT, math.sqrt(20.0))
    assert not short.pays(LEAST_FOUND_IN_SHORT - 0.1, math.sqrt(20.0))
    assert make_plan(short.declared, recipe={"rank_limit": 2}).pays(1.0, math.sqrt(20.0)), (
        "half of what may be kept"
    )
    long = make_plan(DENSE)
    assert long.pays(LEAST_FOUND, math.sqrt(100.0))
    assert not long.pays(LEAST_FOUND - 0.1, math.sqrt(100.0))
    assert not long.pays(LEAST_FOUND_IN_SHORT - 0.1, math.sqrt(20.0)), "what was declared may have been wrong"
    assert make_plan(replace(DENSE, noise=0.0)).pays(0.1, math.sqrt(100.0))
    faint = make_plan(replace(DENSE, items=13_000, noise=3.0))
    assert LEAST_POPULARITY_OF_MANY < faint.declared.assumed.popularity < FAINT_POPULARITY
    assert not faint.pays(0.07 * math.sqrt(faint.declared.assumed.directions), math.sqrt(100.0))
    few = make_plan(replace(DENSE, people=1000, noise=3.0))
    assert few.declared.assumed.popularity < FAINT_POPULARITY
    assert few.pays(LEAST_FOUND, math.sqrt(100.0)), "few directions, few tastes"
    forced = make_plan(short.declared, shares={"popularity": 1.0, "moments": 3.0, "item_context": 3.0})
    assert forced.pays(0.1, math.sqrt(20.0))


def test_without_a_declared_history_the_popularity_round_decides() -> None:
    plan = make_plan(replace(DENSE, history=None))
    assert plan.gate == "look"
    assert plan.opens(10.0)
    assert not plan.opens(1.0)
    assert make_plan(DENSE).opens(1.0) is False, "what was declared may have been wrong"


def test_faint_popularity_is_no_reason_where_many_tastes_stand_above_the_noise_and_text_places_the_rest() -> (
    None
):
    faint = replace(DENSE, items=40_000)
    assert faint.assumed.popularity < LEAST_POPULARITY
    assert faint.assumed.directions > MANY_DIRECTIONS
    assert make_plan(faint).gate == "open"
    assert dict(make_plan(faint).shares)["popularity"] == pytest.approx(LARGEST_POPULARITY_SHARE, rel=0.1)
    assert make_plan(replace(faint, features=False)).gate == "shut"
    assert make_plan(replace(faint, history=20.0)).gate == "shut"


def test_without_features_popularity_must_be_clearer_unless_many_tastes_stand_above_the_noise() -> None:
    few = replace(DENSE, people=3000, items=3000, noise=4.0, features=False)
    assert LEAST_POPULARITY_ALONE > few.assumed.popularity > LEAST_POPULARITY_OF_MANY_ALONE
    assert few.assumed.directions < MANY_DIRECTIONS
    assert make_plan(few).gate == "shut"
    assert make_plan(replace(few, features=True)).gate == "open"
    assert make_plan(replace(few, people=4 * few.people, items=4 * few.items)).gate == "open"


def test_short_histories_need_more_directions_than_long_ones() -> None:
    few = replace(DENSE, people=2000, items=300, history=20.0)
    assert few.assumed.popularity > few.least_popularity(few.assumed)
    assert LEAST_DIRECTIONS < few.assumed.directions < LEAST_DIRECTIONS_OF_SHORT
    assert make_plan(few).gate == "shut"
    more = replace(few, people=5000)
    assert more.assumed.directions > LEAST_DIRECTIONS_OF_SHORT
    assert make_plan(more).gate == "open"
    assert make_plan(replace(few, people=3000)).gate == "open"
    assert make_plan(replace(few, people=3000, features=False)).gate == "shut", "nothing else helps"
    assert make_plan(replace(more, features=False)).gate == "open"


def test_tastes_leave_room_for_content_where_there_is_any() -> None:
    assert make_plan(DENSE).recipe.rank_limit == RANK_BESIDE_CONTENT
    assert make_plan(replace(DENSE, features=False)).recipe.rank_limit > RANK_BESIDE_CONTENT
    assert make_plan(replace(DENSE, noise=0.0)).recipe.rank_limit > RANK_BESIDE_CONTENT


def test_what_is_not_there_is_not_asked_for() -> None:
    bare = make_plan(replace(DENSE, features=False, timed=False)).recipe
    assert (bare.feature_directions, bare.content_dimensions) == (0, 0)
    assert (bare.recency_floor, bare.near_share) == (1.0, 0.0)


def test_every_choice_says_why() -> None:
    for declared in (DENSE, SPARSE, replace(DENSE, timed=False), replace(DENSE, history=None)):
        choices = make_plan(declared).choices
        assert all(each.value and each.because for each in choices)
        assert {"tastes", "budget", "clipping", "gradient rounds"} <= {each.name for each in choices}


def test_the_scenario_replaces_shares_and_knobs() -> None:
    plan = make_plan(
        SPARSE, shares={"popularity": 1, "moments": 2, "item_context": 1}, recipe={"rank_limit": 3}
    )
    assert plan.shares == (("popularity", 0.25), ("moments", 0.5), ("item_context", 0.25))
    assert (plan.gate, plan.recipe.rank_limit, plan.opens(0.0)) == ("forced", 3, True)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"moments": 1.0, "item_context": 1.0}, "need popularity"),
        ({"popularity": 1.0, "moments": 1.0}, "together or neither"),
        ({"popularity": 0.0}, "must be positive"),
    ],
)
def test_shares_that_make_no_plan_are_refused(shares: Any, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        make_plan(DENSE, shares=shares)


@pytest.mark.parametrize("wrong", [{"people": 1}, {"items": 0}, {"noise": math.inf}, {"history": 0.5}])
def test_a_declaration_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        replace(DENSE, **wrong)


def test_a_plan_of_a_guarantee_keeps_to_it() -> None:
    budget = Guarantee(epsilon=2.0, delta=1e-4, unit=UNIT, neighboring_relation=RELATION, trust="central")
    plan = plan_line(budget, people=2000, items=500, history=50.0, features=True, timed=True)
    rounds = noise_of(plan, budget)
    total = math.sqrt(sum(each.noise_multiplier**-2 for each in rounds))
    assert len(rounds) == len(plan.shares)
    assert 1.99 < exact_epsilon(total, 1e-4) <= 2.0
    assert least_noise(math.inf, 1e-4) == 0.0


def test_the_command_prints_the_plan_with_its_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--people", "943", "--items", "1682", "--epsilon", "4", "--text", "--timed"]) == 0
    said = capsys.readouterr().out
    for word in (
        "tastes",
        "budget",
        "basis",
        "rank",
        "third look",
        "clipping",
        "because",
        "epsilon 4.00",
        "trust = central",
    ):
        assert word in said
    assert main(["plan", "--people", "943", "--items", "1682", "--epsilon", "-1"]) == 2
    assert "--epsilon must be above 0" in capsys.readouterr().err
    assert main(["plan", "--people", "943", "--items", "9", "--epsilon", "1", "--delta", "0.5"]) == 2
    assert "at most N^-1.1" in capsys.readouterr().err
