"""What people keep to check a service's logs offline: two names and two keys, in one file."""

from dataclasses import dataclass
from typing import ClassVar

from privacy.canonical import decode, encode
from privacy.consent_log import verify_receipt_proof
from privacy.errors import PrivacyError
from privacy.keys import VerifyKey, read_verifier
from privacy.succession import Followed

FORMAT = "penchant-log-pins-1"


class PinsRefused(PrivacyError):
    """The file does not say whose logs to believe: take it from the service's operator again."""

    code: ClassVar[str] = "pins_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What a person, or an auditor, keeps to check proofs offline.

    Args:
        origin: the public log's name.
        key: signs its heads.
        consent_origin: the consent log's name.
        consent_key: signs its heads.
    """

    origin: str
    key: VerifyKey
    consent_origin: str
    consent_key: VerifyKey

    def check(self, proof: bytes, receipt: bytes) -> Followed:
        """Return what shows that a receipt is anchored in the public log, over whatever keys were replaced since.

        Raises:
            PrivacyError: the proof does not hold; `verify_receipt_proof` names each way.
        """
        return verify_receipt_proof(
            proof,
            receipt,
            consent_key=self.consent_key,
            consent_origin=self.consent_origin,
            log_key=self.key,
            log_origin=self.origin,
        )

    def encode(self) -> bytes:
        """Write them as a file, the keys as C2SP verifiers."""
        consent, public = (
            self.consent_key.verifier(self.consent_origin),
            self.key.verifier(self.origin),
        )
        return encode({"consent_log": consent, "format": FORMAT, "public_log": public})

    @classmethod
    def decode(cls, data: bytes) -> "Pins":
        """Read them.

        Raises:
            PinsRefused: the bytes are no pins of this version.
        """
        try:
            body = decode(data)
            if not isinstance(body, dict) or body.keys() != {"consent_log", "format", "public_log"}:
                raise PinsRefused("pins hold consent_log, format and public_log, nothing else")
            consent, public = body["consent_log"], body["public_log"]
            if body["format"] != FORMAT or not isinstance(consent, str) or not isinstance(public, str):
                raise PinsRefused(f"this version reads {FORMAT} only")
            consent_origin, consent_key = read_verifier(consent)
            origin, key = read_verifier(public)
        except PinsRefused:
            raise
        except PrivacyError as problem:
            raise PinsRefused(f"not a file of pins: {problem}") from None
        return cls(origin=origin, key=key, consent_origin=consent_origin, consent_key=consent_key)
