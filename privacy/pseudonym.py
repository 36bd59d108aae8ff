"""Pairwise pseudonyms: a device shows each service another key, and its name there is the key's digest.

Two services that compare notes find nothing in common, and no name can be claimed without its key.
"""

import hashlib

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from privacy.keys import KeyRefused, SigningKey, VerifyKey


def derive_key(secret: bytes, *, audience: str) -> SigningKey:
    """Return the key a device shows to one service.

    Args:
        secret: 32 random bytes that never leave the person's devices.
        audience: the service's origin, e.g. ``https://consent.example``.

    Raises:
        KeyRefused: the secret has another length.

    Source: HKDF-SHA256, RFC 5869.
    """
    if len(secret) != 32:
        raise KeyRefused(f"a device secret has 32 bytes, not {len(secret)}")
    info = b"penchant pseudonym v1\n" + audience.encode()
    return SigningKey.from_seed(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret))


def subject_of(key: VerifyKey) -> str:
    """Return the pseudonym that belongs to a public key: 64 hex digits.

    >>> len(subject_of(SigningKey.from_seed(bytes(32)).public))
    64
    """
    return hashlib.sha256(b"penchant subject v1\n" + key.raw).hexdigest()
