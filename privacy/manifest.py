"""What a device checks before it opens a model: the signed manifest of a release, and the keys it trusts.

A manifest file is the canonical JSON of {"manifest": body, "signature": base64}. The signature covers a prefix that
no other signed format begins with, then the canonical body. The log proof stands in a file beside it, not in it: its
leaf is the `release_published` event with the SHA-256 of the whole manifest file.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from privacy.canonical import JSON, LARGEST_INTEGER, decode, encode, from_base64, to_base64
from privacy.errors import PrivacyError
from privacy.fields import (
    Delta,
    Digest,
    Name,
    Ordinal,
    ProtectedUnit,
    Record,
    RecordError,
    Relation,
    Rule,
    TrustModel,
    from_wire,
    one_of,
    real,
    whole,
)
from privacy.keys import SigningKey, VerifyKey, is_name
from privacy.terms import Guarantee

SIGNED_PREFIX = b"penchant release manifest v1\n"
"""What precedes the body in the signed bytes."""

TRUST_FORMAT = "penchant-trust-v1"
"""The version a trust file names."""

MOST_BYTES = 1 << 16
"""The longest manifest or trust file that is read at all."""


class ManifestError(PrivacyError):
    """The file is no manifest, or contradicts itself: the release must not be opened."""

    code: ClassVar[str] = "manifest_refused"


class TrustError(PrivacyError):
    """The trust file does not say whom to trust: nothing can be verified until it is replaced."""

    code: ClassVar[str] = "trust_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement(Record):
    epsilon: Annotated[float, real("zero or more, or inf", lambda x: x >= 0)]
    delta: Delta
    unit: ProtectedUnit
    neighboring_relation: Relation
    trust: TrustModel
    private: Annotated[Literal["true", "false"], one_of(Literal["true", "false"])]


def state(guarantee: Guarantee, *, private: bool) -> dict[str, str]:
    """Put a guarantee into the words of a manifest's `privacy`.

    Args:
        guarantee: what the release's line has spent.
        private: whether it holds; false also where a bound is finite but randomness was seeded.
    """
    statement = _Statement(
        epsilon=guarantee.epsilon,
        delta=guarantee.delta,
        unit=guarantee.unit,
        neighboring_relation=guarantee.neighboring_relation,
        trust=guarantee.trust,
        private="true" if private else "false",
    )
    return {name: str(value) for name, value in statement.to_wire().items()}


def _is_statement(stated: Any) -> bool:
    try:
        statement = from_wire(_Statement, stated) if isinstance(stated, dict) else None
    except RecordError:
        return False
    return statement is not None and (math.isfinite(statement.epsilon) or statement.private == "false")


Stated = Rule("what state(guarantee) writes: private only with a finite epsilon", _is_statement)
Seconds = Annotated[int, whole(0)]
Share = Annotated[float, real("a share from 0 to 1", lambda x: 0 <= x <= 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Record):
    """Say what a release is, so that a device can refuse any other file.

    Args:
        line: name of the release line.
        sequence: number of the release in its line, from 1; a device never goes back.
        sha256: SHA-256 of the model file.
        size: bytes of the model file.
        issued: when, in seconds since 1970 UTC.
        expires: from when on it must not personalize, in seconds since 1970 UTC.
        rollout: share of devices that take it, each deciding for itself.
        label_digest: SHA-256 of the privacy label.
        privacy: what `state` says of the line's guarantee.
    """

    line: Name
    sequence: Ordinal
    sha256: Digest
    size: Annotated[int, whole(1, LARGEST_INTEGER)]
    issued: Seconds
    expires: Seconds
    rollout: Share
    label_digest: Digest
    privacy: Annotated[Mapping[str, str], Stated]

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        if self.expires <= self.issued:
            raise ManifestError(f"release {self.sequence} of {self.line} would expire before it is issued")

    @property
    def guarantee(self) -> Guarantee:
        """The guarantee that `privacy` states."""
        stated = from_wire(_Statement, self.privacy)
        return Guarantee(
            epsilon=stated.epsilon,
            delta=stated.delta,
            unit=stated.unit,
            neighboring_relation=stated.neighboring_relation,
            trust=stated.trust,
        )

    @property
    def private(self) -> bool:
        """Whether the stated guarantee holds."""
        return self.privacy["private"] == "true"


def sign_manifest(manifest: Manifest, key: SigningKey) -> bytes:
    """Write and sign a manifest file."""
    body = manifest.to_wire()
    signature = key.sign(SIGNED_PREFIX + encode(body))
    return encode({"manifest": body, "signature": to_base64(signature)})


def open_manifest(data: bytes, key: VerifyKey) -> Manifest:
    """Return the manifest that this key signed.

    Raises:
        CanonicalError, ManifestError: the bytes are no manifest file.
        SignatureError: the key did not sign it.
        RecordError: the key signed fields that this version does not know, or senseless ones.
    """
    if len(data) > MOST_BYTES:
        raise ManifestError(f"a manifest is not longer than {MOST_BYTES} bytes")
    file = decode(data)
    if not isinstance(file, dict) or file.keys() != {"manifest", "signature"}:
        raise ManifestError("a manifest file holds a manifest and its signature, nothing else")
    body, signature = file["manifest"], file["signature"]
    if not isinstance(body, dict) or not isinstance(signature, str):
        raise ManifestError("the manifest is an object, its signature base64")
    key.verify(SIGNED_PREFIX + encode(body), from_base64(signature))
    return from_wire(Manifest, body)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAnchors:
    """Whom a device trusts: the contents of trust.json, pinned when the app is built.

    Args:
        origin: the log in which every release must stand.
        release_key: signs manifests.
        log_key: signs the log's checkpoints; another key than the releases'.
    """

    origin: str
    release_key: VerifyKey
    log_key: VerifyKey

    def __post_init__(self) -> None:
        if not is_name(self.origin):
            raise TrustError("an origin is not empty and holds no space, plus or control character")
        if self.release_key == self.log_key:
            raise TrustError(
                "releases and the log need keys of their own: one stolen key must not forge both"
            )

    def encode(self) -> bytes:
        """Write trust.json."""
        return encode(
            {
                "format": TRUST_FORMAT,
                "log_key": self.log_key.base64,
                "origin": self.origin,
                "release_key": self.release_key.base64,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> "TrustAnchors":
        """Read trust.json.

        Raises:
            CanonicalError, TrustError, KeyRefused: the file does not say whom to trust.
        """
        if len(data) > MOST_BYTES:
            raise TrustError(f"a trust file is not longer than {MOST_BYTES} bytes")
        body = decode(data)
        if not isinstance(body, dict) or body.keys() != {"format", "log_key", "origin", "release_key"}:
            raise TrustError("a trust file holds format, log_key, origin and release_key, nothing else")
        origin, release, log = (_string(body[name]) for name in ("origin", "release_key", "log_key"))
        if body["format"] != TRUST_FORMAT:
            raise TrustError(f"this version reads {TRUST_FORMAT} only")
        return cls(
            origin=origin, release_key=VerifyKey.from_base64(release), log_key=VerifyKey.from_base64(log)
        )


def _string(value: JSON) -> str:
    if not isinstance(value, str):
        raise TrustError("every entry of a trust file is a string")
    return value
