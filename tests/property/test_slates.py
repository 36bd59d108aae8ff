"""Slates in particular: what moves a score, a caller's own lists, diversity, the profile in plain words."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.device.features import Index, fold_events
from client.device.person import Context, Person
from client.device.request import Request
from client.device.rules import Rules
from client.device.slate import Event, Slate
from tests.rankers import CATALOGUE, INDEX, ITEMS, PARAMS, RANKER, items, people, ranker


def amounts(slate: Slate, kind: str) -> dict[str, float]:
    return {
        item.item: reason.amount for item in slate.items for reason in item.reasons if reason.kind == kind
    }


def test_interests_and_circumstances_shift_scores_by_the_releases_small_tables() -> None:
    person = Person(interests=["Comedy"], attributes={"plan": "free"}, context=Context(hour=20, place="home"))
    slate = RANKER.rank(person, Request(k=ITEMS))
    comedies = {item for item, row in zip(CATALOGUE.ids, CATALOGUE.genres, strict=True) if "Comedy" in row}
    dramas = {item for item, row in zip(CATALOGUE.ids, CATALOGUE.genres, strict=True) if "Drama" in row}
    assert amounts(slate, "interest") == dict.fromkeys(comedies, 1.0)
    assert amounts(slate, "attribute").keys() == comedies
    assert amounts(slate, "context").keys() == comedies | dramas
    assert slate.personalized
    texts = {reason.text for item in slate.items for reason in item.reasons}
    assert {"because you chose Comedy", "fits the time of day: evening", "fits your plan: free"} <= texts


def test_what_is_disliked_speaks_against_what_is_like_it_and_is_named() -> None:
    slate = RANKER.rank(Person(events=[Event("i1", kind="dislike")]), Request(k=ITEMS))
    liked = RANKER.rank(Person(events=[Event("i1", kind="like")]), Request(k=ITEMS))
    against = {
        item.item: sum(r.amount for r in item.reasons if r.kind.startswith("event")) for item in slate.items
    }
    in_favour = {
        item.item: sum(r.amount for r in item.reasons if r.kind.startswith("event")) for item in liked.items
    }
    assert against == pytest.approx({item: -by for item, by in in_favour.items()}, abs=1e-9)
    assert "because you did not like Title 1" in {r.text for item in slate.items for r in item.reasons}


def test_the_weightiest_event_decides_and_of_equals_the_latest() -> None:
    def weights(*kinds: str) -> list[float]:
        return fold_events(Person(events=[Event("i1", kind=kind) for kind in kinds]), INDEX).weights

    assert weights("purchase", "view") == [2.0]
    assert weights("like", "dislike") == [-2.0]
    assert weights("dislike", "skip", "like") == [2.0]
    assert weights("view", "impression") == [1.0]
    assert weights("impression") == []


def test_ages_count_the_evidence_that_came_after() -> None:
    met = [Event("i1"), Event("i2", kind="like"), Event("i4", kind="skip")]
    assert fold_events(Person(events=met), INDEX).ages.tolist() == [2.5, 0.5, 0.0]


# Lists of the caller's own.


@given(people)
def test_reranking_the_whole_catalogue_is_recommending(person: Person) -> None:
    hide = Rules(seen="hide")
    asked = Request(k=10, candidates=CATALOGUE.ids, rules=hide)
    assert repr(RANKER.rank(person, asked)) == repr(RANKER.rank(person, Request(k=10, rules=hide)))


@given(people, st.lists(items, unique=True, max_size=20), st.floats(0, 5))
def test_reranking_a_search_loses_nothing_but_what_the_person_hid(
    person: Person, found: list[str], blend: float
) -> None:
    relevance = [float(len(found) - place) for place in range(len(found))]
    slate = RANKER.rank(person, Request(candidates=found, relevance=relevance, blend=blend))
    assert {item.item for item in slate.items} == set(found) - set(person.hidden)


def test_relevance_alone_keeps_the_searchs_order() -> None:
    found = ["i9", "elsewhere", "i2", "i30", "nowhere"]
    request = Request(candidates=found, relevance=[9.0, 7.0, 5.0, 3.0, 1.0], blend=100.0)
    slate = RANKER.rank(Person(), request)
    assert [item.item for item in slate.items] == found
    assert [item.reasons[0].kind for item in slate.items if item.item.endswith("where")] == ["unknown"] * 2


def test_a_menu_of_unknown_entries_keeps_its_order() -> None:
    menu = ["pay", "send", "help"]
    slate = RANKER.rank(Person(events=[Event("i1")]), Request(candidates=menu, surface="menu", list_id="m1"))
    assert [item.item for item in slate.items] == menu
    assert (slate.surface, slate.list_id) == ("menu", "m1")


# Diversity.


def test_of_two_alike_the_second_gives_way_and_says_to_whom() -> None:
    twins = replace(
        PARAMS, **{name: getattr(PARAMS, name).copy() for name in ("taste_out", "content", "bias")}
    )
    for table in (twins.taste_out, twins.content):
        table[1] = table[0]
    twins.bias[:] = np.linspace(2, 0, ITEMS, dtype=np.float32)
    one = ranker(CATALOGUE, twins)
    assert [item.item for item in one.rank(Person(), Request(k=2)).items] == ["i0", "i1"]
    slate = one.rank(Person(), Request(k=ITEMS, diversity=1.0))
    (second,) = (item for item in slate.items if item.item == "i1")
    assert second.reasons[-1].text == "much like Title 0, which is shown too"
    assert second.reasons[-1].amount == pytest.approx(-1.0, abs=1e-6)
    assert slate.items[1].item != "i1"


# The profile.


@given(people)
def test_a_taste_is_the_average_of_what_events_add_to_the_categorys_items(person: Person) -> None:
    profile = RANKER.profile(person)
    slate = RANKER.rank(
        replace(person, hidden=(), tuned={}, interests=(), attributes={}, context=Context()),
        Request(k=ITEMS, rules=Rules(seen="show")),
    )
    added = {
        item.item: sum(reason.amount for reason in item.reasons if reason.kind.startswith("event"))
        for item in slate.items
    }
    for taste in profile.tastes:
        carried = [added[item] for item in CATALOGUE.ids if taste.category in INDEX.categories(item)]
        assert taste.amount == pytest.approx(float(np.mean(carried)), abs=1e-5)
        assert all(one.amount * taste.amount > 0 for one in taste.because)


def test_a_profile_says_in_plain_words_what_it_rests_on() -> None:
    person = Person(
        events=[Event("i1", kind="like"), Event("i6", kind="like")],
        tuned={"i2": 1.0},
        hidden=["i9"],
        interests=["Comedy", "Health"],
        attributes={"plan": "free"},
    )
    profile = RANKER.profile(person)
    assert profile.chosen == (
        "You chose Comedy.",
        "You asked for more of Title 2.",
        "You hid Title 9.",
        "You told us your plan: free.",
    )
    assert profile.events == 2
    assert profile.tastes
    assert all(taste.text.startswith("You seem to") and taste.text.endswith(".") for taste in profile.tastes)
    assert {one.item for taste in profile.tastes for one in taste.because} <= {"i1", "i6"}


def test_names_that_are_remembered_are_the_catalogues_however_few_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("client.device.features.MOST_NAMED", 3)
    index = Index(CATALOGUE)
    for position in (*range(ITEMS), *range(ITEMS), 0, 0):
        assert index.named(position) == (CATALOGUE.ids[position], CATALOGUE.titles[position])
        assert len(index._named) <= 3
