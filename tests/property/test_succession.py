"""Who pinned an earlier key follows the rotations beside a proof; a forged, foreign or looping one leads nowhere."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import privacy.succession as module
from privacy.acts import KeyPurpose, KeyRotated
from privacy.canonical import decode, encode, to_base64
from privacy.checkpoint import Checkpoint, LogProof, sign_checkpoint, verify_log_proof
from privacy.errors import PrivacyError
from privacy.events import Event, RoundAborted, encode_event
from privacy.keys import SigningKey, VerifyKey
from privacy.ledger import Ledger
from privacy.rotation import rotated
from privacy.succession import MOST_BYTES, MOST_ROTATIONS, Followed, follow, follow_log_proof, read_steps
from privacy.tree import Tree

A, B, C, R, R2, THIEF = (SigningKey.from_seed(bytes([number]) * 32) for number in range(1, 7))
ORIGIN = "penchant.example/log"
LEAF = RoundAborted(line="demo", round=9)


def link(
    old: SigningKey, new: SigningKey, purpose: KeyPurpose = "log", *, origin: str = ORIGIN
) -> KeyRotated:
    return rotated(old, new, origin=origin, purpose=purpose, proposed_by="ann", approved_by="bob")


def proved(
    events: Sequence[Event],
    by: SigningKey,
    *,
    carried: Sequence[int] | None = None,
    beside: Sequence[KeyRotated] = (),
    origin: str = ORIGIN,
) -> bytes:
    """Return the proof that whoever holds `by` would make of LEAF after these events.

    Args:
        events: before the leaf.
        by: signs the head.
        carried: indices of rotations that go along, in this order; all of them by default.
        beside: rotations that go along at index 0 although the log does not hold them there.
    """
    log = [*events, LEAF]
    tree = Tree([encode_event(event) for event in log])
    places = [at for at, e in enumerate(log) if isinstance(e, KeyRotated)] if carried is None else carried
    steps = [(at, log[at]) for at in places] or [(0, event) for event in beside]
    rotations = [
        {
            "entry": decode(encode_event(event)),
            "index": at,
            "path": [to_base64(h) for h in tree.inclusion_proof(at)],
        }
        for at, event in steps
    ]
    extra = encode({"format": module.FORMAT, "rotations": rotations}) if rotations else b""
    head = sign_checkpoint(Checkpoint(origin, tree.size, tree.root()), by)
    return LogProof(len(log) - 1, tree.inclusion_proof(len(log) - 1), head, extra).encode()


def followed(data: bytes, pinned: SigningKey = A) -> Followed:
    return follow_log_proof(data, encode_event(LEAF), pinned.public, origin=ORIGIN)


FILLER: list[Event] = [RoundAborted(line="demo", round=number) for number in (1, 2, 3)]
HONEST: list[Event] = [
    *FILLER,
    link(A, B),
    link(R, R2, "release"),
    RoundAborted(line="demo", round=4),
    link(B, C),
]


def test_any_key_that_led_to_the_heads_is_a_pin_that_follows() -> None:
    for pinned in (A, B, C):
        found = followed(proved(HONEST, C), pinned)
        assert found.log.texts == tuple(key.public.base64 for key in (A, B, C))
    releases = followed(proved(HONEST, C)).chain("release", R.public)
    assert [releases.at(index) for index in (0, 4, 5, 99)] == [R.public, R.public, R2.public, R2.public]


def test_a_proof_without_rotations_is_what_it_always_was() -> None:
    plain = proved(FILLER, A)
    assert b"extra" not in plain
    assert followed(plain).checkpoint == verify_log_proof(plain, encode_event(LEAF), A.public)
    assert followed(plain).chain("receipt", R.public).newest == R.public


def test_a_reader_who_follows_nothing_still_reads_a_proof_that_carries_rotations() -> None:
    assert verify_log_proof(proved(HONEST, C), encode_event(LEAF), C.public, origin=ORIGIN).size == 8


def test_the_ledger_carries_what_its_reader_needs_and_no_more_than_is_read() -> None:
    keys = [SigningKey.from_seed(bytes([50 + number]) * 32) for number in range(MOST_ROTATIONS + 3)]
    log = Ledger(ORIGIN, keys[0])
    log.append(link(R, R2, "release"))
    for key in keys[1:]:
        log.rotate(key, proposed_by="ann", approved_by="bob")
    data = log.proof(log.append(LEAF), purposes=("log",))
    assert len(LogProof.decode(data).extra) < MOST_BYTES
    assert len(followed(data, keys[2]).steps) == MOST_ROTATIONS
    assert {step.event.purpose for step in followed(data, keys[2]).steps} == {"log"}
    with pytest.raises(PrivacyError, match="never lead to the pinned log key"):
        followed(data, keys[0])


def test_what_would_be_too_long_to_read_goes_along_without_its_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = Ledger(ORIGIN, A)
    log.rotate(B, proposed_by="ann", approved_by="bob")
    log.rotate(C, proposed_by="ann", approved_by="bob")
    at = log.append(LEAF)
    whole = len(LogProof.decode(log.proof(at)).extra)
    monkeypatch.setattr(module, "MOST_BYTES", whole - 1)
    assert len(followed(log.proof(at), B).steps) == 1
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    assert LogProof.decode(log.proof(at)).extra == b""


def thiefs_signature(event: KeyRotated) -> KeyRotated:
    return replace(event, old_signature=event.new_signature)


def repurposed(event: KeyRotated) -> KeyRotated:
    """Pass a rotation of the release key off as one of the log's."""
    return replace(event, purpose="log")


MANY = [SigningKey.from_seed(bytes([90 + number]) * 32) for number in range(MOST_ROTATIONS + 2)]
FORGED: dict[str, tuple[Callable[[], bytes], str]] = {
    "only the new key signed": (
        lambda: proved([*FILLER, thiefs_signature(link(A, THIEF))], THIEF),
        "old log key did not sign",
    ),
    "only the old key signed": (
        lambda: proved([*FILLER, replace(link(A, B), new_key=THIEF.public.base64)], THIEF),
        "key did not sign",
    ),
    "the old key signed for another purpose": (
        lambda: proved([*FILLER, repurposed(link(A, THIEF, "release"))], THIEF),
        "old log key did not sign",
    ),
    "a stolen release key makes itself the log's": (
        lambda: proved([*FILLER, link(R, THIEF)], THIEF),
        "never lead to the pinned log key",
    ),
    "a rotation of releases where the log's is needed": (
        lambda: proved([*FILLER, link(A, THIEF, "release")], THIEF),
        "signature of the pinned key",
    ),
    "a rotation that is not in the log": (
        lambda: proved(FILLER, THIEF, beside=[link(A, THIEF)]),
        "is not the rotation of the log key",
    ),
    "another log's rotation": (
        lambda: proved([*FILLER, link(A, THIEF, origin="other.example/log")], THIEF),
        "of another log than",
    ),
    "a chain with a gap": (lambda: proved([link(A, B), link(C, THIEF)], THIEF), "was not in use"),
    "a log that holds them in another order": (
        lambda: proved([link(B, C), link(A, B)], B),
        "was not in use",
    ),
    "rotations listed in another order": (
        lambda: proved([link(A, B), link(B, C)], C, carried=(1, 0)),
        "not in the order of the log",
    ),
    "a rotation listed twice": (
        lambda: proved([link(A, B)], B, carried=(0, 0)),
        "not in the order of the log",
    ),
    "a chain that comes back": (lambda: proved([link(A, B), link(B, A)], A), "come back to a replaced"),
    "more rotations than are read": (
        lambda: proved([link(a, b) for a, b in pairwise(MANY)], MANY[-1]),
        "carries 1 to 16",
    ),
    "a head of the replaced key": (lambda: proved(HONEST, B), "signature of the pinned key"),
    "another head's origin": (
        lambda: proved(HONEST, C, origin="other.example/log"),
        "of the log other.example/log",
    ),
}


def forgeries() -> list[str]:
    """Return every forgery that is followed all the same, from each key that somebody may have pinned."""
    passed = []
    for name, (make, _) in FORGED.items():
        try:
            followed(make(), MANY[0] if "more" in name else A)
            passed.append(name)
        except PrivacyError:
            continue
    return passed


@pytest.mark.parametrize("what", FORGED)
def test_no_forged_succession_is_followed_and_the_error_says_why(what: str) -> None:
    make, why = FORGED[what]
    with pytest.raises(PrivacyError, match=why):
        followed(make(), MANY[0] if "more" in what else A)


def test_a_skipped_signature_check_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "check_rotation", lambda event: None)
    assert {
        "only the new key signed",
        "only the old key signed",
        "the old key signed for another purpose",
    } <= set(forgeries())


def test_a_skipped_look_into_the_log_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_include", lambda leaf, index, path, head: None)
    assert forgeries() == ["a rotation that is not in the log"]


def test_a_skipped_look_at_order_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that takes any rotations it finds, and believes where the last one ends, follows them anywhere."""

    def anywhere(steps: Sequence[module.Step], purpose: KeyPurpose, pinned: VerifyKey) -> module.Chain:
        ends = [VerifyKey.from_base64(step.event.new_key) for step in steps if step.event.purpose == purpose]
        return module.Chain(((0, ends[-1] if ends else pinned),))

    monkeypatch.setattr(module, "_chain", anywhere)
    assert {
        "a stolen release key makes itself the log's",
        "a chain with a gap",
        "a log that holds them in another order",
        "a chain that comes back",
    } <= set(forgeries())


DATA = proved(HONEST, C)


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_proof_changed_in_one_byte_is_refused_with_our_error(at: int, by: int) -> None:
    changed = DATA[:at] + bytes([DATA[at] ^ by]) + DATA[at + 1 :]
    with pytest.raises(PrivacyError):
        followed(changed)


STEP = decode(LogProof.decode(DATA).extra)["rotations"][0]  # type: ignore[index,call-overload]
ODD = st.fixed_dictionaries(
    {},
    optional={
        "entry": st.just(STEP["entry"]) | st.text(max_size=5) | st.integers(-(2**53) + 1, 2**53 - 1),  # type: ignore[index,call-overload]
        "index": st.integers(-5, 5) | st.booleans() | st.text(max_size=3),
        "path": st.lists(st.text(max_size=5) | st.integers(0, 9), max_size=70),
        "more": st.none(),
    },
)


@given(
    st.binary(max_size=80)
    | st.lists(ODD, max_size=3).map(lambda some: encode({"format": module.FORMAT, "rotations": some}))
)
def test_any_bytes_beside_a_proof_are_refused_with_our_error(extra: bytes) -> None:
    with pytest.raises(PrivacyError):
        read_steps(extra, origin=ORIGIN)


def test_what_is_too_long_is_not_even_read() -> None:
    with pytest.raises(PrivacyError, match="at most"):
        read_steps(b" " * (MOST_BYTES + 1), origin=ORIGIN)
    with pytest.raises(PrivacyError):
        follow(b"", A.public, origin=ORIGIN)
