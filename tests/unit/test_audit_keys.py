"""Keys: each is followed only over a leaf that it and its successor signed, and only to the one that is pinned."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from privacy.acts import KeyRotated
from privacy.audit.faults import Broken, Unreadable
from privacy.audit.verify import audit
from privacy.canonical import decode, encode
from privacy.checkpoint import LogProof, open_checkpoint, sign_checkpoint
from privacy.keys import SigningKey
from privacy.log_pins import Pins
from privacy.manifest import TrustAnchors
from privacy.rotation import rotated
from tests.bundles_made import LOG, LOG_NEXT, RELEASE, RELEASE_NEXT, rich, written
from tests.log_made import ORIGIN
from tests.unit.test_audit_rules import forged, rule_of

STRANGER = SigningKey.from_seed(b"?" * 32)
PEOPLE = {"proposed_by": "ann", "approved_by": "bob"}
ROTATIONS = {
    "another log's rotation": {"origin": "elsewhere.example/log"},
    "a rotation of a key not in use": {"old_key": STRANGER.public.base64},
    "a rotation that only the old key signed": {"new_key": STRANGER.public.base64},
    "a rotation approved by somebody else than who signed": {"approved_by": "eve"},
}


@pytest.mark.parametrize("what", ROTATIONS)
def test_a_key_is_followed_only_over_a_sound_rotation(what: str, tmp_path: Path) -> None:
    made = rich()
    at = next(at for at, e in enumerate(made.events) if isinstance(e, KeyRotated) and e.purpose == "release")
    made.events[at] = forged(made.events[at], **ROTATIONS[what])
    assert rule_of(made, tmp_path) == "key.rotation"


def trusting(log: SigningKey, release: SigningKey) -> bytes:
    return TrustAnchors(origin=ORIGIN, release_key=release.public, log_key=log.public).encode()


def test_a_trust_file_may_pin_the_keys_that_followed_the_first(tmp_path: Path) -> None:
    bundle = rich().bundle()
    for log, release in ((LOG_NEXT, RELEASE), (LOG, RELEASE_NEXT), (LOG_NEXT, RELEASE_NEXT)):
        found = audit(written(tmp_path, replace(bundle, trust=trusting(log, release))))
        assert len(found.releases) == 2


def test_keys_that_never_lead_to_the_pinned_one_are_refused(tmp_path: Path) -> None:
    bundle = rich().bundle()
    for log, release in ((STRANGER, RELEASE), (LOG, STRANGER)):
        with pytest.raises(Broken) as broken:
            audit(written(tmp_path, replace(bundle, trust=trusting(log, release))))
        assert broken.value.rule == "key.rotation"


def test_a_release_signed_by_a_key_that_was_replaced_is_refused(tmp_path: Path) -> None:
    made = rich()
    at = next(at for at, e in enumerate(made.events) if isinstance(e, KeyRotated) and e.purpose == "release")
    made.events.append(made.events.pop(at))
    assert rule_of(made, tmp_path) == "release.signature"


def test_a_replaced_key_of_the_log_signs_no_later_head(tmp_path: Path) -> None:
    made = rich()
    at = next(at for at, e in enumerate(made.events) if isinstance(e, KeyRotated) and e.purpose == "log")
    bundle = made.bundle()
    late = made.heads.index(next(size for size in made.heads if size > at + 1))
    heads = [*bundle.checkpoints]
    heads[late] = sign_checkpoint(open_checkpoint(heads[late], LOG_NEXT.public), LOG)
    with pytest.raises(Broken) as broken:
        audit(written(tmp_path, replace(bundle, checkpoints=heads)))
    assert broken.value.rule == "log.signature"


@pytest.mark.parametrize("new", [LOG, RELEASE, RELEASE_NEXT])
def test_a_new_key_never_signed_anything_before(new: SigningKey, tmp_path: Path) -> None:
    """The planted fault: a replaced key comes back, or one key signs two things."""
    made = rich()
    made.events.append(rotated(LOG_NEXT, new, origin=ORIGIN, purpose="log", **PEOPLE))
    with pytest.raises(Broken) as broken:
        audit(written(tmp_path, made.bundle()))
    assert broken.value.rule == "key.rotation"


def test_a_fresh_key_breaks_no_rule_of_rotation(tmp_path: Path) -> None:
    made = rich()
    made.events.append(rotated(LOG_NEXT, STRANGER, origin=ORIGIN, purpose="log", **PEOPLE))
    assert rule_of(made, tmp_path) == "log.signature", "all is well but that the newest head has the old key"


@pytest.mark.parametrize(("log", "release"), [(LOG, RELEASE), (LOG_NEXT, RELEASE), (LOG_NEXT, RELEASE_NEXT)])
def test_whoever_pins_any_of_the_keys_that_followed_each_other_agrees(
    log: SigningKey, release: SigningKey, tmp_path: Path
) -> None:
    path = written(tmp_path, rich().bundle())
    assert audit(path, trust=trusting(log, release)).pinned
    pins = Pins(origin=ORIGIN, key=log.public, consent_origin="any", consent_key=STRANGER.public)
    assert audit(path, pins=pins.encode()).pinned


@pytest.mark.parametrize(("log", "release"), [(STRANGER, RELEASE), (LOG, STRANGER), (RELEASE_NEXT, LOG_NEXT)])
def test_whoever_pins_a_key_that_leads_nowhere_in_this_log_is_told_so(
    log: SigningKey, release: SigningKey, tmp_path: Path
) -> None:
    path = written(tmp_path, rich().bundle())
    with pytest.raises(Broken) as broken:
        audit(path, trust=trusting(log, release))
    assert broken.value.rule == "trust.pinned"


def test_pins_of_another_log_or_by_another_key_are_told_apart(tmp_path: Path) -> None:
    path = written(tmp_path, rich().bundle())
    good = Pins(origin=ORIGIN, key=LOG.public, consent_origin="any", consent_key=STRANGER.public)
    for wrong in (replace(good, origin="other.example/log"), replace(good, key=STRANGER.public)):
        with pytest.raises(Broken) as broken:
            audit(path, pins=wrong.encode())
        assert broken.value.rule == "trust.pinned"
    for none in (b"{}", good.encode().replace(b"+", b"-", 1), trusting(LOG, RELEASE)):
        with pytest.raises(Unreadable, match="pins"):
            audit(path, pins=none)


BESIDE: dict[str, Callable[[list[Any]], object]] = {
    "another entry": lambda some: some[0]["entry"].update(approved_by="eve"),
    "another place": lambda some: some[0].update(index=some[0]["index"] - 1),
    "another order": lambda some: some.reverse(),
    "a rotation twice": lambda some: some.append(some[1]),
    "no rotation": lambda some: some[0].update(entry={"kind": "round_aborted", "line": "demo", "round": 1}),
    "nothing": lambda some: some.clear(),
}


@pytest.mark.parametrize("what", BESIDE)
def test_rotations_beside_a_proof_that_are_not_the_logs_are_refused(what: str, tmp_path: Path) -> None:
    bundle = rich().bundle()
    proof = LogProof.decode(bundle.releases[1].proof)
    body: Any = decode(proof.extra)
    assert len(body["rotations"]) == 2
    BESIDE[what](body["rotations"])
    forged = replace(bundle.releases[1], proof=replace(proof, extra=encode(body)).encode())
    with pytest.raises(Broken) as broken:
        audit(written(tmp_path, replace(bundle, releases=[bundle.releases[0], forged])))
    assert broken.value.rule == "release.proof"
