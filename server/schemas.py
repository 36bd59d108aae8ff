"""What travels over HTTP, as the OpenAPI document shows it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.consent import Decision, Purpose

NOTICE = "b2c1f0f5d6a9c1d9f5b0a0c7a1c3f1f5e4d3c2b1a09f8e7d6c5b4a3928171605"
SUBJECT = "9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a"
PUBLIC = "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="
SIGNATURE = "pH7t" + 21 * "9sQe"


CONSENT = {
    "purpose": "federated_contribution",
    "version": 1,
    "decision": "granted",
    "permitted": True,
    "may_ask": False,
    "notice": NOTICE,
    "valid_until": 1_827_536_000,
}
RECEIPT = {
    "key": PUBLIC,
    "receipt": {
        "header": {"schema": "penchant-receipt-1", "subject": SUBJECT},
        "events": [{"decision": "granted", "version": 1, "at": 1_796_000_000, "effective": "at_ack"}],
    },
    "signature": SIGNATURE,
}


def example(**values: Any) -> ConfigDict:
    """Return a schema's configuration: nothing unknown is read, and this is what one looks like."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


class Schema(BaseModel):
    """What every schema shares."""

    model_config = ConfigDict(extra="forbid")


class Enrolment(Schema):
    """An app's word that this device is one of its own."""

    model_config = example(token="the app's word for this device")

    token: str | None = Field(
        default=None, max_length=4096, description="the app's own token, where the operator asks for one"
    )


class Enrolled(Schema):
    """A subject that may decide now."""

    model_config = example(subject=SUBJECT)

    subject: str = Field(description="its pseudonym")


class ConsentOut(Schema):
    """One purpose as it stands."""

    model_config = example(**CONSENT)

    purpose: Purpose
    version: int = Field(description="rises with every change; grants need it in If-Match")
    decision: Decision | None = Field(description="null before the first choice; unconfirmed after a restore")
    permitted: bool = Field(description="whether use is allowed now; the only field that says yes")
    may_ask: bool = Field(description="whether an app may show the question now")
    notice: str = Field(description="digest of the notice shown, empty before the first choice")
    valid_until: int = Field(description="when a grant lapses, seconds since 1970 UTC; 0 otherwise")


class ConsentsOut(Schema):
    """Every purpose of one subject."""

    model_config = example(subject=SUBJECT, consents=[CONSENT], gpc=False)

    subject: str
    consents: list[ConsentOut]
    gpc: bool = Field(
        description="whether this request carried Sec-GPC: 1, which refuses what leaves the device"
    )


class GrantIn(Schema):
    """What was shown when the person said yes."""

    model_config = example(notice=NOTICE, language="en")

    notice: str = Field(pattern="^[0-9a-f]{64}$", description="digest of the notice, from GET /v1/notices")
    language: str = Field(
        pattern="^[A-Za-z0-9-]{2,35}$", description="BCP 47 tag of the language it was shown in"
    )


class ReceiptOut(Schema):
    """A signed receipt: full content, for the person to keep."""

    model_config = example(**RECEIPT)

    receipt: dict[str, Any] = Field(description="ISO/IEC TS 27560 sections, JSON-LD over DPV terms")
    signature: str = Field(
        description="Ed25519 over `penchant consent receipt v1\\n` and the canonical JSON of `receipt`, base64"
    )
    key: str = Field(description="the service's public key, base64; see GET /v1/keys")


class ReceiptsOut(Schema):
    """A page of receipts, oldest first."""

    model_config = example(receipts=[RECEIPT], next=None)

    receipts: list[ReceiptOut]
    next: int | None = Field(description="give as `after` for the next page; null on the last")


class ProofOut(Schema):
    """What shows offline that a receipt stands in both logs; `penchant-server verify-receipt` reads it."""

    model_config = example(
        anchor='{"commitment":"...","kind":"consent_root_anchored","number":1}',
        anchor_proof="c2sp.org/tlog-proof@v1\n...",
        anchor_salt="9f" * 32,
        consent_proof="c2sp.org/tlog-proof@v1\n...",
    )

    anchor: str = Field(description="the public log's entry that commits to a head of the consent log")
    anchor_proof: str = Field(description="its c2sp.org/tlog-proof")
    anchor_salt: str = Field(description="opens that commitment, hex")
    consent_proof: str = Field(
        description="the receipt's c2sp.org/tlog-proof under that head, its salt as extra"
    )


class PinsOut(Schema):
    """Who signs the service's logs, as C2SP verifiers."""

    model_config = example(
        format="penchant-log-pins-1",
        public_log="penchant.example/log+0badc0de+AVn...",
        consent_log="penchant.example/log/consent+0badc0de+AVn...",
    )

    format: str
    public_log: str
    consent_log: str


class PurposeOut(Schema):
    """Something consent is asked for, by itself."""

    model_config = example(purpose="federated_contribution", leaves_the_device=True, days=365, quiet_days=183)

    purpose: Purpose
    leaves_the_device: bool = Field(description="whether something leaves the device; Sec-GPC refuses these")
    days: int = Field(description="how long a grant lasts")
    quiet_days: int = Field(description="how long nobody asks again after a refusal or a withdrawal")


class PurposesOut(Schema):
    """Every purpose, unbundled: each is decided alone, and none is needed for the product to work."""

    model_config = example(
        purposes=[
            {"purpose": "local_personalization", "leaves_the_device": False, "days": 365, "quiet_days": 183}
        ]
    )

    purposes: list[PurposeOut]


class NoticeOut(Schema):
    """What a person is shown before they decide."""

    model_config = example(
        digest=NOTICE, current=True, content={"purpose": "federated_contribution", "language": "en"}
    )

    digest: str = Field(description="SHA-256 of the canonical content: the notice's name in every record")
    current: bool = Field(description="whether it still holds")
    content: dict[str, Any]


class NoticesOut(Schema):
    """The notices that hold now."""

    model_config = example(
        notices=[{"digest": NOTICE, "current": True, "content": {"purpose": "federated_contribution"}}]
    )

    notices: list[NoticeOut]


class KeyOut(Schema):
    """A key that signs, or signed, receipts."""

    model_config = example(public=PUBLIC, since=1_796_000_000)

    public: str = Field(description="base64")
    since: int = Field(description="seconds since 1970 UTC")


class KeysOut(Schema):
    """Every key of the service."""

    model_config = example(keys=[{"public": PUBLIC, "since": 1_796_000_000}])

    keys: list[KeyOut]


class Gpc(Schema):
    """The support document of Global Privacy Control."""

    model_config = example(gpc=True, lastUpdate="2026-11-24")

    gpc: Literal[True]
    lastUpdate: str


class Health(Schema):
    """Whether the service is there."""

    model_config = example(status="ok")

    status: Literal["ok"]


class LedgerOut(Schema):
    """A page of the public log, oldest first."""

    model_config = example(entries=[{"kind": "round_aborted", "line": "main", "round": 3}], next=None)

    entries: list[dict[str, Any]] = Field(description="canonical JSON leaves")
    next: int | None
