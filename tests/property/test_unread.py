"""What a ranking never reads: anything personal without profiling, and sensitive categories ever."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from client.device.features import own_history
from client.device.person import Person
from client.device.profile import Profile
from client.device.ranking import Ranker
from client.device.request import Request
from client.device.slate import Event
from models.catalogue import CatalogueError
from models.features import item_features
from models.signals import Signals, SignalsError
from tests.rankers import CATALOGUE, INDEX, ITEMS, PARAMS, RANKER, RAW, SIGNALS, people, ranker, requests


class Tainted:
    """Something personal that raises when anything at all is asked of it."""

    def _touched(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("something personal was read")

    __getattribute__ = __iter__ = __len__ = __getitem__ = __contains__ = __bool__ = __eq__ = _touched
    __hash__ = __call__ = __repr__ = __str__ = __lt__ = __add__ = _touched


TAINTED: Any = Tainted()
ALL_TAINTED = Person(
    events=TAINTED, tuned=TAINTED, hidden=TAINTED, interests=TAINTED, attributes=TAINTED, context=TAINTED
)


@given(requests(), people, people)
def test_without_profiling_nothing_personal_is_read(request: Request, one: Person, other: Person) -> None:
    plain = replace(request, profiling=False)
    slate = RANKER.rank(TAINTED, plain)
    assert repr(slate) == repr(RANKER.rank(one, plain)) == repr(RANKER.rank(other, plain))
    assert not slate.personalized
    assert slate.confidence == 0


def test_without_profiling_nobody_is_explained_or_described_by_anything_personal() -> None:
    for tainted in (TAINTED, ALL_TAINTED):
        assert RANKER.explain(tainted, "i3", profiling=False) == RANKER.explain(Person(), "i3")
        assert RANKER.profile(tainted, profiling=False) == Profile((), (), 0, 0.0)


@pytest.mark.parametrize("field", ["events", "tuned", "hidden", "interests", "attributes", "context"])
def test_the_taint_catches_a_ranking_that_reads_one_personal_thing(field: str) -> None:
    with pytest.raises(AssertionError, match="personal"):
        RANKER.rank(replace(Person(), **{field: TAINTED}), Request())


# What never becomes a feature.


def test_a_sensitive_category_is_no_feature_no_reason_and_no_part_of_a_profile() -> None:
    sick = Person(events=[Event("i3", kind="like"), Event("i8", kind="purchase")], interests=["Health"])
    slate = RANKER.rank(sick, Request(k=ITEMS))
    assert [item.item for item in slate.items if item.item in ("i3", "i8")] == []
    nobody = RANKER.rank(Person(hidden=["i3", "i8"]), Request(k=ITEMS))
    assert repr(slate.items) == repr(nobody.items)
    assert not slate.personalized
    assert leaks(RANKER, sick) == []


def leaks(one: Ranker, person: Person) -> list[str]:
    """Return every text a device could show about a person that names the sensitive category or its items."""
    slate = one.rank(person, Request(k=ITEMS))
    texts = [reason.text for item in slate.items for reason in item.reasons]
    profile = one.profile(person)
    texts += [taste.text for taste in profile.tastes] + list(profile.chosen)
    return [text for text in texts if re.search(r"Health|Title 3\b", text)]


def test_a_catalogue_that_forgot_to_withhold_is_caught() -> None:
    sick = Person(events=[Event("i3", kind="like")], interests=["Health"])
    assert leaks(ranker(RAW, PARAMS), sick)


def test_a_device_that_folds_sensitive_events_in_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    sick = Person(events=[Event("i3", kind="like")])
    careless = ranker(CATALOGUE, PARAMS)
    monkeypatch.setattr(careless._index, "withheld", frozenset())
    assert careless.rank(sick, Request(k=9)).personalized
    assert not RANKER.rank(sick, Request(k=9)).personalized


def test_a_round_learns_from_no_sensitive_event_and_none_that_speaks_against() -> None:
    met = [Event("i3", kind="like"), Event("i1"), Event("i6", kind="dislike"), Event("i2"), Event("i1")]
    assert own_history(Person(events=met), INDEX).item.tolist() == [2, 1]


def test_public_features_cannot_hold_a_sensitive_category() -> None:
    never = tuple(tuple(name for name in row if name != "Health") for row in RAW.genres)
    assert np.array_equal(item_features(CATALOGUE).table, item_features(replace(RAW, genres=never)).table)
    assert not np.array_equal(item_features(RAW).table.shape, item_features(CATALOGUE).table.shape)


def test_a_category_cannot_be_sensitive_and_in_use() -> None:
    with pytest.raises(CatalogueError, match="sensitive"):
        replace(CATALOGUE, genres=RAW.genres)
    with pytest.raises(CatalogueError, match="sensitive"):
        replace(CATALOGUE, signals=replace(SIGNALS, shifts={"hour=night": {"Health": 1.0}}))
    with pytest.raises(CatalogueError, match="by position"):
        replace(CATALOGUE, sensitive={"Health": (ITEMS,)})


def test_signals_that_are_no_numbers_are_refused() -> None:
    changes: list[dict[str, Any]] = [
        {"version": 0},
        {"interest": float("inf")},
        {"kinds": {"view": True}},
        {"kinds": {"View it": 1.0}},
        {"shifts": {"evening": {}}},
        {"shifts": {"hour=night": {"Drama": 1e9}}},
    ]
    for change in changes:
        with pytest.raises(SignalsError):
            Signals(**{"version": 1, "kinds": {}, "interest": 1.0, "shifts": {}, **change})
