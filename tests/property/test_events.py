"""Events: what was recorded is what is read, and nothing else is an event; no field counts people."""

import json
import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import events
from privacy import fields as field_rules
from privacy.acts import TwoPersons
from privacy.canonical import encode
from privacy.errors import PrivacyError
from privacy.events import (
    KINDS,
    Event,
    PrivacyEvent,
    RoundTerms,
    decode_event,
    encode_event,
)
from privacy.fields import Record, RecordError, rules
from tests.strategies import EVENTS

SPENT = PrivacyEvent(
    line="demo", round=1, mechanism="gaussian", clipping_norm=1.0, noise_multiplier=2.5, sampling_rate=0.5,
    denominator=471.5,
)  # fmt: skip
BODY: dict[str, Any] = json.loads(encode_event(SPENT))

REVIEWED = {
    "LineDeclared": {
        "line", "epsilon_budget", "delta", "unit", "neighboring_relation", "trust", "declared_population",
        "period_days", "releases",
    },
    "RoundTerms": {
        "line", "round", "mechanism", "dimension", "clipping_norm", "noise_multiplier", "sampling_rate",
        "denominator", "scale_bits", "trust",
    },
    "PrivacyEvent": {
        "line", "round", "mechanism", "clipping_norm", "noise_multiplier", "sampling_rate", "denominator",
    },
    "RoundCommitted": {
        "line", "round", "model_in", "model_out", "config_digest", "code_digest", "consent_commitment",
    },
    "RoundAborted": {"line", "round"},
    "ReleasePublished": {"line", "sequence", "manifest"},
    "NotPrivate": {"line", "reason"},
    "NoticePublished": {"purpose", "language", "edition", "notice", "proposed_by", "approved_by"},
    "CapChanged": {"line", "scope", "epsilon", "proposed_by", "approved_by"},
    "PeriodStarted": {"line", "period", "starts"},
    "MetricReleased": {
        "line", "metric", "number", "mechanism", "clipping_norm", "noise_multiplier", "sampling_rate",
    },
    "TuningAccounted": {
        "line", "number", "mechanism", "clipping_norm", "noise_multiplier", "sampling_rate", "looks",
    },
    "NotCovered": {"line", "activity", "data"},
    "AccountantDeclared": {"line", "accountant", "version", "check", "check_version", "error"},
    "HazardRaised": {"hazard", "component", "version", "reference"},
    "HazardMitigated": {"hazard", "mitigation", "test", "evidence"},
    "KeyRotated": {
        "origin", "purpose", "old_key", "new_key", "old_signature", "new_signature", "proposed_by", "approved_by",
    },
    "ConsentRootAnchored": {"number", "commitment"},
    "ConsentLogGap": {"first", "last"},
    "ReleaseWithdrawn": {"line", "sequence", "reason"},
    "AuditMeasured": {"line", "method", "epsilon_lower", "delta", "confidence", "evidence"},
}  # fmt: skip
"""Every field of the public log, each looked at once: all are names, digests or constants declared beforehand."""

WRONG: dict[str, dict[str, Any]] = {
    "unknown kind": {**BODY, "kind": "gossip"},
    "kind of another type": {**BODY, "kind": ["privacy_event"]},
    "no kind": {name: value for name, value in BODY.items() if name != "kind"},
    "a count of people": {**BODY, "participants": 37},
    "missing field": {name: value for name, value in BODY.items() if name != "round"},
    "text for an integer": {**BODY, "round": "1"},
    "true for an integer": {**BODY, "round": True},
    "round zero": {**BODY, "round": 0},
    "integer for a decimal": {**BODY, "clipping_norm": 1},
    "loose decimal": {**BODY, "clipping_norm": "1.0"},
    "padded decimal": {**BODY, "denominator": " 471.5"},
    "NaN": {**BODY, "noise_multiplier": "nan"},
    "infinite noise": {**BODY, "noise_multiplier": "inf"},
    "negative noise": {**BODY, "noise_multiplier": "-1"},
    "no clipping": {**BODY, "clipping_norm": "0"},
    "infinite clipping norm": {**BODY, "clipping_norm": "inf"},
    "sampling rate zero": {**BODY, "sampling_rate": "0"},
    "sampling rate above one": {**BODY, "sampling_rate": "1.5"},
    "denominator zero": {**BODY, "denominator": "0"},
    "unknown mechanism": {**BODY, "mechanism": "laplace"},
    "empty line": {**BODY, "line": ""},
    "line break in a name": {**BODY, "line": "demo\n"},
    "nothing in a field": {**BODY, "line": None},
}


def accepted() -> set[str]:
    """Return the wrong events that the present code reads."""
    passed = set()
    for name, body in WRONG.items():
        try:
            decode_event(encode(body))
        except PrivacyError:
            continue
        passed.add(name)
    return passed


@given(EVENTS)
def test_what_was_recorded_is_what_is_read(event: Event) -> None:
    assert decode_event(encode_event(event)) == event
    assert encode_event(decode_event(encode_event(event))) == encode_event(event)


@given(EVENTS)
def test_on_the_wire_there_is_no_float_and_one_kind(event: Event) -> None:
    body = json.loads(encode_event(event))
    assert KINDS[body.pop("kind")] is type(event)
    assert all(type(value) in (str, int) for value in body.values())


@given(
    st.binary(max_size=60)
    | st.dictionaries(st.sampled_from(sorted(BODY)), st.none() | st.text(), max_size=8).map(encode)
)
def test_any_bytes_are_an_event_or_refused_with_our_error(data: bytes) -> None:
    try:
        event = decode_event(data)
    except PrivacyError:
        return
    assert encode_event(event) == data


def test_no_wrong_event_is_read() -> None:
    assert accepted() == set()


def test_no_field_can_hold_a_count_of_people() -> None:
    assert {kind.__name__: {field.name for field in fields(kind)} for kind in KINDS.values()} == REVIEWED


def test_every_kind_is_an_event_and_every_event_has_a_kind() -> None:
    assert set(KINDS.values()) == set(get_args(Event))


@pytest.mark.parametrize(
    "wrong",
    [
        {"round": 0}, {"round": 1.0}, {"clipping_norm": math.nan}, {"denominator": 10**400}, {"line": "a\tb"},
        {"sampling_rate": True},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_event_cannot_even_be_built(wrong: dict[str, Any]) -> None:
    values = {field.name: getattr(SPENT, field.name) for field in fields(SPENT)}
    with pytest.raises(RecordError):
        PrivacyEvent(**{**values, **wrong})


@given(EVENTS)
def test_nobody_approves_alone(event: Event) -> None:
    if isinstance(event, TwoPersons):
        with pytest.raises(RecordError, match="two people"):
            replace(event, approved_by=event.proposed_by)


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        SPENT.noise_multiplier = 0.0  # type: ignore[misc]


def test_what_is_no_event_is_not_recorded() -> None:
    with pytest.raises(RecordError):
        encode_event(Record())  # type: ignore[arg-type]


def test_numpy_floats_are_recorded_as_the_numbers_they_are() -> None:
    event = RoundTerms(
        line="demo", round=1, mechanism="popularity", dimension=3, clipping_norm=np.float64(1.5),
        noise_multiplier=2, sampling_rate=1, denominator=943, scale_bits=20, trust="central",
    )  # fmt: skip
    assert b'"clipping_norm":"1.5","denominator":"943"' in encode_event(event)
    assert decode_event(encode_event(event)) == event


def lets_unknown_fields_pass(record: type[Record], body: dict[str, Any]) -> Record:
    return field_rules.from_wire(record, {name: body.get(name) for name in rules(record)})


def checks_nothing(record: type[Record], body: dict[str, Any]) -> Record:
    return Record()


@pytest.mark.parametrize(
    ("fault", "slips"),
    [(lets_unknown_fields_pass, "a count of people"), (checks_nothing, "missing field")],
)
def test_a_lenient_reader_is_caught(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[..., Record], slips: str
) -> None:
    monkeypatch.setattr(events, "from_wire", fault)
    assert slips in accepted()


def test_a_lenient_decimal_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_rules, "number", float)
    assert {"loose decimal", "padded decimal"} <= accepted()


def test_skipped_ranges_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Record, "__post_init__", lambda self: None)
    assert {"negative noise", "no clipping", "sampling rate above one", "true for an integer"} <= accepted()
