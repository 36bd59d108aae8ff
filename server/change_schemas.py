"""What two people may change, as it travels over HTTP."""

from typing import Annotated, Any, Literal

from pydantic import Field

from server.admin import NAME, Role
from server.schemas import PUBLIC, Schema, example

SIGNATURE = 86 * "A" + "=="
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
    """Another key of the service in place of one, as `penchant-server rotate-key` prints it."""

    model_config = example(
        purpose="receipt", old=PUBLIC, public=PUBLIC, old_signature=SIGNATURE, new_signature=SIGNATURE
    )

    purpose: Literal["receipt", "log", "consent_log", "release"]
    old: str = Field(pattern="^[A-Za-z0-9+/]{43}=$")
    public: str = Field(pattern="^[A-Za-z0-9+/]{43}=$", description="the key that follows")
    old_signature: str = Field(pattern="^[A-Za-z0-9+/]{86}==$")
    new_signature: str = Field(pattern="^[A-Za-z0-9+/]{86}==$")


class CapIn(Schema):
    """A lower cap of a declared line."""

    model_config = example(line="main", scope="release", epsilon=1.0)

    line: str = Field(min_length=1, max_length=100)
    scope: Literal["line", "period", "release"] = Field(description="over what")
    epsilon: float = Field(gt=0, description="most that may be spent over it; it can only be lowered")


class PeriodIn(Schema):
    """A line's next budget period."""

    model_config = example(line="main")

    line: str = Field(min_length=1, max_length=100)


class HazardIn(Schema):
    """A known flaw of something in use; until it is mitigated nothing is released."""

    model_config = example(hazard="lib-1", component="lib", version="1.0", reference="lib.example/1")

    hazard: str = Field(min_length=1, max_length=100)
    component: str = Field(min_length=1, max_length=100)
    version: str = Field(min_length=1, max_length=100)
    reference: str = Field(min_length=1, max_length=100)


class MitigationIn(Schema):
    """A tested mitigation of a hazard."""

    model_config = example(
        hazard="lib-1", mitigation="pinned", test="tests/t.py::t", evidence=40 * "6" + 24 * "0"
    )

    hazard: str = Field(min_length=1, max_length=100)
    mitigation: str = Field(min_length=1, max_length=100)
    test: str = Field(min_length=1, max_length=100, description="the test that fails without it")
    evidence: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the source that mitigates")


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

    model_config = example(kind="key", payload={"purpose": "receipt", "public": PUBLIC})

    kind: Literal["key"]
    payload: KeyIn


class CapChange(Schema):
    """Lower a cap over a line, its periods, or its releases."""

    model_config = example(kind="cap", payload={"line": "main", "scope": "release", "epsilon": 1.0})

    kind: Literal["cap"]
    payload: CapIn


class PeriodChange(Schema):
    """Begin a line's next budget period."""

    model_config = example(kind="period", payload={"line": "main"})

    kind: Literal["period"]
    payload: PeriodIn


class HazardChange(Schema):
    """Raise a hazard, or record its mitigation."""

    model_config = example(kind="hazard", payload={"hazard": "lib-1", "component": "lib"})

    kind: Literal["hazard"]
    payload: HazardIn | MitigationIn


ChangeIn = Annotated[
    BudgetChange | CapChange | PeriodChange | HazardChange | NoticeChange | CredentialChange | KeyChange,
    Field(discriminator="kind"),
]
"""A change for a second person to approve."""
