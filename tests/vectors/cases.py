"""The cases: what is asked. What is answered is computed by the reference when the files are written."""

import numpy as np

from models.catalogue import Catalogue, withhold
from models.parameters import GlobalParameters
from models.signals import DEFAULT, Signals
from tests.made import parameters

FORMAT = "penchant-rules-1"
ITEMS = 32
_GENRES = [("Drama",), ("Comedy",), ("Comedy", "Drama"), ("Health",), ()]
_SIGNALS = Signals(
    version=2,
    kinds=dict(DEFAULT.kinds),
    interest=0.75,
    shifts={"hour=evening": {"Comedy": 0.5}, "place=home": {"Drama": -0.25}, "plan=free": {"Comedy": 0.125}},
)


def catalogue(items: int = ITEMS) -> Catalogue:
    made = Catalogue(
        ids=tuple(f"i{item}" for item in range(items)),
        titles=tuple(f"Tïtle {item}" if item % 7 else "" for item in range(items)),
        years=np.array([1970 + item if item % 6 else 0 for item in range(items)], np.int16),
        genres=tuple(_GENRES[item % 5] for item in range(items)),
        signals=_SIGNALS,
    )
    return withhold(made, ["Health"])


RELEASES: dict[str, tuple[GlobalParameters, Catalogue]] = {
    "full": (parameters(ITEMS, taste=4, content=6, seed=1), catalogue()),
    "content": (parameters(ITEMS, taste=0, content=5, seed=2), catalogue()),
    "popularity": (parameters(ITEMS, taste=0, content=0, seed=3), catalogue()),
    "one item": (parameters(1, taste=2, content=2, seed=4), catalogue(1)),
}

MET = [
    {"item": "i1", "kind": "view", "time": 1_000},
    {"item": "i7", "kind": "like", "time": 2_000},
    {"item": "elsewhere", "kind": "like", "time": 2_500},
    {"item": "i12", "kind": "purchase", "time": 3_000},
    {"item": "i7", "kind": "view", "time": 4_000},
    {"item": "i3", "kind": "like", "time": 4_500},
    {"item": "i20", "kind": "dislike", "time": 5_000},
    {"item": "i25", "kind": "impression", "time": 6_000},
    {"item": "i26", "kind": "skip", "time": 7_000, "weight": 0.5},
]
PERSON = {"events": MET}
CHOSEN = {
    "events": MET,
    "tuned": {"i5": 2.5, "i6": -0.5, "elsewhere": 1.0},
    "hidden": ["i8", "i9"],
    "interests": ["Comedy", "Health", "Nothing"],
    "attributes": {"plan": "free", "team": "blue"},
    "context": {"hour": 19, "place": "home", "device": "phone"},
}


def rules(**parts: object) -> dict[str, object]:
    return {"format": FORMAT, **parts}


SLATES: list[dict[str, object]] = [
    {"name": "nobody gets what is popular", "person": {}, "request": {"k": 5}},
    {"name": "a history personalizes", "person": PERSON, "request": {"k": 6}},
    {"name": "one view fades in", "person": {"events": MET[:1]}, "request": {"k": 4}},
    {"name": "an impression says nothing", "person": {"events": MET[7:8]}, "request": {"k": 4}},
    {
        "name": "a sensitive item is met and moves nothing",
        "person": {"events": MET[5:6]},
        "request": {"k": 32},
    },
    {"name": "everything chosen and told", "person": CHOSEN, "request": {"k": 32, "list_id": "l-1"}},
    {"name": "without profiling", "person": CHOSEN, "request": {"k": 6, "profiling": False}},
    {"name": "more than there is", "person": PERSON, "request": {"k": 99}},
    {"name": "diversity", "person": PERSON, "request": {"k": 8, "diversity": 1.5}},
    {"name": "content alone", "release": "content", "person": CHOSEN, "request": {"k": 5, "diversity": 0.5}},
    {"name": "popularity alone", "release": "popularity", "person": PERSON, "request": {"k": 5}},
    {
        "name": "one item, met",
        "release": "one item",
        "person": {"events": [{"item": "i0"}]},
        "request": {"k": 3},
    },
    {
        "name": "one item, shown again",
        "release": "one item",
        "person": {"events": [{"item": "i0"}]},
        "request": {"k": 3, "rules": rules(seen="show")},
    },
    {
        "name": "a search, blended",
        "person": PERSON,
        "request": {
            "candidates": ["i4", "i1", "new", "i9", "i30"],
            "relevance": [3.0, 2.0, 2.5, 1.0, 0.5],
            "blend": 0.5,
            "surface": "feed",
        },
    },
    {
        "name": "a search of equal relevance is the person's own order",
        "person": PERSON,
        "request": {"candidates": ["i4", "i1", "i9"], "relevance": [1.0, 1.0, 1.0]},
    },
    {
        "name": "a menu keeps what it does not know",
        "person": CHOSEN,
        "request": {"candidates": ["send", "pay", "i9", "help"], "surface": "menu"},
    },
    {
        "name": "blocks of an e-mail",
        "person": PERSON,
        "request": {"candidates": ["i2", "i4", "i6", "i11"], "k": 2, "surface": "email", "list_id": "m-7"},
    },
    {
        "name": "pins, one hidden, one unknown",
        "person": CHOSEN,
        "request": {
            "k": 6,
            "rules": rules(
                pin=[
                    {"item": "i30", "place": 2},
                    {"item": "i1", "place": 1},
                    {"item": "i8", "place": 3},
                    {"item": "elsewhere", "place": 4},
                ]
            ),
        },
    },
    {
        "name": "exclusions",
        "person": PERSON,
        "request": {
            "k": 32,
            "rules": rules(exclude={"items": ["i4"], "categories": ["Drama", "Health"], "before_year": 1980}),
        },
    },
    {
        "name": "caps and a pin and diversity",
        "person": PERSON,
        "request": {
            "k": 7,
            "diversity": 0.75,
            "rules": rules(
                pin=[{"item": "i2", "place": 1}],
                cap=[{"category": "Comedy", "most": 2}, {"each_category": True, "most": 3}],
            ),
        },
    },
    {
        "name": "what is new is lifted",
        "person": PERSON,
        "request": {"k": 5, "rules": rules(fresh={"since_year": 1995, "lift": 1.5})},
    },
    {
        "name": "what was met returns after a while",
        "person": PERSON,
        "request": {"k": 32, "now": 4_000 + 86_400, "rules": rules(seen={"again_after_days": 1})},
    },
]
FORGETTING: list[dict[str, object]] = [
    {"name": "one item", "person": CHOSEN, "forget": {"item": "i7"}, "request": {"k": 6}},
    {"name": "an item that was tuned", "person": CHOSEN, "forget": {"item": "i5"}, "request": {"k": 6}},
    {"name": "an item that was hidden", "person": CHOSEN, "forget": {"item": "i8"}, "request": {"k": 32}},
    {"name": "everything since a moment", "person": CHOSEN, "forget": {"since": 3_000}, "request": {"k": 6}},
    {"name": "an item never met", "person": CHOSEN, "forget": {"item": "i31"}, "request": {"k": 6}},
]
EXPLAINING: list[dict[str, object]] = [
    {"name": "an item met", "person": PERSON, "item": "i7"},
    {"name": "an item hidden", "person": CHOSEN, "item": "i8"},
    {"name": "an item tuned, in the evening", "person": CHOSEN, "item": "i6"},
    {"name": "an item nobody knows", "person": PERSON, "item": "elsewhere"},
    {"name": "a profile", "person": CHOSEN},
    {"name": "nobody's profile", "person": {}},
    {"name": "a profile without profiling", "person": CHOSEN, "profiling": False},
]
RULES: list[dict[str, object]] = [
    {"rules": [], "where": "rules must be an object"},
    {"rules": {}, "where": "rules.format"},
    {"rules": rules(boost=1), "where": "rules.boost"},
    {"rules": rules(price={"i1": 3}), "where": "rules.price"},
    {"rules": rules(pin=[{"item": "a", "place": 0}]), "where": "rules.pin[0].place"},
    {"rules": rules(pin=[{"item": "a", "place": True}]), "where": "rules.pin[0].place"},
    {"rules": rules(pin=[{"item": "a", "place": 1}, {"item": "a", "place": 2}]), "where": "rules.pin[1]"},
    {"rules": rules(pin=[{"item": "a", "place": 1, "discount": 5}]), "where": "rules.pin[0].discount"},
    {"rules": rules(pin=[{"item": "a", "place": 1}], exclude={"items": ["a"]}), "where": "rules.pin"},
    {"rules": rules(exclude={"categories": "Drama"}), "where": "rules.exclude.categories"},
    {"rules": rules(exclude={"before_year": 0}), "where": "rules.exclude.before_year"},
    {"rules": rules(cap=[{"most": 1}]), "where": "rules.cap[0]"},
    {"rules": rules(cap=[{"category": "Drama", "most": 1.5}]), "where": "rules.cap[0].most"},
    {"rules": rules(fresh={"since_year": 1990}), "where": "rules.fresh"},
    {"rules": rules(fresh={"since_year": 1990, "lift": -1}), "where": "rules.fresh.lift"},
    {"rules": rules(seen="sometimes"), "where": "rules.seen"},
    {"rules": rules(seen={"again_after_days": 0}), "where": "rules.seen.again_after_days"},
]
ERRORS: list[dict[str, object]] = [
    {"name": "no item wanted", "request": {"k": 0}, "code": "request_malformed"},
    {"name": "a candidate twice", "request": {"candidates": ["i1", "i1"]}, "code": "request_malformed"},
    {"name": "relevance of nothing", "request": {"relevance": [1.0]}, "code": "request_malformed"},
    {"name": "a negative diversity", "request": {"diversity": -1.0}, "code": "request_malformed"},
    {
        "name": "an unknown kind",
        "person": {"events": [{"item": "i1", "kind": "stare"}]},
        "code": "request_malformed",
    },
    {
        "name": "a negative weight",
        "person": {"events": [{"item": "i1", "weight": -1.0}]},
        "code": "request_malformed",
    },
    {"name": "a shift beyond reason", "person": {"tuned": {"i1": 1e9}}, "code": "request_malformed"},
    {"name": "no model", "model": "", "code": "model_unsafe"},
    {"name": "a model cut off", "model": "CAo=", "code": "model_unsafe"},
    {
        "name": "a catalogue of another format",
        "catalogue": '{"format":"else"}',
        "code": "catalogue_malformed",
    },
    {"name": "a catalogue that is no JSON", "catalogue": "{", "code": "catalogue_malformed"},
]
GRAPH: list[dict[str, object]] = [
    {"name": "nothing", "history": [], "kinds": [], "deltas": {}, "seen": [], "k": 4},
    {
        "name": "a history",
        "history": [3, 9, 17],
        "kinds": [1.0, 2.0, 1.0],
        "deltas": {},
        "seen": [3, 9, 17],
        "k": 4,
    },
    {"name": "against", "history": [3, 9], "kinds": [1.0, -2.0], "deltas": {}, "seen": [], "k": 5},
    {"name": "shifts", "history": [4], "kinds": [1.0], "deltas": {"0": 1.5, "8": -2.0}, "seen": [4], "k": 31},
    {"name": "all seen", "history": [], "kinds": [], "deltas": {}, "seen": list(range(ITEMS)), "k": 3},
]
