"""What people with a credential send and see, as the OpenAPI document shows it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from server.admin import NAME, Role
from server.schemas import PUBLIC, SUBJECT, Schema, example

TOKEN_DIGEST = "7d1a" + 15 * "52c0"
LINE = {
    "line": "main",
    "epsilon_budget": 4.0,
    "delta": 1e-6,
    "unit": "enrolled_subject",
    "neighboring_relation": "add_or_remove_one",
    "trust": "central",
    "declared_population": 1_000_000,
    "period_days": 365,
    "releases": 12,
}
CHANGE = {"kind": "credential", "payload": {"actor": "ada", "revoke": True}}
ENTRY = {
    "number": 1,
    "at": 1_796_000_000,
    "actor": "ada",
    "role": "auditor",
    "action": "GET /v1/admin-log",
    "outcome": "admitted",
}
SHOWN = {"number": 1, **CHANGE, "proposed_by": "grace", "approved_by": None}
Whole = Annotated[int, Field(ge=1, le=2**53 - 1)]


class LineIn(Schema):
    """A release line's declaration, or the same one with a lower budget."""

    model_config = example(**LINE)

    line: str = Field(min_length=1, max_length=100)
    epsilon_budget: float = Field(
        gt=0, description="most epsilon the line may ever spend; it can only be lowered"
    )
    delta: float = Field(gt=0, lt=1)
    unit: str
    neighboring_relation: str
    trust: str
    declared_population: Whole
    period_days: Whole
    releases: Whole


class NoticesIn(Schema):
    """A new edition of one notice, in every language at once."""

    model_config = example(
        notices=[
            {
                "purpose": "aggregate_metrics",
                "language": "en",
                "edition": 2,
                "title": "Count along, with noise",
                "text": "Your device contributes to counts.",
                "data": "Your device's bounded part in noisy counts.",
                "recipients": ["aggregator"],
                "retention_days": 365,
                "withdrawal": "Switch it off at any time.",
            }
        ]
    )

    notices: list[dict[str, Any]] = Field(min_length=1, max_length=100)


class CredentialIn(Schema):
    """A credential for somebody who made their own token with `penchant-server token`."""

    model_config = example(actor="ada", role="auditor", token_digest=TOKEN_DIGEST, days=30)

    actor: str = Field(pattern=NAME)
    role: Role
    token_digest: str = Field(pattern="^[0-9a-f]{64}$")
    days: int = Field(ge=1, le=365)


class RevocationIn(Schema):
    """The end of a credential."""

    model_config = example(actor="ada", revoke=True)

    actor: str = Field(pattern=NAME)
    revoke: Literal[True]


class KeyIn(Schema):
    """Another key of the service."""

    model_config = example(public=PUBLIC)

    public: str = Field(pattern="^[A-Za-z0-9+/]{43}=$")


class BudgetChange(Schema):
    """Declare a line, or lower its budget."""

    model_config = example(kind="budget", payload=LINE)

    kind: Literal["budget"]
    payload: LineIn


class NoticeChange(Schema):
    """Publish a new edition of a notice: consent under older ones ends."""

    model_config = example(
        kind="notice", payload={"notices": [{"purpose": "aggregate_metrics", "edition": 2}]}
    )

    kind: Literal["notice"]
    payload: NoticesIn


class CredentialChange(Schema):
    """Add or revoke a credential."""

    model_config = example(**CHANGE)

    kind: Literal["credential"]
    payload: CredentialIn | RevocationIn


class KeyChange(Schema):
    """Approve another signing key."""

    model_config = example(kind="key", payload={"public": PUBLIC})

    kind: Literal["key"]
    payload: KeyIn


ChangeIn = Annotated[BudgetChange | NoticeChange | CredentialChange | KeyChange, Field(discriminator="kind")]
"""A change for a second person to approve."""


class UseIn(Schema):
    """A use somebody is about to make of a subject's contribution."""

    model_config = example(subject=SUBJECT, version=1)

    subject: str = Field(pattern="^[0-9a-f]{64}$")
    version: int = Field(ge=0, le=2**62)


class ChecksIn(Schema):
    """Uses to be checked, at most 1,000."""

    model_config = example(uses=[{"subject": SUBJECT, "version": 1}])

    uses: list[UseIn] = Field(max_length=1000)


class ChecksOut(Schema):
    """The answers, in order."""

    model_config = example(permitted=[True])

    permitted: list[bool] = Field(
        description="as of now; a later moment may only deny, so commit by compare-and-set, never by this answer"
    )


class ChangeOut(Schema):
    """A change with its two people; a second one who is null has not approved yet."""

    model_config = example(**SHOWN)

    number: int
    kind: str
    payload: dict[str, Any]
    proposed_by: str
    approved_by: str | None


class ChangesOut(Schema):
    """A page of changes, oldest first."""

    model_config = example(changes=[SHOWN], next=None)

    changes: list[ChangeOut]
    next: int | None


class AdminEntry(Schema):
    """One administrative read or write."""

    model_config = example(**ENTRY)

    number: int
    at: int
    actor: str
    role: str
    action: str
    outcome: str


class AdminLogOut(Schema):
    """A page of the record, oldest first."""

    model_config = example(entries=[ENTRY], next=None)

    entries: list[AdminEntry]
    next: int | None


class RoundOut(Schema):
    """Where a round stands; no count is in it."""

    model_config = example(line="main", round=3, state="committed")

    line: str
    round: int
    state: Literal["open", "sealed", "committed", "aborted"]


class RoundsOut(Schema):
    """Every round, by line and number."""

    model_config = example(rounds=[{"line": "main", "round": 3, "state": "committed"}], next=None)

    rounds: list[RoundOut]
    next: int | None
