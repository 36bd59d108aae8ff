"""What travels over HTTP, as the OpenAPI document shows it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.consent import Decision, Purpose

NOTICE = "b2c1f0f5d6a9c1d9f5b0a0c7a1c3f1f5e4d3c2b1a09f8e7d6c5b4a3928171605"


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Enrolment(_Schema):
    """An app's word that this device is one of its own."""

    token: str | None = Field(
        default=None, max_length=4096, description="the app's own token, where the operator asks for one"
    )


class Enrolled(_Schema):
    """A subject that may decide now."""

    subject: str = Field(description="its pseudonym")


class ConsentOut(_Schema):
    """One purpose as it stands."""

    purpose: Purpose
    version: int = Field(description="rises with every change; grants need it in If-Match")
    decision: Decision | None = Field(description="null before the first choice; unconfirmed after a restore")
    permitted: bool = Field(description="whether use is allowed now; the only field that says yes")
    may_ask: bool = Field(description="whether an app may show the question now")
    notice: str = Field(description="digest of the notice shown, empty before the first choice")
    valid_until: int = Field(description="when a grant lapses, seconds since 1970 UTC; 0 otherwise")


class ConsentsOut(_Schema):
    """Every purpose of one subject."""

    subject: str
    consents: list[ConsentOut]
    gpc: bool = Field(
        description="whether this request carried Sec-GPC: 1, which refuses what leaves the device"
    )


class GrantIn(_Schema):
    """What was shown when the person said yes."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"notice": NOTICE, "language": "en"}]}
    )

    notice: str = Field(pattern="^[0-9a-f]{64}$", description="digest of the notice, from GET /v1/notices")
    language: str = Field(
        pattern="^[A-Za-z0-9-]{2,35}$", description="BCP 47 tag of the language it was shown in"
    )


class ReceiptOut(BaseModel):
    """A signed receipt: full content, for the person to keep."""

    receipt: dict[str, Any] = Field(description="ISO/IEC TS 27560 sections, JSON-LD over DPV terms")
    signature: str = Field(
        description="Ed25519 over `penchant consent receipt v1\\n` and the canonical JSON of `receipt`, base64"
    )
    key: str = Field(description="the service's public key, base64; see GET /v1/keys")


class ReceiptsOut(_Schema):
    """A page of receipts, oldest first."""

    receipts: list[ReceiptOut]
    next: int | None = Field(description="give as `after` for the next page; null on the last")


class NoticeOut(_Schema):
    """What a person is shown before they decide."""

    digest: str = Field(description="SHA-256 of the canonical content: the notice's name in every record")
    current: bool = Field(description="whether it still holds")
    content: dict[str, Any]


class NoticesOut(_Schema):
    """The notices that hold now."""

    notices: list[NoticeOut]


class KeyOut(_Schema):
    """A key that signs, or signed, receipts."""

    public: str = Field(description="base64")
    since: int = Field(description="seconds since 1970 UTC")


class KeysOut(_Schema):
    """Every key of the service."""

    keys: list[KeyOut]


class Gpc(_Schema):
    """The support document of Global Privacy Control."""

    gpc: Literal[True]
    lastUpdate: str


class Health(_Schema):
    """Whether the service is there."""

    status: Literal["ok"]


class UseIn(_Schema):
    """A use somebody is about to make of a subject's contribution."""

    subject: str = Field(pattern="^[0-9a-f]{64}$")
    version: int = Field(ge=0, le=2**62)


class ChecksIn(_Schema):
    """Uses to be checked, at most 1,000."""

    uses: list[UseIn] = Field(max_length=1000)


class ChecksOut(_Schema):
    """The answers, in order."""

    permitted: list[bool] = Field(
        description="as of now; a later moment may only deny, so commit by compare-and-set, never by this answer"
    )


class ChangeIn(_Schema):
    """A change for a second person to approve."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "credential", "payload": {"actor": "ada", "revoke": True}}]},
    )

    kind: Literal["budget", "notice", "credential", "key"]
    payload: dict[str, Any]


class ChangeOut(_Schema):
    """A change with its two people; a second one who is null has not approved yet."""

    number: int
    kind: str
    payload: dict[str, Any]
    proposed_by: str
    approved_by: str | None


class ChangesOut(_Schema):
    """A page of changes, oldest first."""

    changes: list[ChangeOut]
    next: int | None


class AdminEntry(_Schema):
    """One administrative read or write."""

    number: int
    at: int
    actor: str
    role: str
    action: str
    outcome: str


class AdminLogOut(_Schema):
    """A page of the record, oldest first."""

    entries: list[AdminEntry]
    next: int | None


class LedgerOut(_Schema):
    """A page of the public log, oldest first."""

    entries: list[dict[str, Any]] = Field(description="canonical JSON leaves")
    next: int | None


class RoundOut(_Schema):
    """Where a round stands; no count is in it."""

    line: str
    round: int
    state: Literal["open", "sealed", "committed", "aborted"]


class RoundsOut(_Schema):
    """Every round, by line and number."""

    rounds: list[RoundOut]
    next: int | None
