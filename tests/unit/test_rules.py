"""Business rules: what they may say, what they are refused for, what they do to a slate."""

from collections import Counter
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from client.device.person import Person
from client.device.request import Request
from client.device.rules import FORMAT, Cap, Rules, RulesRefused, read_rules
from client.device.runtime import RequestError
from client.device.slate import Event, Slate, SlateItem
from models.catalogue import Catalogue
from tests.rankers import ranker

MET = Person(events=[Event(f"i{item}", time=100 * item) for item in (3, 7, 12, 1, 20)])


def made(items: int = 40) -> Catalogue:
    genres = [("Drama",), ("Comedy",), ("Drama", "Comedy"), ()]
    return Catalogue(
        ids=tuple(f"i{item}" for item in range(items)),
        titles=tuple(f"Title {item}" for item in range(items)),
        years=np.array([0 if item == 5 else 1970 + item for item in range(items)], np.int16),
        genres=tuple(genres[item % 4] for item in range(items)),
    )


RANKER = ranker(made())


def rules(**parts: Any) -> Rules:
    return read_rules({"format": FORMAT, **parts})


def shown(request: Request, person: Person = MET) -> list[str]:
    return [item.item for item in RANKER.rank(person, request).items]


def test_rules_read_as_they_are_written() -> None:
    read = rules(
        pin=[{"item": "b", "place": 3}, {"item": "a", "place": 1}],
        exclude={"items": ["x"], "categories": ["Horror"], "before_year": 1980},
        cap=[{"category": "Drama", "most": 2}, {"each_category": True, "most": 3}],
        fresh={"since_year": 1997, "lift": 0.5},
        seen={"again_after_days": 30},
    )
    assert read == Rules(
        pins=((0, "a"), (2, "b")),
        items=("x",),
        categories=("Horror",),
        before_year=1980,
        caps=(Cap("Drama", 2), Cap(None, 3)),
        since_year=1997,
        lift=0.5,
        seen=30,
    )
    assert rules() == Rules()


@pytest.mark.parametrize(
    ("parts", "where"),
    [
        ({"format": "penchant-rules-2"}, "rules.format"),
        ({"boost": 1}, "rules.boost"),
        ({"pin": {}}, "rules.pin"),
        ({"pin": [{"item": "a", "place": 0}]}, r"rules.pin\[0\].place"),
        ({"pin": [{"item": "a", "place": True}]}, r"rules.pin\[0\].place"),
        ({"pin": [{"item": "", "place": 1}]}, r"rules.pin\[0\].item"),
        ({"pin": [{"item": "a", "place": 1}, {"item": "b", "place": 1}]}, r"rules.pin\[1\]"),
        ({"pin": [{"item": "a", "place": 2}], "exclude": {"items": ["a"]}}, "excluded too"),
        ({"cap": [{"most": 1}]}, r"rules.cap\[0\] needs"),
        ({"cap": [{"category": "Drama", "each_category": True, "most": 1}]}, r"rules.cap\[0\] needs"),
        ({"cap": [{"category": "Drama", "most": -1}]}, r"rules.cap\[0\].most"),
        ({"cap": [{"category": 7, "most": 1}]}, r"rules.cap\[0\].category"),
        ({"exclude": {"categories": "Horror"}}, "rules.exclude.categories"),
        ({"exclude": {"before_year": "1980"}}, "rules.exclude.before_year"),
        ({"fresh": {"since_year": 1990}}, "rules.fresh needs both"),
        ({"fresh": {"since_year": 1990, "lift": float("nan")}}, "rules.fresh.lift"),
        ({"fresh": {"since_year": 1990, "lift": "high"}}, "rules.fresh.lift"),
        ({"seen": "sometimes"}, "rules.seen"),
        ({"seen": {"again_after_days": 0}}, "rules.seen.again_after_days"),
        ({"price": {"a": 3}}, "has no price"),
        ({"pin": [{"item": "a", "place": 1, "personal_price": 3}]}, "has no price"),
        ({"fresh": {"since_year": 1990, "lift": 1, "discount": 2}}, "has no price"),
    ],
)
def test_rules_that_are_wrong_are_refused_where_they_are_wrong(parts: dict[str, Any], where: str) -> None:
    with pytest.raises(RulesRefused, match=where) as refused:
        rules(**parts)
    assert refused.value.code == "rules_refused"


@pytest.mark.parametrize("value", [None, [], "rules", 3])
def test_what_is_no_object_is_no_rules(value: object) -> None:
    with pytest.raises(RulesRefused, match="rules must be an object"):
        read_rules(value)


def test_a_slate_has_no_field_for_a_price() -> None:
    names = {field.name for kind in (Slate, SlateItem, Request, Rules) for field in fields(kind)}
    assert not {name for name in names if "price" in name or "discount" in name or "amount" in name}


def test_a_pin_stands_at_its_place_with_its_own_score_and_reason() -> None:
    plain = shown(Request(k=6))
    last = shown(Request(k=35))[-1]
    request = Request(k=6, rules=rules(pin=[{"item": last, "place": 3}, {"item": "i3", "place": 1}]))
    slate = RANKER.rank(MET, request)
    assert [item.item for item in slate.items] == ["i3", plain[0], last, *plain[1:4]]
    assert [item.reasons[-1].kind for item in slate.items].count("rule") == 2
    explained = RANKER.explain(MET, last)
    assert explained
    assert slate.items[2].score == explained.score
    assert slate.items[2].reasons[-1].amount == 0


def test_what_the_person_hid_stays_hidden_even_when_pinned() -> None:
    hid = Person(events=MET.events, hidden=["i5"])
    assert "i5" not in shown(Request(k=35, rules=rules(pin=[{"item": "i5", "place": 1}])), hid)
    assert shown(Request(k=3, rules=rules(pin=[{"item": "i5", "place": 1}])), MET)[0] == "i5"


def test_a_pin_the_release_does_not_know_or_below_the_slate_changes_nothing() -> None:
    for pin in ({"item": "elsewhere", "place": 1}, {"item": "i5", "place": 7}):
        assert shown(Request(k=6, rules=rules(pin=[pin]))) == shown(Request(k=6))


def test_what_is_excluded_by_item_category_or_year_is_not_shown() -> None:
    everything = shown(Request(k=40))
    first = everything[0]
    excluded = {"items": [first], "categories": ["Drama"], "before_year": 1990}
    left = shown(Request(k=40, rules=rules(exclude=excluded)))
    catalogue = made()
    expected = [
        item
        for item in everything
        if item != first
        and "Drama" not in catalogue.genres[int(item[1:])]
        and (int(item[1:]) >= 20 or item == "i5")
    ]
    assert left == expected


def test_at_most_so_many_of_a_category_are_shown_and_the_slate_is_filled_from_below() -> None:
    catalogue = made()
    for cap, allowed in (
        ({"category": "Drama", "most": 1}, {"Drama": 1}),
        ({"each_category": True, "most": 2}, {"Drama": 2, "Comedy": 2}),
    ):
        found = shown(Request(k=8, rules=rules(cap=[cap])))
        counts = Counter(name for item in found for name in catalogue.genres[int(item[1:])])
        assert all(counts[name] <= most for name, most in allowed.items())
        assert len(found) == 8


def test_a_cap_looks_as_deep_as_it_must() -> None:
    none = rules(cap=[{"category": "Drama", "most": 0}, {"category": "Comedy", "most": 0}])
    large = ranker(made(400))
    found = large.rank(Person(), Request(k=90, rules=none)).items
    assert len(found) == 90
    assert {made(400).genres[int(item.item[1:])] for item in found} == {()}


def test_what_is_new_is_lifted_and_says_so() -> None:
    lifted = RANKER.rank(MET, Request(k=40, rules=rules(fresh={"since_year": 2000, "lift": 1.5}))).items
    plain = {item.item: item.score for item in RANKER.rank(MET, Request(k=40)).items}
    for item in lifted:
        new = int(item.item[1:]) >= 30
        assert item.score == pytest.approx(plain[item.item] + (1.5 if new else 0), abs=1e-6)
        assert [reason.amount for reason in item.reasons if reason.kind == "rule"] == [1.5] * new


def test_what_was_met_returns_when_the_rules_let_it() -> None:
    assert not {"i3", "i7"} & set(shown(Request(k=40)))
    assert {"i3", "i7"} <= set(shown(Request(k=40, rules=rules(seen="show"))))
    now = 700 + 2 * 86_400
    again = shown(Request(k=40, now=now, rules=rules(seen={"again_after_days": 2})))
    assert {"i3", "i7"} <= set(again)
    assert not {"i12", "i20"} & set(again)


@pytest.mark.parametrize(
    "change",
    [
        {"k": 0},
        {"k": 1.5},
        {"candidates": ["i1", "i1"]},
        {"relevance": [1.0]},
        {"candidates": ["i1"], "relevance": [1.0, 2.0]},
        {"candidates": ["i1"], "relevance": [float("inf")]},
        {"diversity": -1.0},
        {"blend": float("nan")},
    ],
)
def test_a_request_that_no_ranking_can_answer_is_refused_without_naming_an_item(
    change: dict[str, Any],
) -> None:
    with pytest.raises(RequestError) as refused:
        Request(**change)
    assert "i1" not in str(refused.value)
