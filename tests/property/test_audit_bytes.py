"""Any bytes to any reader of a promise give a value or our error: those of the audit and those it audits."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.audit import beside, forms, grammar, labels, manifests, notes, trust
from privacy.audit import pins as audit_pins
from privacy.audit.faults import Broken, Unreadable
from privacy.audit.verify import audit
from privacy.canonical import JSON, CanonicalError, decimal, decode, encode
from privacy.checkpoint import LogProof, open_checkpoint
from privacy.consent_log import read_leaf, verify_receipt_proof
from privacy.errors import PrivacyError
from privacy.events import KINDS, decode_event, encode_event
from privacy.fields import rules
from privacy.keys import read_verifier
from privacy.label import read_label
from privacy.log_pins import Pins
from privacy.manifest import TrustAnchors, open_manifest
from privacy.records import read_receipt
from privacy.succession import read_steps
from privacy.tiles import read_entry_bundle
from tests.bundles_made import LOG, RELEASE, TRUST, lines_of, rich, sealed, simple
from tests.log_made import ORIGIN

MADE = simple().bundle()
(RELEASED,) = MADE.releases
PINS = Pins(origin=ORIGIN, key=LOG.public, consent_origin="consents", consent_key=RELEASE.public)
KNOWN = [
    RELEASED.manifest, RELEASED.label, RELEASED.proof, MADE.checkpoints[0], TRUST.encode(), b'{"erased":3}',
    LOG.public.verifier(ORIGIN).encode(), b"\x00\x01a", *map(encode_event, rich().events),
    PINS.encode(), LogProof.decode(rich().bundle().releases[1].proof).extra,
]  # fmt: skip
PROVED = notes.read_proof(RELEASED.proof.decode())
READERS: dict[str, Callable[[bytes], object]] = {
    "canonical JSON": decode,
    "an event": decode_event,
    "a log proof": LogProof.decode,
    "a checkpoint": lambda data: open_checkpoint(data, LOG.public),
    "a manifest": lambda data: open_manifest(data, RELEASE.public),
    "a trust file": TrustAnchors.decode,
    "a label": read_label,
    "a leaf of the consent log": read_leaf,
    "a receipt": lambda data: read_receipt(data, LOG.public),
    "a receipt's proof": lambda data: verify_receipt_proof(
        data, b"{}", consent_key=LOG.public, consent_origin="a", log_key=LOG.public, log_origin="b"
    ),
    "rotations beside a proof": lambda data: read_steps(data, origin=ORIGIN),
    "pins of logs": Pins.decode,
    "an entry bundle": read_entry_bundle,
    "a verifier": lambda data: read_verifier(data.decode("utf-8", "surrogateescape")),
    "audit: JSON": forms.read,
    "audit: an event": lambda data: grammar.read_entry(0, data),
    "audit: a manifest": lambda data: manifests.read_manifest(data, "here"),
    "audit: a label": lambda data: labels.read_label(data, "here"),
    "audit: a trust file": lambda data: trust.read_trust(data, "here"),
    "audit: a head": lambda data: notes.read_head(data.decode("utf-8", "surrogateescape")),
    "audit: a log proof": lambda data: notes.read_proof(data.decode("utf-8", "surrogateescape")),
    "audit: rotations beside a proof": lambda data: beside.check_beside(replace(PROVED, beside=data), "here"),
    "audit: pins of logs": lambda data: audit_pins.read_pinned(None, data),
    "audit: a decimal": lambda data: forms.decimal(data.decode("utf-8", "surrogateescape")),
    "audit: base64": lambda data: forms.raw_bytes(data.decode("utf-8", "surrogateescape")),
}


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """Make any bytes, or bytes that were good before some of them were exchanged."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=300))
    data = draw(st.sampled_from(KNOWN))
    for _ in range(draw(st.integers(0, 4))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 3))
        data = data[:at] + draw(st.binary(max_size=3)) + data[at + length :]
    return data


def test_any_bytes_to_any_reader_give_a_value_or_our_error(capsys: pytest.CaptureFixture[str]) -> None:
    runs: Counter[str] = Counter()

    @settings(max_examples=1500)
    @given(spoiled())
    def read_everywhere(data: bytes) -> None:
        for name, read in READERS.items():
            try:
                read(data)
                runs["a value"] += 1
            except PrivacyError:
                runs["our error"] += 1
            runs[name] += 1

    read_everywhere()
    with capsys.disabled():
        total = runs["a value"] + runs["our error"]
        print(
            f"\n{total:,} readings by {len(READERS)} readers: {runs['a value']:,} values, the rest our errors"
        )
    assert min(runs[name] for name in READERS) >= 1500
    assert runs["a value"] > 100


def test_any_bytes_as_a_bundle_are_judged_or_refused(tmp_path: Path) -> None:
    path, whole = tmp_path / "made", sealed(lines_of(MADE))
    body = whole[: whole.rindex(b'{"sha256"')]

    @settings(max_examples=300)
    @given(st.binary(max_size=40), st.integers(0, len(body)), st.integers(0, 60))
    def judge(some: bytes, at: int, length: int) -> None:
        for data in (
            some,
            sealed([some]),
            sealed((body[:at] + some + body[at + length :]).split(b"\n")[:-1]),
        ):
            path.write_bytes(data)
            try:
                audit(path)
            except (Broken, Unreadable):
                continue
            assert data == whole

    judge()


SPELLINGS = [
    b"-0",
    b"01",
    b"1.0",
    b"1e3",
    b'"\\/"',
    b'"\\u0041"',
    b'"\\u001f"',
    b"[1, 2]",
    b'{"b":1,"a":2}',
    b'"\x7f"',
]
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400)
@given(values)
def test_both_readers_of_canonical_json_agree(value: JSON) -> None:
    assert forms.read(encode(value)) == value


@settings(max_examples=1500)
@given(
    spoiled()
    | st.sampled_from([b"-0", b"01", b"1.0", b"1e3", b'"\\/"', b'"\\u0041"', b"[1, 2]", b'{"b":1,"a":2}'])
)
def test_both_readers_refuse_the_same_spellings(data: bytes) -> None:
    def read(by: Callable[[bytes], object]) -> object:
        try:
            return by(data)
        except (CanonicalError, forms.NotCanonical):
            return "refused"

    assert read(forms.read) == read(decode)


@settings(max_examples=600)
@given(st.floats(min_value=0, allow_nan=False))
def test_both_spell_a_decimal_alike(value: float) -> None:
    assert forms.spelled(value) == decimal(value)
    assert forms.decimal(decimal(value)) == value


def test_both_know_the_same_events_by_the_same_fields() -> None:
    shapes = {kind: {part.split(":")[0] for part in spec.split()} for kind, spec in grammar.KINDS.items()}
    assert shapes == {kind: set(rules(event)) for kind, event in KINDS.items()}


@settings(max_examples=300)
@given(st.sampled_from(rich().events), st.data())
def test_the_grammar_reads_every_event_and_no_other_spelling_of_it(
    event: object, data: st.DataObject
) -> None:
    leaf = encode_event(event)  # type: ignore[arg-type]
    assert grammar.read_entry(0, leaf).says.keys() == {*decode(leaf)} - {"kind"}  # type: ignore[misc]
    at = data.draw(st.integers(0, len(leaf) - 1))
    changed = leaf[:at] + data.draw(st.binary(min_size=1, max_size=1)) + leaf[at + 1 :]

    def taken(by: Callable[[bytes], object]) -> bool:
        try:
            by(changed)
        except PrivacyError:
            return False
        return True

    two_persons = b"approved_by" in leaf  # one person alone is a rule of order to the audit, not of form
    assert taken(lambda some: grammar.read_entry(0, some)) == taken(decode_event) or two_persons
