"""Keys: each is followed only over a leaf that it and its successor signed, and only to the one that is pinned."""

from dataclasses import replace
from pathlib import Path

import pytest

from privacy.acts import KeyRotated
from privacy.audit.faults import Broken
from privacy.audit.verify import audit
from privacy.checkpoint import open_checkpoint, sign_checkpoint
from privacy.keys import SigningKey
from privacy.manifest import TrustAnchors
from tests.bundles_made import LOG, LOG_NEXT, RELEASE, RELEASE_NEXT, rich, written
from tests.log_made import ORIGIN
from tests.unit.test_audit_rules import forged, rule_of

STRANGER = SigningKey.from_seed(b"?" * 32)
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
