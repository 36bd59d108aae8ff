"""Ed25519 keys, and the names under which C2SP signed notes know them."""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from privacy.canonical import CanonicalError, from_base64, to_base64
from privacy.errors import PrivacyError

ED25519_NOTE = b"\x01"
"""The signature type of plain Ed25519 in signed notes."""


class KeyRefused(PrivacyError):
    """These are not the bytes or the text of a key: the caller needs another file, not another try."""

    code: ClassVar[str] = "key_refused"


class SignatureError(PrivacyError):
    """The key did not sign these bytes: nothing in them may be used."""

    code: ClassVar[str] = "signature_refused"


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """The public half: says whether bytes come from who holds the other half.

    Args:
        raw: 32 bytes as RFC 8032 encodes a public key.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != 32:
            raise KeyRefused(f"an Ed25519 public key has 32 bytes, not {len(self.raw)}")

    @classmethod
    def from_base64(cls, text: str) -> "VerifyKey":
        """Read a key from its base64.

        Raises:
            KeyRefused: the text is not the base64 of 32 bytes.
        """
        try:
            return cls(from_base64(text))
        except CanonicalError as problem:
            raise KeyRefused("a public key is written as the base64 of 32 bytes") from problem

    @property
    def base64(self) -> str:
        """The key as text."""
        return to_base64(self.raw)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return only if this key signed exactly this message.

        Raises:
            SignatureError: it did not.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError) as problem:
            raise SignatureError("the signature does not fit the message and the key") from problem

    def note_id(self, name: str) -> bytes:
        """Return the 4 bytes by which a signed note refers to this key under a name.

        Source: c2sp.org/signed-note: SHA-256(name || 0x0A || 0x01 || key)[:4].
        """
        return hashlib.sha256(name.encode() + b"\n" + ED25519_NOTE + self.raw).digest()[:4]

    def verifier(self, name: str) -> str:
        """Return ``name+id+base64``, the text that witnesses and verifiers of signed notes are given."""
        return f"{name}+{self.note_id(name).hex()}+{to_base64(ED25519_NOTE + self.raw)}"


def read_verifier(text: str) -> tuple[str, VerifyKey]:
    """Read ``name+id+base64`` into the name and its key.

    Raises:
        KeyRefused: the text is malformed, its id fits another key, or its type is not Ed25519.
    """
    name, _, rest = text.partition("+")
    try:
        key = VerifyKey(from_base64(rest.partition("+")[2])[1:])
        if is_name(name) and key.verifier(name) == text:
            return name, key
    except CanonicalError as problem:
        raise KeyRefused("a verifier ends in the base64 of a type and a key") from problem
    raise KeyRefused("a verifier reads name+id+base64, with the id that follows from name and key")


def is_name(name: str) -> bool:
    """Say whether a signed note may call a key so: non-empty, no space, no plus, no control character."""
    return bool(name) and not any(
        c.isspace() or c == "+" or c < " " or "\ud800" <= c <= "\udfff" for c in name
    )


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The secret half; it never shows in a repr.

    Args:
        seed: the 32 secret bytes of RFC 8032, for the operator's key file.
    """

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != 32:
            raise KeyRefused(f"an Ed25519 seed has 32 bytes, not {len(self.seed)}")

    @classmethod
    def generate(cls) -> "SigningKey":
        """Make a key from the operating system's random bits."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_seed(cls, seed: bytes) -> "SigningKey":
        """Return the key of these 32 secret bytes.

        Raises:
            KeyRefused: there are not 32 of them.
        """
        return cls(seed)

    @property
    def public(self) -> VerifyKey:
        """The half to hand out."""
        return VerifyKey(_loaded(self.seed).public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes that only this key makes of the message."""
        return _loaded(self.seed).sign(message)


@lru_cache(maxsize=16)
def _loaded(seed: bytes) -> Ed25519PrivateKey:
    """Return the key of a seed, ready to sign: making it ready costs as much as a signature."""
    return Ed25519PrivateKey.from_private_bytes(seed)
