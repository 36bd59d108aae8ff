"""The rows of a privacy label after NIST SP 800-226: what is promised, what could undermine it, what it rests on.

A row is proved (recomputed from the ledger), enforced (code that a test holds to it), declared (somebody's word) or
unknown; an unknown row that is required blocks the release. The words of a proved or enforced row hold no digit:
numbers stand in the label's figures, which the audit recomputes, and a row names those it is about. The words stand
in label_rows.toml; what follows from the log is found here.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from privacy.standing import Standing

Status = Literal["proved", "enforced", "declared", "unknown"]
Section = Literal["guarantee", "risks", "base", "meta"]
Found = tuple[Status, str, str]
"""Status, words, evidence."""

OPTIONAL = frozenset({"empirical"})
"""Rows that may be unknown."""
NOTHING = "nothing"
UNCOVERED = ("private_data", "public_benchmark", "public_knowledge")
"""On what something was done outside epsilon, the worst first."""
TRUST = {
    "central": "The aggregator sees each clipped contribution and must be trusted with it; readers of releases need "
    "not be.",
    "secure_sum": "The aggregator sees only sums of contributions, never one alone.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declarations:
    """What no ledger can show: the release's owner says it, or it is unknown.

    Args:
        one_person_one_id: how the app sees to it that a person enrols once.
        pretraining: what data the public starting point was made of.
        side_channels: what timing, traffic and the device's screen may tell.
        security: how keys, store and devices are protected.
        data_collected: what leaves a device, and what is kept.
        retention: how long it is kept.
        approver: who lets the release out.
    """

    one_person_one_id: str = ""
    pretraining: str = ""
    side_channels: str = ""
    security: str = ""
    data_collected: str = ""
    retention: str = ""
    approver: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a label.

    Args:
        row: its stable name.
        section: which of the four parts it belongs to.
        title: its name for people.
        required: whether it may not be unknown.
        status: how well it is known.
        says: one or two plain sentences.
        figures: the figures it is about, by name.
        evidence: where to look.
    """

    row: str
    section: Section
    title: str
    required: bool
    status: Status
    says: str
    figures: tuple[str, ...]
    evidence: str


def rows(standing: Standing, declared: Declarations) -> tuple[Row, ...]:
    """Return every row of a line's label, in the order it is read."""
    found = []
    for template in table():
        status, says, evidence = _known(template, standing, declared)
        found.append(
            Row(
                row=template["row"],
                section=template["section"],
                title=template["title"],
                required=template["row"] not in OPTIONAL,
                status=status,
                says=says,
                figures=tuple(template.get("figures", ())),
                evidence=evidence,
            )
        )
    return tuple(found)


def table() -> list[dict[str, Any]]:
    """Return the templates of every row."""
    text = (files("privacy") / "label_rows.toml").read_text(encoding="utf-8")
    templates: list[dict[str, Any]] = tomllib.loads(text)["row"]
    return templates


def _known(template: Mapping[str, Any], standing: Standing, declared: Declarations) -> Found:
    if "status" in template:
        return template["status"], template["says"], template["evidence"]
    if "declared" in template:
        text: str = getattr(declared, template["declared"])
        if not text:
            return "unknown", "Nobody has said.", NOTHING
        return "declared", text, "declared by the release's owner"
    return _FOUND[template["row"]](standing)


def _accountant(standing: Standing) -> Found:
    found = standing.accountant
    if found is None:
        return "unknown", "The log names no accountant.", NOTHING
    evidence = f"{found.accountant} {found.version}, checked by {found.check} {found.check_version}"
    return (
        "proved",
        "Two independent accountants bound epsilon and agree within their stated error.",
        evidence,
    )


def _cost(standing: Standing, *activities: str, paid: bool, unsaid: Found) -> Found:
    logged = "not_covered in the ledger"
    stamped = {standing.not_covered[each] for each in activities if each in standing.not_covered}
    data = next((each for each in UNCOVERED if each in stamped), None)
    if data == "private_data":
        return "unknown", "It was done on private data that epsilon does not cover.", logged
    if paid:
        return "proved", "Paid for: its noise is among the events epsilon is computed from.", "the ledger"
    if data == "public_benchmark":
        return "declared", "Done on a public benchmark, whose people epsilon does not cover.", logged
    if data == "public_knowledge":
        return "declared", "Settings come from public knowledge alone.", logged
    return unsaid


def _metrics(standing: Standing) -> Found:
    unsaid: Found = (
        "declared",
        "No metric of private data is on record, so none may be published.",
        "the ledger",
    )
    return _cost(standing, "metrics", "evaluation", paid=standing.metrics > 0, unsaid=unsaid)


def _tuning(standing: Standing) -> Found:
    unsaid: Found = "unknown", "Nobody recorded how the settings were chosen.", NOTHING
    return _cost(standing, "tuning", paid=standing.looks > 0, unsaid=unsaid)


def _hazards(standing: Standing) -> Found:
    if standing.open_hazards:
        return (
            "unknown",
            f"Nothing mitigates {', '.join(standing.open_hazards)}.",
            "hazard_raised in the ledger",
        )
    tests = ", ".join(event.test for event in standing.mitigated.values()) or "none was raised"
    return "enforced", "Every known flaw of a library in use has a mitigation that a test holds to it.", tests


def _empirical(standing: Standing) -> Found:
    found = standing.lower_bound
    if found is None:
        return "unknown", "No attack on planted canaries was measured for this line.", NOTHING
    return "declared", f"Planted canaries ({found.method}) bound epsilon from below.", found.evidence


def _trust(standing: Standing) -> Found:
    trust = standing.declared.trust
    return "declared", TRUST[trust], f"trust = {trust}, line_declared in the ledger"


def _consent(standing: Standing) -> Found:
    if not standing.notices or not standing.anchors:
        return "unknown", "The log holds no notice, or no root of the consent log.", NOTHING
    words = (
        "Each round is fenced on the consent it was made under; what people were shown is in the log by digest, and "
        "so is a commitment to the consent log."
    )
    return "enforced", words, "notice_published, consent_root_anchored, round_committed in the ledger"


def _code(standing: Standing) -> Found:
    if not standing.code:
        return "unknown", "No round was committed.", NOTHING
    return "declared", "Every round names the digest of the code it ran.", ", ".join(standing.code)


_FOUND: dict[str, Callable[[Standing], Found]] = {
    "accountant": _accountant,
    "metrics": _metrics,
    "tuning": _tuning,
    "hazards": _hazards,
    "empirical": _empirical,
    "trust": _trust,
    "consent": _consent,
    "code": _code,
}
