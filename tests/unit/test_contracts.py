"""The data contract: one line for each way an event is accepted or refused."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.device.contracts import KINDS, Code, StoredEvent, Verdict, judge, pack, unpack

NOW, KEPT = 1_790_000_000, 180 * 86_400
GOOD: dict[str, Any] = {"v": 1, "kind": "view", "item": "50", "time": NOW, "list": "a1", "context": {}}

REFUSED = [
    ({"v": 2}, "unsupported_version"),
    ({"v": "1"}, "unsupported_version"),
    ({"price": 3}, "unknown_field"),
    ({"kind": "hover"}, "unknown_kind"),
    ({"kind": ["view"]}, "unknown_kind"),
    ({"kind": None}, "unknown_kind"),
    ({"item": ""}, "malformed_item"),
    ({"item": 50}, "malformed_item"),
    ({"item": "é" * 129}, "malformed_item"),
    ({"item": "a\0b"}, "malformed_item"),
    ({"item": "\ud800"}, "malformed_item"),
    ({"time": None}, "malformed_time"),
    ({"time": True}, "malformed_time"),
    ({"time": float(NOW)}, "malformed_time"),
    ({"time": -1}, "malformed_time"),
    ({"list": "x" * 65}, "malformed_list"),
    ({"list": ["a"]}, "malformed_list"),
    ({"context": None}, "malformed_context"),
    ({"context": {"latitude": "48.1"}}, "malformed_context"),
    ({"context": {"hour": 24}}, "malformed_context"),
    ({"context": {"hour": "9"}}, "malformed_context"),
    ({"context": {"place": "48.1371, 11.5754"}}, "malformed_context"),
    ({"time": NOW + 301}, "from_the_future"),
    ({"time": NOW - KEPT - 1}, "too_old"),
]


@pytest.mark.parametrize(("change", "code"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_may_not_be_kept_is_refused_with_its_reason(change: dict[str, Any], code: Code) -> None:
    assert judge({**GOOD, **change}, now=NOW, retention=KEPT) == code
    assert len(Verdict(code, False).reason) > 10


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"time": NOW + 300},
        {"time": NOW - KEPT},
        {"kind": "open", "item": ""},
        {"item": "é" * 128},
        {"context": {"hour": 0, "place": "at home", "device": "phone", "channel": "e-mail"}},
    ],
    ids=str,
)
def test_what_may_be_kept_is(change: dict[str, Any]) -> None:
    event = judge({**GOOD, **change}, now=NOW, retention=KEPT)
    assert isinstance(event, StoredEvent)
    assert event.to_wire() == {**GOOD, **change}


def test_what_may_be_left_out_is_version_list_and_context() -> None:
    assert isinstance(judge({"kind": "view", "item": "5", "time": NOW}, now=NOW, retention=KEPT), StoredEvent)
    assert judge({}, now=NOW, retention=KEPT) == "unknown_kind"


def test_every_code_has_a_reason_and_no_reason_quotes_an_event() -> None:
    reasons = {Verdict(code, False).reason for code in get_args(Code)}
    assert len(reasons) == len(get_args(Code))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "price"]), anything))
def test_anything_gets_a_verdict(raw: dict[str, Any]) -> None:
    found = judge(raw, now=NOW, retention=KEPT)
    assert isinstance(found, StoredEvent) or found in get_args(Code)


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
facets = st.fixed_dictionaries(
    {},
    optional={
        "hour": st.integers(0, 23),
        "place": st.text("abc -", min_size=1, max_size=9),
        "device": st.text("abc -", min_size=1, max_size=9),
        "channel": st.text("äbc -", min_size=1, max_size=9),
    },
)
events = st.fixed_dictionaries(
    {
        "v": st.just(1),
        "kind": st.sampled_from(KINDS),
        "item": texts.filter(bool),
        "time": st.integers(NOW - KEPT, NOW),
        "list": st.text("abc123", max_size=32),
        "context": facets,
    }
)


@given(events)
def test_an_event_is_read_back_as_it_was_written(raw: dict[str, Any]) -> None:
    event = judge(raw, now=NOW, retention=KEPT)
    assert isinstance(event, StoredEvent)
    assert event.to_wire() == raw
    assert unpack(pack(event)) == event
    assert len(pack(event)) % 32 == 0


@given(st.lists(events, max_size=8))
def test_packed_events_sort_by_time(raws: list[dict[str, Any]]) -> None:
    found = [judge(raw, now=NOW, retention=KEPT) for raw in raws]
    packed = sorted(pack(event) for event in found if isinstance(event, StoredEvent))
    times = [unpack(data).time for data in packed]
    assert times == sorted(times)
