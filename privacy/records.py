"""Consent receipts: the full content of what was shown and chosen, signed, for a person to keep.

Sections follow ISO/IEC TS 27560 (header, processing, parties, events); terms are IRIs of the W3C Data Privacy
Vocabulary in a context written here, so that a reader needs no network.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from privacy.canonical import JSON, decode, encode, from_base64, to_base64
from privacy.errors import PrivacyError
from privacy.keys import SigningKey, VerifyKey

PREFIX = b"penchant consent receipt v1\n"
SCHEMA = "penchant-receipt-1"
DPV = "https://w3id.org/dpv#"
CONTEXT: dict[str, JSON] = {
    "controller": DPV + "hasDataController",
    "data": DPV + "hasPersonalData",
    "decision": DPV + "hasConsentStatus",
    "notice": DPV + "hasNotice",
    "purpose": DPV + "hasPurpose",
    "recipients": DPV + "hasRecipient",
    "retention_days": DPV + "hasStorageCondition",
    "subject": DPV + "hasDataSubject",
}


class ReceiptError(PrivacyError):
    """A receipt is not what its signer wrote: it proves nothing."""

    code: ClassVar[str] = "receipt_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFacts:
    """What one decision left behind.

    Args:
        subject: the pairwise pseudonym.
        purpose: what was decided on.
        decision: granted, withdrawn or refused.
        version: the consent version this made.
        notice: the whole notice shown, as JSON; empty where none was.
        notice_digest: its digest, hex; empty where none was.
        at: when the server decided, seconds since 1970 UTC.
        valid_until: when a grant lapses, 0 otherwise.
        effective: when it takes effect: ``at_ack``, or ``effective_by`` for a sum that cannot be taken apart.
        effective_by: the latest moment it takes effect, seconds since 1970 UTC.
        controller: who answers for the processing.
    """

    subject: str
    purpose: str
    decision: str
    version: int
    notice: Mapping[str, JSON]
    notice_digest: str
    at: int
    valid_until: int
    effective: str
    effective_by: int
    controller: str


def write_receipt(facts: ReceiptFacts, key: SigningKey) -> bytes:
    """Write and sign a receipt.

    Returns:
        Canonical JSON of an object: the receipt, the signature over its canonical bytes, and the key to check with.
    """
    receipt: dict[str, JSON] = {
        "@context": CONTEXT,
        "header": {
            "schema": SCHEMA,
            "subject": facts.subject,
            "id": hashlib.sha256(f"{facts.subject}/{facts.purpose}/{facts.version}".encode()).hexdigest(),
        },
        "processing": {
            "purpose": facts.purpose,
            "data": facts.notice.get("data", ""),
            "notice": dict(facts.notice),
            "notice_digest": facts.notice_digest,
        },
        "parties": {"controller": facts.controller},
        "events": [
            {
                "decision": facts.decision,
                "version": facts.version,
                "at": facts.at,
                "valid_until": facts.valid_until,
                "effective": facts.effective,
                "effective_by": facts.effective_by,
            }
        ],
    }
    content = encode(receipt)
    signature = to_base64(key.sign(PREFIX + content))
    return b'{"key":"%b","receipt":%b,"signature":"%b"}' % (
        key.public.base64.encode(),
        content,
        signature.encode(),
    )


def read_receipt(data: bytes, key: VerifyKey) -> dict[str, JSON]:
    """Verify a receipt from its canonical bytes and return its content.

    Raises:
        ReceiptError: malformed, or not signed by this key.
    """
    try:
        value = decode(data)
        if not isinstance(value, dict) or set(value) != {"receipt", "signature", "key"}:
            raise ReceiptError("a receipt holds receipt, signature and key")
        receipt, signature = value["receipt"], value["signature"]
        if not isinstance(receipt, dict) or not isinstance(signature, str):
            raise ReceiptError("a receipt's parts have other types")
        key.verify(PREFIX + encode(receipt), from_base64(signature))
    except ReceiptError:
        raise
    except PrivacyError as problem:
        raise ReceiptError(f"the receipt does not verify: {problem}") from None
    return receipt
