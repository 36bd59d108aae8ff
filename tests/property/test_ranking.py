"""Slates for any person: reasons sum to the score, forgetting is exact, requests are obeyed, nothing jumps."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import client.device.ranking
import client.device.reasons
from client.device.person import Person
from client.device.ranking import Ranker
from client.device.request import Request
from client.device.rules import Rules
from client.device.slate import Event
from tests.rankers import (
    CATALOGUE,
    INDEX,
    ITEMS,
    PARAMS,
    RANKER,
    events,
    items,
    people,
    ranker,
    requests,
    unexplained,
)


def without(person: Person, item: str) -> Person:
    """Return somebody who never met an item."""
    return replace(
        person,
        events=[event for event in person.events if event.item != item],
        tuned={name: by for name, by in person.tuned.items() if name != item},
        hidden=[name for name in person.hidden if name != item],
    )


@given(people, requests())
@settings(max_examples=150)
def test_reasons_sum_to_the_score(person: Person, request: Request) -> None:
    assert unexplained(RANKER.rank(person, request)) <= 1e-6


@given(people, requests(), items)
def test_forgetting_equals_never_having_seen_bit_for_bit(person: Person, request: Request, item: str) -> None:
    used = ranker(CATALOGUE, PARAMS)
    used.rank(person, request)
    rest = without(person, item)
    assert repr(used.rank(rest, request)) == repr(ranker(CATALOGUE, PARAMS).rank(rest, request))


@given(people, requests())
def test_a_slate_obeys_its_request(person: Person, request: Request) -> None:
    shown = [item.item for item in RANKER.rank(person, request).items]
    assert len(shown) == len(set(shown)) <= request.wanted
    assert not set(shown) & set(person.hidden)
    pinned = {item for _, item in request.rules.pins}
    if request.candidates is not None:
        assert set(shown) <= {*request.candidates, *pinned}
    for cap in request.rules.caps:
        for name in ("Drama", "Comedy"):
            carried = [item for item in shown if item in INDEX.position and name in INDEX.categories(item)]
            if cap.category in (None, name):
                assert len(carried) <= max(cap.most, len(pinned))


@given(people, requests())
def test_what_rules_do_not_pin_falls_in_score_from_first_to_last(person: Person, request: Request) -> None:
    pinned = {item for _, item in request.rules.pins}
    scores = [item.score for item in RANKER.rank(person, request).items if item.item not in pinned]
    assert all(above >= below - 1e-9 for above, below in pairwise(scores))


# Cold start: personalization fades in.


def scores_at(one: Ranker, person: Person, share: float) -> np.ndarray:
    """Score every item for a person whose events count only so much."""
    faint = [replace(event, weight=event.weight * share) for event in person.events]
    slate = one.rank(replace(person, events=faint), Request(k=ITEMS, rules=Rules(seen="show")))
    scores = {item.item: item.score for item in slate.items}
    return np.array([scores[item] for item in CATALOGUE.ids])


def largest_step(one: Ranker, person: Person, steps: int = 40) -> float:
    """Let the evidence grow from nothing to everything; return the largest change in one of so many steps."""
    curve = np.array([scores_at(one, person, step**2 / steps**2) for step in range(steps + 1)])
    return float(np.abs(np.diff(curve, axis=0)).max() / max(np.ptp(curve, axis=0).max(), 1e-3))


@given(st.lists(st.builds(Event, items, kind=st.sampled_from(["view", "like", "click"])), max_size=6))
@settings(max_examples=25)
def test_personalization_fades_in_with_evidence_and_never_jumps(met: list[Event]) -> None:
    assert largest_step(RANKER, Person(events=met)) < 0.25


def test_a_model_that_jumps_at_the_first_event_is_caught() -> None:
    abrupt = ranker(CATALOGUE, replace(PARAMS, fade_in=0.0))
    met = Person(events=[Event("i1"), Event("i5"), Event("i11")])
    assert largest_step(RANKER, met) < 0.25 < largest_step(abrupt, met)


@given(st.lists(events, max_size=8), events, st.integers(0, 8))
def test_an_event_of_no_weight_changes_nothing_wherever_it_stands(
    met: list[Event], faint: Event, at: int
) -> None:
    before = RANKER.rank(Person(events=met), Request(k=9))
    after = RANKER.rank(Person(events=[*met[:at], replace(faint, weight=0.0), *met[at:]]), Request(k=9))
    assert repr(before) == repr(after)


def test_confidence_grows_with_evidence_from_nothing() -> None:
    found = [
        RANKER.rank(Person(events=[Event(f"i{item}") for item in range(count)]), Request()).confidence
        for count in (0, 1, 3, 9)
    ]
    assert found[0] == 0
    assert found == sorted(found)
    assert found[-1] < 1


def test_the_check_of_reasons_catches_a_lost_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    person = Person(interests=["Comedy"])
    slate = RANKER.rank(person, Request(k=9))
    monkeypatch.setattr(client.device.ranking, "reasons", _forgetful)
    assert unexplained(slate) <= 1e-6 < unexplained(RANKER.rank(person, Request(k=9)))


def _forgetful(ranked: Any, places: Any, **known: Any) -> Any:
    return client.device.reasons.reasons(ranked, places, **{**known, "shifts": []})
