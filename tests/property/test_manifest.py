"""The manifest and the trust file: signed, complete, and not one byte else."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import manifest as module
from privacy.canonical import encode, to_base64
from privacy.checkpoint import verify_log_proof
from privacy.errors import PrivacyError
from privacy.events import ReleasePublished, encode_event
from privacy.fields import Record, RecordError
from privacy.keys import SignatureError, SigningKey, VerifyKey
from privacy.ledger import Ledger
from privacy.manifest import (
    Manifest,
    ManifestError,
    TrustAnchors,
    TrustError,
    open_manifest,
    sign_manifest,
    state,
)
from privacy.terms import RELATION, UNIT, Guarantee

KEY = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes(32))
GUARANTEE = Guarantee(epsilon=3.99, delta=5e-4, unit=UNIT, neighboring_relation=RELATION, trust="central")


def manifest(**other: Any) -> Manifest:
    values: dict[str, Any] = {
        "line": "movielens", "sequence": 3, "sha256": "ab" * 32, "size": 180_000, "issued": 1_700_000_000,
        "expires": 1_702_592_000, "rollout": 0.25, "label_digest": "cd" * 32,
        "privacy": state(GUARANTEE, private=True),
    }  # fmt: skip
    return Manifest(**{**values, **other})


GOOD = manifest()
DATA = sign_manifest(GOOD, KEY)
BODY: dict[str, Any] = json.loads(DATA)["manifest"]
TRUST = TrustAnchors(origin="penchant.example/log", release_key=KEY.public, log_key=OTHER.public)


def signed(body: Any, key: SigningKey = KEY, *, prefix: bytes | None = None) -> bytes:
    prefix = module.SIGNED_PREFIX if prefix is None else prefix
    return encode({"manifest": body, "signature": to_base64(key.sign(prefix + encode(body)))})


WRONG: dict[str, dict[str, Any]] = {
    "no size": {name: value for name, value in BODY.items() if name != "size"},
    "one field more": {**BODY, "url": "https://example.com"},
    "sequence zero": {**BODY, "sequence": 0},
    "sequence as text": {**BODY, "sequence": "3"},
    "empty model": {**BODY, "size": 0},
    "upper-case digest": {**BODY, "sha256": "AB" * 32},
    "short digest": {**BODY, "label_digest": "cd"},
    "expired when issued": {**BODY, "expires": BODY["issued"]},
    "negative time": {**BODY, "issued": -1},
    "rollout above one": {**BODY, "rollout": "1.5"},
    "rollout spelled loosely": {**BODY, "rollout": "0.250"},
    "privacy as text": {**BODY, "privacy": "epsilon 4"},
    "epsilon without delta": {**BODY, "privacy": {"epsilon": "3.99"}},
    "private without a bound": {**BODY, "privacy": {**BODY["privacy"], "epsilon": "inf"}},
    "private neither way": {**BODY, "privacy": {**BODY["privacy"], "private": "yes"}},
    "unknown trust": {**BODY, "privacy": {**BODY["privacy"], "trust": "us"}},
    "epsilon as a word": {**BODY, "privacy": {**BODY["privacy"], "epsilon": "small"}},
    "one privacy field more": {**BODY, "privacy": {**BODY["privacy"], "people": "943"}},
}


def forgeries() -> Iterator[str]:
    """Yield every file that the present code should refuse and opens."""
    unsigned = encode({"manifest": {**BODY, "sequence": 4}, "signature": json.loads(DATA)["signature"]})
    files = {
        "another key": signed(BODY, OTHER), "another body": unsigned, "another purpose": signed(BODY, prefix=b""),
        "another layout": json.dumps(json.loads(DATA), indent=1).encode(), "trailing byte": DATA + b"\n",
        "field outside": encode({**json.loads(DATA), "note": ""}), "no signature": encode({"manifest": BODY}),
        "signature as number": encode({"manifest": BODY, "signature": 1}), "list": encode([BODY]),
        "body as text": signed("manifest"), "too long": DATA + b" " * (1 << 16),
        **{name: signed(body) for name, body in WRONG.items()},
    }  # fmt: skip
    for name, data in files.items():
        try:
            open_manifest(data, KEY.public)
        except PrivacyError:
            continue
        yield name


@given(
    st.integers(1, 2**53 - 1), st.integers(0, 2**40), st.integers(1, 2**40), st.floats(0, 1), st.booleans(),
    st.floats(0, allow_nan=False), st.floats(0, 1, exclude_min=True, exclude_max=True),
)  # fmt: skip
def test_what_was_signed_is_what_opens(
    sequence: int, issued: int, days: int, rollout: float, private: bool, epsilon: float, delta: float
) -> None:
    guarantee = Guarantee(
        epsilon=epsilon, delta=delta, unit=UNIT, neighboring_relation=RELATION, trust="central"
    )
    stated = state(guarantee, private=private and math.isfinite(epsilon))
    one = manifest(sequence=sequence, issued=issued, expires=issued + days, rollout=rollout, privacy=stated)
    opened = open_manifest(sign_manifest(one, KEY), KEY.public)
    assert opened == one
    assert opened.guarantee == guarantee
    assert opened.private == (private and math.isfinite(epsilon))


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_manifest_changed_in_one_byte_is_refused(at: int, by: int) -> None:
    with pytest.raises(PrivacyError):
        open_manifest(DATA[:at] + bytes([DATA[at] ^ by]) + DATA[at + 1 :], KEY.public)


@given(st.binary(max_size=80) | st.integers(0, len(DATA) - 1).map(lambda end: DATA[:end]))
def test_any_bytes_are_refused_with_our_error(data: bytes) -> None:
    with pytest.raises(PrivacyError):
        open_manifest(data, KEY.public)
    with pytest.raises(PrivacyError):
        TrustAnchors.decode(data)


def test_no_forgery_opens() -> None:
    assert list(forgeries()) == []


def test_the_key_decides() -> None:
    with pytest.raises(SignatureError):
        open_manifest(DATA, OTHER.public)


def test_a_senseless_manifest_cannot_even_be_built() -> None:
    with pytest.raises(ManifestError):
        manifest(expires=1)
    with pytest.raises(RecordError):
        manifest(privacy={"epsilon": "4"})


def test_a_seeded_run_states_its_bound_and_that_it_does_not_hold() -> None:
    seeded = manifest(privacy=state(GUARANTEE, private=False))
    assert not seeded.private
    assert seeded.guarantee == GUARANTEE


def test_its_digest_stands_in_the_log_and_proves_it() -> None:
    log = Ledger(TRUST.origin, OTHER)
    leaf = ReleasePublished(line=GOOD.line, sequence=GOOD.sequence, manifest=hashlib.sha256(DATA).hexdigest())
    proof = log.proof(log.append(leaf))
    assert verify_log_proof(proof, encode_event(leaf), TRUST.log_key, origin=TRUST.origin).size == 1


def test_a_skipped_signature_check_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VerifyKey, "verify", lambda self, message, signature: None)
    assert {"another key", "another body"} <= set(forgeries())


def test_a_signature_without_purpose_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SIGNED_PREFIX", b"")
    assert "another purpose" in set(forgeries())


def test_a_lenient_reader_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "decode", json.loads)
    assert {"another layout", "trailing byte"} <= set(forgeries())


def test_skipped_ranges_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Record, "__post_init__", lambda self: None)
    assert {"sequence zero", "empty model", "private without a bound"} <= set(forgeries())


def test_a_trust_file_reads_back_and_holds_nothing_else() -> None:
    data = TRUST.encode()
    assert TrustAnchors.decode(data) == TRUST
    assert set(json.loads(data)) == {"format", *(field.name for field in fields(TRUST))}


@pytest.mark.parametrize(
    "change",
    [
        {"format": "penchant-trust-v2"}, {"origin": ""}, {"origin": "a b"}, {"origin": 1}, {"log_key": "AAAA"},
        {"log_key": KEY.public.base64}, {"release_key": None}, {"witness": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_a_trust_file_that_does_not_say_whom_to_trust_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PrivacyError):
        TrustAnchors.decode(encode({**json.loads(TRUST.encode()), **change}))


def test_one_key_for_everything_is_refused() -> None:
    with pytest.raises(TrustError):
        TrustAnchors(origin=TRUST.origin, release_key=KEY.public, log_key=KEY.public)
