"""Rankers over made-up releases, and drawn people and requests, for the tests of what a device decides."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from client.device.features import Index
from client.device.person import Context, Person
from client.device.ranking import Ranker
from client.device.release import VerifiedRelease
from client.device.request import Request
from client.device.rules import Cap, Rules
from client.device.runtime import Executor, Runtime
from client.device.slate import Event, Slate
from models.catalogue import Catalogue, withhold
from models.export import export_release
from models.parameters import GlobalParameters
from models.signals import DEFAULT
from privacy.attested import Seen
from privacy.manifest import Manifest, state
from privacy.terms import RELATION, UNIT, Guarantee
from tests.made import parameters

NOTHING = Guarantee(epsilon=math.inf, delta=1e-6, unit=UNIT, neighboring_relation=RELATION, trust="central")


def ranker(
    catalogue: Catalogue,
    params: GlobalParameters | None = None,
    *,
    executor: Callable[[bytes], Executor] = Runtime,
) -> Ranker:
    """Load a release that nobody signed: what is signed is the release's tests' affair."""
    exported = export_release(params or parameters(len(catalogue), taste=4, content=6), catalogue)
    return opened(exported.model, catalogue, executor=executor)


def opened(model: bytes, catalogue: Catalogue, *, executor: Callable[[bytes], Executor] = Runtime) -> Ranker:
    """Load a model's bytes under a manifest that nobody signed."""
    manifest = Manifest(
        line="tiny",
        sequence=1,
        sha256=hashlib.sha256(model).hexdigest(),
        size=len(model),
        issued=0,
        expires=1,
        rollout=1.0,
        label_digest=hashlib.sha256(b"no label").hexdigest(),
        privacy=state(NOTHING, private=False),
    )
    return Ranker(VerifiedRelease(manifest, model, catalogue, Seen()), executor=executor)


ITEMS = 40
GENRES = [("Drama",), ("Comedy",), ("Drama", "Comedy"), ("Health",), ()]
SIGNALS = replace(
    DEFAULT,
    shifts={"hour=evening": {"Comedy": 0.5}, "place=home": {"Drama": -0.25}, "plan=free": {"Comedy": 0.125}},
)
RAW = Catalogue(
    ids=tuple(f"i{item}" for item in range(ITEMS)),
    titles=tuple(f"Title {item}" for item in range(ITEMS)),
    years=np.arange(1960, 1960 + ITEMS, dtype=np.int16),
    genres=tuple(GENRES[item % 5] for item in range(ITEMS)),
    signals=SIGNALS,
)
CATALOGUE = withhold(RAW, ["Health"])
PARAMS = replace(parameters(ITEMS, taste=4, content=6), fade_in=0.5)
RANKER = ranker(CATALOGUE, PARAMS)
INDEX = Index(CATALOGUE)

items = st.integers(0, ITEMS + 2).map(lambda item: f"i{item}")
kinds = st.sampled_from(sorted(DEFAULT.kinds))
events = st.builds(
    Event, items, weight=st.sampled_from([0.0, 0.3, 1.0, 2.0]), kind=kinds, time=st.integers(0, 9)
)
contexts = st.builds(
    Context, hour=st.none() | st.integers(0, 23), place=st.sampled_from([None, "home", "work"])
)
people = st.builds(
    Person,
    events=st.lists(events, max_size=15),
    tuned=st.dictionaries(items, st.floats(-3, 3), max_size=3),
    hidden=st.lists(items, max_size=3),
    interests=st.lists(st.sampled_from(["Drama", "Comedy", "Health", "Nothing"]), max_size=3),
    attributes=st.sampled_from([{}, {"plan": "free"}, {"plan": "paid"}]),
    context=contexts,
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    candidates = draw(st.none() | st.lists(items, unique=True, max_size=20))
    relevance = None
    if candidates is not None and draw(st.booleans()):
        size = len(candidates)
        relevance = draw(st.lists(st.floats(-10, 10), min_size=size, max_size=size))
    rules = Rules(
        pins=draw(st.sampled_from([(), ((0, "i3"),), ((1, "i4"), (2, "i9"))])),
        caps=draw(st.sampled_from([(), (Cap("Drama", 2),), (Cap(None, 1),)])),
        since_year=1980,
        lift=draw(st.sampled_from([0.0, 0.75])),
        seen=draw(st.sampled_from([None, "show", "hide"])),
    )
    return Request(
        k=draw(st.none() | st.integers(1, 12)),
        candidates=candidates,
        relevance=relevance,
        rules=rules,
        diversity=draw(st.sampled_from([0.0, 0.5, 3.0])),
        list_id="list",
    )


def unexplained(slate: Slate) -> float:
    gaps = [abs(sum(reason.amount for reason in item.reasons) - item.score) for item in slate.items]
    return max(gaps, default=0.0)
