"""A key is replaced by a leaf that the old key and the new key both sign, in the very log they vouch for."""

from collections.abc import Iterable
from typing import ClassVar

from privacy.acts import KeyPurpose, KeyRotated
from privacy.canonical import encode, from_base64, to_base64
from privacy.errors import PrivacyError
from privacy.events import Event
from privacy.keys import SignatureError, SigningKey, VerifyKey

PREFIX = b"penchant key rotation v1\n"
"""What precedes the statement in the signed bytes."""


class RotationError(PrivacyError):
    """A rotation that its keys did not sign, or that replaces a key not in use: the chain of trust ends there."""

    code: ClassVar[str] = "rotation_refused"


def statement(
    *, origin: str, purpose: KeyPurpose, old: VerifyKey, new: VerifyKey, proposed_by: str, approved_by: str
) -> bytes:
    """Return the bytes that both keys sign."""
    return PREFIX + encode(
        {
            "approved_by": approved_by,
            "new_key": new.base64,
            "old_key": old.base64,
            "origin": origin,
            "proposed_by": proposed_by,
            "purpose": purpose,
        }
    )


def rotated(
    old: SigningKey, new: SigningKey, *, origin: str, purpose: KeyPurpose, proposed_by: str, approved_by: str
) -> KeyRotated:
    """Return the leaf that replaces one key by another.

    Raises:
        RotationError: both are the same key.
    """
    if old == new:
        raise RotationError("a key is replaced by another one")
    signed = statement(
        origin=origin,
        purpose=purpose,
        old=old.public,
        new=new.public,
        proposed_by=proposed_by,
        approved_by=approved_by,
    )
    return KeyRotated(
        origin=origin,
        purpose=purpose,
        old_key=old.public.base64,
        new_key=new.public.base64,
        old_signature=to_base64(old.sign(signed)),
        new_signature=to_base64(new.sign(signed)),
        proposed_by=proposed_by,
        approved_by=approved_by,
    )


def check_rotation(event: KeyRotated) -> tuple[VerifyKey, VerifyKey]:
    """Return the old and the new key if both signed the rotation.

    Raises:
        SignatureError: one of them did not.
        KeyRefused, CanonicalError: a key or signature is malformed.
    """
    old, new = VerifyKey.from_base64(event.old_key), VerifyKey.from_base64(event.new_key)
    signed = statement(
        origin=event.origin,
        purpose=event.purpose,
        old=old,
        new=new,
        proposed_by=event.proposed_by,
        approved_by=event.approved_by,
    )
    _signed_by(old, signed, event.old_signature, f"old {event.purpose}")
    _signed_by(new, signed, event.new_signature, f"new {event.purpose}")
    return old, new


def _signed_by(key: VerifyKey, signed: bytes, signature: str, name: str) -> None:
    try:
        key.verify(signed, from_base64(signature))
    except SignatureError:
        raise SignatureError(f"the {name} key did not sign the rotation") from None


def current_key(events: Iterable[Event], *, origin: str, purpose: KeyPurpose, first: VerifyKey) -> VerifyKey:
    """Follow a log's rotations from a pinned key to the one in use at its end.

    Raises:
        RotationError: a rotation replaces a key that was not in use, or is of another log.
        SignatureError: one of its two keys did not sign it.
    """
    key = first
    for event in events:
        if isinstance(event, KeyRotated) and event.purpose == purpose:
            old, new = check_rotation(event)
            if old != key or event.origin != origin:
                raise RotationError(f"a {purpose} key was replaced that was not in use in {origin}")
            key = new
    return key
