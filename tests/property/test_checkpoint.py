"""Checkpoints and log proofs: signed bytes open, any other bytes are refused, and a skipped check is caught."""

from collections.abc import Callable, Iterator
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import checkpoint, note
from privacy.checkpoint import (
    Checkpoint,
    LogProof,
    OriginError,
    open_checkpoint,
    sign_checkpoint,
    verify_log_proof,
)
from privacy.errors import PrivacyError
from privacy.keys import SigningKey, VerifyKey
from privacy.merkle import inclusion_proof, root

KEY = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes(32))
LEAVES = [b"a", b"b", b"c", b"d", b"e"]
HEAD = Checkpoint("penchant.example/log", 5, root(LEAVES))
NOTE = sign_checkpoint(HEAD, KEY)
PROOF = LogProof(2, inclusion_proof(2, LEAVES), NOTE).encode()


def changed(data: bytes, at: int, by: int) -> bytes:
    return data[:at] + bytes([data[at] ^ by]) + data[at + 1 :]


def passes(check: Callable[[], object]) -> bool:
    try:
        check()
    except PrivacyError:
        return False
    return True


class Opener(Protocol):
    """How a checkpoint of a known log is opened, rightly or not."""

    def __call__(self, data: bytes, key: VerifyKey, *, origin: str) -> Checkpoint: ...


def forgeries(opened: Opener = open_checkpoint) -> Iterator[str]:
    """Yield every forgery that an opener, and the present code behind it, believes."""
    forged = Checkpoint(HEAD.origin, 1, root([b"forged"]))
    unsigned = forged.text.encode() + NOTE[NOTE.index(b"\n\n") + 1 :]
    renamed = sign_checkpoint(Checkpoint("other.example/log", 5, HEAD.root), KEY)
    notes = {"of another key": sign_checkpoint(HEAD, OTHER), "another head under the signature": unsigned}
    for name, data in notes.items():
        if passes(lambda data=data: opened(data, KEY.public, origin=HEAD.origin)):  # type: ignore[misc]
            yield name
    if passes(lambda: opened(renamed, KEY.public, origin=HEAD.origin)):
        yield "of another log"
    proofs = {
        "another leaf": (PROOF, b"d"),
        "another index": (LogProof(1, inclusion_proof(2, LEAVES), NOTE).encode(), b"c"),
        "proof of a forged head": (LogProof(0, (), unsigned).encode(), b"forged"),
    }
    for name, (data, leaf) in proofs.items():
        if passes(lambda data=data, leaf=leaf: verify_log_proof(data, leaf, KEY.public)):  # type: ignore[misc]
            yield name


ORIGINS = st.text("abc./-é", min_size=1, max_size=20)


@given(ORIGINS, st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_signed_head_opens_as_it_was(origin: str, size: int, head: bytes) -> None:
    signed = Checkpoint(origin, size, head)
    assert open_checkpoint(sign_checkpoint(signed, KEY), KEY.public, origin=origin) == signed


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_a_checkpoint_changed_in_one_byte_is_refused(at: int, by: int) -> None:
    assert not passes(lambda: open_checkpoint(changed(NOTE, at, by), KEY.public))


@given(st.integers(0, len(PROOF) - 1), st.integers(1, 255))
def test_a_log_proof_changed_in_one_byte_is_refused(at: int, by: int) -> None:
    assert not passes(lambda: verify_log_proof(changed(PROOF, at, by), b"c", KEY.public))


@given(st.binary(max_size=80) | st.integers(0, len(PROOF)).map(lambda end: PROOF[:end]))
def test_any_bytes_are_a_proof_or_refused_with_our_error(data: bytes) -> None:
    if passes(lambda: LogProof.decode(data)):
        assert LogProof.decode(data).encode() == data
    passes(lambda: open_checkpoint(data, KEY.public))


@given(st.text("clog0123\n =+/AQindexra—", max_size=80))
def test_any_lines_below_the_header_are_a_proof_or_refused_with_our_error(lines: str) -> None:
    passes(lambda: LogProof.decode(b"c2sp.org/tlog-proof@v1\n" + lines.encode()))
    passes(lambda: open_checkpoint(lines.encode() + NOTE[NOTE.index(b"\n\n") :], KEY.public))


@pytest.mark.parametrize("index", range(5))
def test_every_entry_proves_itself_to_whoever_holds_the_key(index: int) -> None:
    proof = LogProof(index, inclusion_proof(index, LEAVES), NOTE).encode()
    assert verify_log_proof(proof, LEAVES[index], KEY.public, origin=HEAD.origin) == HEAD


def test_a_witness_may_sign_beside_the_log() -> None:
    witness = f"— witness.example {OTHER.public.base64}\n".encode()
    assert open_checkpoint(NOTE + witness, KEY.public) == HEAD


def test_another_log_of_the_same_key_is_named() -> None:
    with pytest.raises(OriginError):
        verify_log_proof(PROOF, b"c", KEY.public, origin="other.example/log")


def test_no_forgery_is_believed() -> None:
    assert list(forgeries()) == []


def test_a_skipped_signature_check_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VerifyKey, "verify", lambda self, message, signature: None)
    assert "another head under the signature" in list(forgeries())


def test_a_signature_of_any_key_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def any_text(data: bytes, *, name: str, key: VerifyKey) -> str:
        return note.split_note(data)[0]

    monkeypatch.setattr(checkpoint, "open_note", any_text)
    assert "of another key" in list(forgeries())


def test_a_skipped_inclusion_check_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "verify_inclusion", lambda leaf, **claim: None)
    assert {"another leaf", "another index"} <= set(forgeries())


def test_a_skipped_origin_check_is_caught() -> None:
    def careless(data: bytes, key: VerifyKey, *, origin: str) -> Checkpoint:
        return open_checkpoint(data, key)

    assert "of another log" in list(forgeries(careless))
