"""Keys are replaced by a leaf that both sign; a chain with a foreign, lonely or replayed link is refused."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from privacy.acts import KeyRotated
from privacy.canonical import to_base64
from privacy.checkpoint import open_checkpoint
from privacy.errors import PrivacyError
from privacy.events import RoundAborted
from privacy.fields import RecordError
from privacy.keys import SignatureError, SigningKey, VerifyKey
from privacy.ledger import Ledger, LedgerError, read_ledger
from privacy.rotation import RotationError, check_rotation, current_key, rotated

A, B, C = (SigningKey.from_seed(bytes([number]) * 32) for number in (1, 2, 3))
ORIGIN = "penchant.example/log"


def link(old: SigningKey, new: SigningKey, *, origin: str = ORIGIN) -> KeyRotated:
    return rotated(old, new, origin=origin, purpose="log", proposed_by="ann", approved_by="bob")


def followed(events: list[KeyRotated]) -> VerifyKey:
    return current_key(events, origin=ORIGIN, purpose="log", first=A.public)


def forgeries() -> Iterator[str]:
    """Yield every broken chain that is followed all the same."""
    good = link(A, B)
    wrong = {
        "old key did not sign": replace(good, old_signature=to_base64(C.sign(b""))),
        "new key did not sign": replace(good, new_signature=good.old_signature),
        "another approver": replace(good, approved_by="carl"),
        "a key not in use": link(B, C),
        "another log": link(A, B, origin="other.example/log"),
        "another new key": replace(good, new_key=C.public.base64),
    }
    for name, event in wrong.items():
        try:
            followed([event])
        except PrivacyError:
            continue
        yield name


def test_a_chain_is_followed_to_its_end() -> None:
    assert followed([]) == A.public
    assert followed([link(A, B), link(B, C)]) == C.public
    assert check_rotation(link(A, B)) == (A.public, B.public)


def test_no_forged_link_is_followed() -> None:
    assert list(forgeries()) == []


def test_a_skipped_signature_check_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VerifyKey, "verify", lambda self, message, signature: None)
    assert {"old key did not sign", "new key did not sign", "another approver"} <= set(forgeries())


def test_one_person_or_one_key_rotates_nothing() -> None:
    log = Ledger(ORIGIN, A)
    with pytest.raises(RecordError):
        log.rotate(B, proposed_by="ann", approved_by="ann")
    with pytest.raises(RotationError):
        log.rotate(A, proposed_by="ann", approved_by="bob")
    assert (log.size, log.checkpoint()) == (0, Ledger(ORIGIN, A).checkpoint())


def test_rotations_of_other_keys_leave_the_logs_alone() -> None:
    other = rotated(B, C, origin=ORIGIN, purpose="release", proposed_by="ann", approved_by="bob")
    assert followed([other]) == A.public


def test_each_head_is_signed_by_the_key_of_its_time() -> None:
    log = Ledger(ORIGIN, A)
    log.append(RoundAborted(line="demo", round=1))
    log.rotate(B, proposed_by="ann", approved_by="bob")
    log.append(RoundAborted(line="demo", round=2))
    by: list[tuple[int, SigningKey, SigningKey]] = [(0, A, B), (1, A, B), (2, B, A), (3, B, A)]
    for size, right, wrong in by:
        assert open_checkpoint(log.checkpoint(size), right.public).size == size
        with pytest.raises(SignatureError):
            open_checkpoint(log.checkpoint(size), wrong.public)


def test_a_restart_after_a_rotation_signs_no_head_of_the_time_before() -> None:
    log = Ledger(ORIGIN, A)
    log.append(RoundAborted(line="demo", round=1))
    log.rotate(B, proposed_by="ann", approved_by="bob")
    again = Ledger.resume(log.export(), log.checkpoint(), origin=ORIGIN, key=B)
    assert again.checkpoint() == log.checkpoint()
    with pytest.raises(LedgerError):
        again.checkpoint(1)


def test_an_export_is_read_by_whoever_pinned_the_first_key_of_the_log() -> None:
    log = Ledger(ORIGIN, A)
    log.rotate(B, proposed_by="ann", approved_by="bob")
    log.rotate(C, proposed_by="ann", approved_by="carl")
    log.append(RoundAborted(line="demo", round=1))
    for key in (A, C):
        assert read_ledger(log.export(), log.checkpoint(), key.public, origin=ORIGIN) == log.events
    with pytest.raises(PrivacyError):
        read_ledger(log.export(), log.checkpoint(2), A.public, origin=ORIGIN)
    thiefs = Ledger(ORIGIN, SigningKey.from_seed(b"?" * 32))
    thiefs.append(link(A, B))
    with pytest.raises(SignatureError):
        read_ledger(thiefs.export(), thiefs.checkpoint(), A.public, origin=ORIGIN)
    unsigned = Ledger(ORIGIN, B)
    unsigned.append(replace(link(A, B), old_signature=to_base64(C.sign(b""))))
    with pytest.raises(SignatureError, match="old log key"):
        read_ledger(unsigned.export(), unsigned.checkpoint(), A.public, origin=ORIGIN)
