"""What people with a credential send and see, as the OpenAPI document shows it."""

from typing import Any, Literal

from pydantic import Field

from server.change_schemas import CHANGE
from server.schemas import SUBJECT, Schema, example

ENTRY = {
    "number": 1,
    "at": 1_796_000_000,
    "actor": "ada",
    "role": "auditor",
    "action": "GET /v1/admin-log",
    "outcome": "admitted",
}
SHOWN = {"number": 1, **CHANGE, "proposed_by": "grace", "approved_by": None}


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
