"""Who signed and logged a release: the pinned keys, or those that followed them by rotations in the log."""

import hashlib
from typing import NamedTuple

from privacy.checkpoint import LogProof, verify_log_proof
from privacy.events import ReleasePublished, encode_event
from privacy.keys import SignatureError
from privacy.manifest import Manifest, TrustAnchors, open_manifest


class Seen(NamedTuple):
    """Keys of the log and of releases that followed each other, base64, oldest first.

    Args:
        log: up to the one that signed the head.
        release: up to the one in use when that head was signed.
    """

    log: tuple[str, ...] = ()
    release: tuple[str, ...] = ()


class Attested(NamedTuple):
    """A manifest, and the keys over which it was believed."""

    manifest: Manifest
    seen: Seen


def attest(manifest: bytes, proof: bytes, trust: TrustAnchors) -> Attested:
    """Return the manifest that the pinned keys, or keys that rotations lead to from them, signed and logged.

    Args:
        manifest: the manifest file.
        proof: its log proof, with the rotations that lead to later keys beside it.
        trust: the pinned keys.

    Raises:
        PrivacyError: it is not signed by the key of releases at its place in the log, not in the log, or a rotation
            does not hold; `privacy.succession.follow` names each way.
    """
    digest = hashlib.sha256(manifest).hexdigest()
    if not LogProof.decode(proof).extra:  # no key was ever replaced
        opened = open_manifest(manifest, trust.release_key)
        verify_log_proof(proof, _leaf(opened, digest), trust.log_key, origin=trust.origin)
        return Attested(opened, Seen((trust.log_key.base64,), (trust.release_key.base64,)))
    from privacy.succession import follow  # few devices ever need it

    followed = follow(proof, trust.log_key, origin=trust.origin)
    chain = followed.chain("release", trust.release_key)
    opened = open_manifest(manifest, chain.at(followed.index))
    followed.require(_leaf(opened, digest))
    return Attested(opened, Seen(followed.log.texts, chain.texts))


def check_newer(seen: Seen, before: Seen, trust: TrustAnchors) -> None:
    """Return only if a release rests on no key that an earlier one showed to be replaced.

    Args:
        seen: the keys over which it was believed.
        before: those over which the earlier one was.
        trust: what is pinned; where that is none of the keys before, they say nothing.

    Raises:
        SignatureError: it does.
    """
    for purpose, pinned, now, then in (
        ("log", trust.log_key, seen.log, before.log),
        ("release", trust.release_key, seen.release, before.release),
    ):
        if pinned.base64 in then and then[-1] not in now:
            raise SignatureError(f"it rests on a {purpose} key that was replaced before")


def _leaf(manifest: Manifest, digest: str) -> bytes:
    return encode_event(ReleasePublished(line=manifest.line, sequence=manifest.sequence, manifest=digest))
