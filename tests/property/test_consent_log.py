"""The private consent log: content is erased, proofs and roots survive, and its length tells nothing."""

import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import consent_log as module
from privacy.canonical import encode
from privacy.checkpoint import Checkpoint, sign_checkpoint
from privacy.consent_log import (
    ConsentLogError,
    Erased,
    anchor,
    commitment,
    erasure,
    fill_tick,
    read_leaf,
    receipt_proof,
    verify_receipt_proof,
)
from privacy.errors import PrivacyError
from privacy.events import RoundAborted, decode_event, encode_event
from privacy.keys import SigningKey
from privacy.ledger import Ledger
from privacy.tree import Tree

CONSENT, LOG = SigningKey.from_seed(b"c" * 32), SigningKey.from_seed(b"l" * 32)
ORIGIN, PUBLIC = "penchant.example/consent", "penchant.example/log"
SLOTS = 16
RECORDS = [b'{"receipt":%d}' % number for number in range(5)]
SALTS = [bytes([number]) * 32 for number in range(5)]


def log(records: list[bytes] = RECORDS) -> tuple[list[bytes], list[int]]:
    leaves = [commitment(record, salt) for record, salt in zip(records, SALTS, strict=False)]
    return fill_tick(leaves, slots=SLOTS)


def proved(index: int = 2) -> bytes:
    leaves, places = log()
    tree, public = Tree(leaves), Ledger(PUBLIC, LOG)
    head = sign_checkpoint(Checkpoint(ORIGIN, tree.size, tree.root()), CONSENT)
    for number in range(1, 4):
        public.append(RoundAborted(line="demo", round=number))
    event = anchor(head, number=1, salt=b"a" * 32)
    proof = public.proof(public.append(event))
    return receipt_proof(
        tree, places[index], salt=SALTS[index], checkpoint=head, anchor_salt=b"a" * 32,
        anchored=encode_event(event), proof=proof,
    )  # fmt: skip


def holds(data: bytes, receipt: bytes, *, consent: SigningKey = CONSENT, public: SigningKey = LOG) -> bool:
    try:
        verify_receipt_proof(
            data, receipt, consent_key=consent.public, consent_origin=ORIGIN, log_key=public.public,
            log_origin=PUBLIC,
        )  # fmt: skip
    except PrivacyError:
        return False
    return True


def test_a_receipt_proves_its_place_in_both_logs_in_a_few_kilobytes() -> None:
    data = proved()
    assert holds(data, RECORDS[2])
    assert len(data) < 4096


@pytest.mark.parametrize("other", [RECORDS[1], RECORDS[2] + b" ", b""])
def test_another_receipt_is_not_proved_by_it(other: bytes) -> None:
    assert not holds(proved(), other)


def test_another_key_proves_nothing() -> None:
    assert not holds(proved(), RECORDS[2], consent=LOG)
    assert not holds(proved(), RECORDS[2], public=CONSENT)


DATA = proved()


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_proof_changed_in_one_byte_is_refused(at: int, by: int) -> None:
    assert not holds(DATA[:at] + bytes([DATA[at] ^ by]) + DATA[at + 1 :], RECORDS[2])


PARTS = st.dictionaries(st.sampled_from(sorted(json.loads(DATA))), st.text(), max_size=4).map(encode)


@given(st.binary(max_size=60) | PARTS)
def test_any_bytes_are_refused_with_our_error(data: bytes) -> None:
    assert not holds(data, RECORDS[2])


@pytest.mark.parametrize("part", sorted(json.loads(DATA)))
@pytest.mark.parametrize("wrong", ["", "é", "00" * 32, 7, None])
def test_a_proof_with_a_part_replaced_is_refused(part: str, wrong: Any) -> None:
    assert not holds(encode({**json.loads(DATA), part: wrong}), RECORDS[2])


def test_an_anchor_of_another_head_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.loads(DATA)
    forged = encode({**body, "anchor_salt": "00" * 32})
    assert not holds(forged, RECORDS[2])
    logged = decode_event(body["anchor"].encode())
    monkeypatch.setattr(module, "anchor", lambda checkpoint, *, number, salt: logged)
    assert holds(forged, RECORDS[2]), "without that comparison the forgery passes"


@given(st.integers(0, 4))
def test_erasing_content_changes_no_root_and_no_other_proof(gone: int) -> None:
    leaves, places = log()
    before = Tree(leaves)
    records: list[bytes | None] = list(RECORDS)
    records[gone] = None
    marker, marks = fill_tick([erasure(places[gone])], slots=SLOTS)
    after = Tree([*leaves, *marker])
    assert after.root(SLOTS) == before.root()
    assert read_leaf(marker[marks[0]]) == Erased(places[gone])
    for index, record in enumerate(records):
        if record is not None:
            assert leaves[places[index]] == commitment(record, SALTS[index])
            assert after.inclusion_proof(places[index], SLOTS) == before.inclusion_proof(places[index])


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=40))
def test_without_the_salt_a_guess_cannot_be_tested(salt: bytes, guess: bytes) -> None:
    tried = commitment(RECORDS[0], salt) == commitment(RECORDS[0], SALTS[0])
    assert tried == (salt == SALTS[0])
    assert commitment(guess, SALTS[0]) != commitment(RECORDS[0], SALTS[0])


def test_an_unsalted_commitment_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hmac, "digest", lambda key, content, how: how(content).digest())
    assert commitment(RECORDS[0], bytes(32)) == commitment(RECORDS[0], SALTS[0])


@given(st.integers(0, SLOTS))
def test_a_tick_is_as_long_and_as_wide_whoever_decided(many: int) -> None:
    leaves = [commitment(b"%d" % number, bytes(32)) for number in range(many)]
    tick, places = fill_tick(leaves, slots=SLOTS)
    assert len(tick) == SLOTS
    assert [tick[place] for place in places] == leaves
    assert {len(leaf) for leaf in tick} == {len(commitment(b"", bytes(32)))}
    assert len(set(tick)) == SLOTS
    assert all(read_leaf(leaf) is None for leaf in tick)


def test_a_tick_that_is_full_refuses_the_rest() -> None:
    with pytest.raises(ConsentLogError, match="next"):
        fill_tick([b"x"] * 3, slots=2)


def test_places_in_a_tick_are_drawn() -> None:
    assert len({fill_tick([b"x"], slots=SLOTS)[1][0] for _ in range(100)}) > 4


@pytest.mark.parametrize("salt", [b"", b"x" * 31, b"x" * 33])
def test_a_salt_of_another_length_is_refused(salt: bytes) -> None:
    with pytest.raises(ConsentLogError):
        commitment(b"", salt)


@pytest.mark.parametrize(
    "leaf",
    [
        {}, {"erased": -1}, {"erased": "1"}, {"erased": True}, {"commitment": "AB" * 32}, {"commitment": "ab"},
        {"commitment": "ab" * 32, "who": "me"}, [1],
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_leaf_is_refused(leaf: Any) -> None:
    with pytest.raises(ConsentLogError):
        read_leaf(encode(leaf))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_leaf_or_refused_with_our_error(data: bytes) -> None:
    try:
        read_leaf(data)
    except PrivacyError:
        return
    assert data.startswith(b'{"')
