"""The label: every figure follows from the log, what is unknown or unsafe blocks, and its file holds nothing else."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import fields, replace
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.accountant import epsilon_prv
from privacy.acts import (
    AuditMeasured,
    CapChanged,
    HazardMitigated,
    HazardRaised,
    MetricReleased,
    NotCovered,
    NoticePublished,
    PeriodStarted,
    TuningAccounted,
)
from privacy.canonical import encode
from privacy.errors import PrivacyError
from privacy.events import Event, NotPrivate, PrivacyEvent, ReleasePublished
from privacy.label import Label, ReleaseBlocked, make_label, read_label
from privacy.label_diff import differences
from privacy.label_figures import upward
from privacy.label_page import page
from privacy.label_rows import Declarations, table
from privacy.label_text import text
from privacy.label_words import NAMES, for_a_person, promise
from privacy.standing import NoSuchLine
from tests.log_made import LINE, ORIGIN, SAID, declared, one_round, opening, whole_log


def label(events: list[Event], *, said: Declarations = SAID, sequence: int = 1, line: str = LINE) -> Label:
    return make_label(
        events,
        line,
        origin=ORIGIN,
        sequence=sequence,
        issued=1_790_000_000,
        expires=1_797_776_000,
        declared=said,
    )


LOG = whole_log()
GOOD = label(LOG)
DATA = GOOD.encode()
SCHEMA = json.loads((files("privacy") / "label.schema.json").read_text())
PUBLISHED = ReleasePublished(line=LINE, sequence=1, manifest="6" * 64)


def spends(events: Iterable[Event]) -> list[PrivacyEvent]:
    return [event for event in events if isinstance(event, PrivacyEvent)]


def without(kind: type) -> list[Event]:
    return [event for event in LOG if not isinstance(event, kind)]


def test_a_complete_honest_line_may_release() -> None:
    assert GOOD.because == ()
    GOOD.require()
    assert GOOD.figures["epsilon"] == upward(epsilon_prv(spends(LOG), 5e-4))
    assert GOOD.figures["rounds"] == 3
    assert float(GOOD.figures["epsilon_exact"]) <= float(GOOD.figures["epsilon"])
    assert [float(epsilon) for _, epsilon in GOOD.curve] == sorted(float(e) for _, e in GOOD.curve)


def test_it_is_what_its_published_schema_says_and_the_schema_knows_every_name() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(DATA), SCHEMA)
    assert set(SCHEMA["properties"]["figures"]["properties"]) == set(NAMES) == set(GOOD.figures)
    assert SCHEMA["$defs"]["row"]["properties"]["row"]["enum"] == [template["row"] for template in table()]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**json.loads(DATA), "more": 1}, SCHEMA)


def test_its_file_reads_back_and_its_digest_is_the_files() -> None:
    assert read_label(DATA) == GOOD
    assert hashlib.sha256(DATA).hexdigest() == GOOD.digest


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_label_changed_in_one_byte_has_another_digest_or_is_refused(at: int, by: int) -> None:
    try:
        other = read_label(DATA[:at] + bytes([DATA[at] ^ by]) + DATA[at + 1 :])
    except PrivacyError:
        return
    assert other.digest != GOOD.digest


BODY = json.loads(DATA)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.binary(max_size=60)
    | st.tuples(st.sampled_from(sorted(BODY)), ANY).map(lambda p: encode({**BODY, p[0]: p[1]}))
)
def test_any_bytes_are_a_label_or_refused_with_our_error(data: bytes) -> None:
    try:
        assert read_label(data).encode() == data
    except PrivacyError:
        return


BOUND = AuditMeasured(
    line=LINE, method="canaries", epsilon_lower=3.0, delta=5e-4, confidence=0.95, evidence="7" * 64
)

BLOCKERS: dict[str, tuple[list[Event], str]] = {
    "no noise": (list(opening()) + list(one_round(1, noise=0.0)), "above 8"),
    "stamped": ([*LOG, NotPrivate(line=LINE, reason="seeded_randomness")], "not private"),
    "above the ceiling": ([*opening(epsilon=50.0), *one_round(1, noise=0.45)], "above 8"),
    "over the line's cap": ([*opening(), *one_round(1, noise=0.8)], "cap over the line"),
    "over a release's cap": (
        [*LOG, CapChanged(line=LINE, scope="release", epsilon=0.5, proposed_by="ann", approved_by="bob")],
        "cap over the release",
    ),
    "an open hazard": ([*LOG, HazardRaised(hazard="lib-2", component="lib", version="1", reference="x")], "hazard"),
    "raised again": ([*LOG, HazardRaised(hazard="lib-1", component="lib", version="2", reference="x")], "hazard"),
    "tuned on private data": ([*LOG, NotCovered(line=LINE, activity="tuning", data="private_data")], "tuning"),
    "metrics on private data": ([*LOG, NotCovered(line=LINE, activity="metrics", data="private_data")], "metrics"),
    "measured on people": ([*LOG, NotCovered(line=LINE, activity="evaluation", data="private_data")], "metrics"),
    "nobody says how it was tuned": (without(NotCovered), "tuning"),
    "no notice": (without(NoticePublished), "consent"),
    "an attack does better than claimed": (
        [*LOG, BOUND],
        "lower bound",
    ),
    "more releases than declared": ([*LOG, PUBLISHED, replace(PUBLISHED, sequence=2)], "every release it declared"),
}  # fmt: skip


@pytest.mark.parametrize("name", ["no noise", "stamped"])
def test_a_line_stamped_not_private_claims_no_bound_in_any_words(name: str) -> None:
    found = label(BLOCKERS[name][0])
    told = " ".join([promise(found), *for_a_person(found)])
    assert "NOT PRIVATE" in told
    assert "Nothing bounds what this model tells about you" in told
    for shown_as in (told, page(found).split("The guarantee")[0], text(found).split("THE GUARANTEE")[0]):
        assert "times in 100" not in shown_as
        assert "<svg" not in shown_as
        assert "best attack" not in shown_as


@pytest.mark.parametrize("name", BLOCKERS)
def test_what_must_not_go_out_is_blocked_and_says_why(name: str) -> None:
    events, why = BLOCKERS[name]
    found = label(events)
    with pytest.raises(ReleaseBlocked, match=why) as caught:
        found.require()
    assert any(why in reason for reason in caught.value.because)
    jsonschema.validate(json.loads(found.encode()), SCHEMA)
    assert "Must not go out" in page(found)


@pytest.mark.parametrize("name", [field.name for field in fields(Declarations)])
def test_a_required_row_that_nobody_filled_blocks(name: str) -> None:
    found = label(LOG, said=replace(SAID, **{name: ""}))
    assert len(found.because) == 1
    assert found.because[0].endswith("is unknown")


def test_only_the_empirical_audit_may_be_unknown() -> None:
    assert {row.row for row in GOOD.rows if row.status == "unknown"} == {"empirical"}
    assert {row.row for row in GOOD.rows if not row.required} == {"empirical"}


def test_words_of_what_is_proved_or_enforced_hold_no_digit() -> None:
    shown = [row for row in GOOD.rows if row.status in ("proved", "enforced")]
    assert len(shown) > 15
    assert not [row.row for row in shown if any(c.isdigit() for c in row.says)]


def test_scopes_part_where_releases_and_periods_begin() -> None:
    later = [*LOG, PUBLISHED, PeriodStarted(line=LINE, period=2, starts=1_800_000_000), *one_round(4)]
    found = label(later, sequence=2).figures
    assert (
        found["epsilon_release"] == found["epsilon_period"] == upward(epsilon_prv(spends(one_round(4)), 5e-4))
    )
    assert float(found["epsilon"]) > float(GOOD.figures["epsilon"]) > float(found["epsilon_release"])
    assert (found["period"], found["releases_before"]) == (2, 0)


def test_metrics_tuning_and_other_lines_cost_what_they_cost() -> None:
    mechanism: dict[str, Any] = {"clipping_norm": 1.0, "noise_multiplier": 9.0, "sampling_rate": 1.0}
    paid: list[Event] = [
        *LOG,
        MetricReleased(line=LINE, metric="hits", number=1, mechanism="gaussian", **mechanism),
        TuningAccounted(line=LINE, number=1, mechanism="gaussian", looks=2, **mechanism),
        declared("other"),
        *one_round(1, line="other"),
    ]
    found = label(paid)
    assert {row.row: row.status for row in found.rows if row.row in ("metrics", "tuning")} == {
        "metrics": "proved", "tuning": "proved",
    }  # fmt: skip
    assert (found.figures["metrics"], found.figures["tuning_looks"], found.figures["lines"]) == (1, 2, 2)
    assert (
        float(GOOD.figures["epsilon"])
        < float(found.figures["epsilon"])
        < float(found.figures["epsilon_composed"])
    )


def test_a_line_nobody_declared_has_no_label() -> None:
    with pytest.raises(NoSuchLine, match="made-up"):
        label(LOG, line="other")


def test_two_labels_differ_in_what_changed_and_nothing_else() -> None:
    assert differences(GOOD, GOOD) == []
    changed = label([*LOG, *one_round(4)], said=replace(SAID, approver="bob"), sequence=2)
    found = {difference.what for difference in differences(GOOD, changed)}
    assert {"release", "row approver", "figure ε spent", "figure rounds paid for"} <= found
    assert "line" not in found
    assert "row trust" not in found


def test_a_mended_hazard_lets_it_go_out_again() -> None:
    raised = HazardRaised(hazard="lib-2", component="lib", version="1", reference="x")
    mended = HazardMitigated(hazard="lib-2", mitigation="m", test="t", evidence="8" * 64)
    assert label([*LOG, raised, mended]).may_go_out


class Outline(HTMLParser):
    """Collects what a screen reader walks by: headings, captions, table headers, pictures' names, ids."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_page_is_semantic_needs_no_script_and_no_network() -> None:
    html = page(GOOD)
    outline = Outline()
    outline.feed(html)
    assert outline.all("html")[0]["lang"] == "en"
    assert not outline.all("script")
    assert "http" not in html.replace("http-equiv", "")
    assert all(cell.get("scope") in ("row", "col") for cell in outline.all("th"))
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in outline.all("svg"))
    ids = {attributes["id"] for _, attributes in outline.tags if "id" in attributes}
    assert {part["aria-labelledby"] for part in outline.all("section")} <= ids
    assert [tag for tag, _ in outline.tags if tag in ("h1", "h2")].count("h1") == 1
    assert "prefers-color-scheme" in html
    assert GOOD.digest in html
    for delta, epsilon in GOOD.curve:
        assert f'<th scope="row">{delta}</th><td>{epsilon}</td>' in html


def test_words_from_outside_are_escaped() -> None:
    hostile = label(LOG, said=replace(SAID, approver="<script>alert(1)</script>"))
    assert "<script>" not in page(hostile)


def test_a_person_hears_the_odds_the_trust_and_the_way_out() -> None:
    told = " ".join(for_a_person(GOOD))
    assert "50 times in 100" in told
    assert "62 times in 100" in told
    assert "aggregator" in told
    assert "switch off at any time" in told
