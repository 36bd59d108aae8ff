"""A label beside what the log gives: its form, its rows and its verdict."""

import hashlib
import re
from collections.abc import Mapping, Set
from typing import Any, NamedTuple

from privacy.audit.accounting import account
from privacy.audit.faults import Broken
from privacy.audit.figures import against, check_accountants, check_curve, check_figures, curve, figures
from privacy.audit.forms import NotCanonical, read
from privacy.audit.tally import Tally, Whole

FORMAT = "penchant-label-1"
FIELDS = {
    "format": str, "line": str, "sequence": int, "origin": str, "entries": int, "issued": int, "expires": int,
    "figures": dict, "curve": list, "rows": list, "verdict": dict,
}  # fmt: skip
ROW = {
    "row": str, "section": str, "title": str, "required": bool, "status": str, "says": str, "figures": list,
    "evidence": str,
}  # fmt: skip
OPTIONAL = "empirical"
STATUS = {
    "epsilon": "proved", "curve": "proved", "odds": "proved", "caps": "enforced", "unit": "enforced",
    "person": "said", "neighbours": "declared", "contribution": "enforced", "released": "proved",
    "mechanism": "enforced", "accountant": "found", "sampling": "enforced", "population": "declared",
    "dropout": "enforced", "metrics": "found", "tuning": "found", "composition": "proved", "pretraining": "said",
    "randomness": "enforced", "floating_point": "enforced", "hazards": "found", "side_channels": "said",
    "empirical": "found", "trust": "declared", "security": "said", "data": "said", "retention": "said",
    "consent": "found", "code": "found", "recompute": "proved", "approver": "said", "expiry": "enforced",
    "witness": "declared",
}  # fmt: skip
"""Row to its status: fixed, said by the release's owner (declared, or unknown), or found in the log."""


class Label(NamedTuple):
    """A label's bytes and the value they stand for."""

    data: bytes
    body: dict[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256, hex."""
        return hashlib.sha256(self.data).hexdigest()


def read_label(data: bytes, where: str) -> Label:
    """Read a label's form.

    Raises:
        Broken: it is no label of this version.
    """
    try:
        body = read(data)
    except NotCanonical as problem:
        raise Broken("label.form", where, f"{problem}") from None
    _require(
        _has(body, FIELDS) and body["format"] == FORMAT, where, "a field is missing, unknown or mistyped"
    )
    verdict = {"because": list, "may_go_out": bool}
    _require(_has(body["verdict"], verdict), where, "the verdict has other fields")
    _require(all(isinstance(each, str) for each in body["verdict"]["because"]), where, "a reason is no text")
    for row in body["rows"]:
        _require(_has(row, ROW), where, "a row has other fields")
    for point in body["curve"]:
        pair = isinstance(point, list) and len(point) == 2 and all(isinstance(each, str) for each in point)
        _require(pair, where, "a point of the curve is two decimals")
    return Label(data, body)


def check_label(label: Label, tally: Tally, whole: Whole, where: str) -> None:
    """Return only if everything a label says of its line follows from the log's first entries.

    Args:
        label: whose `entries` were summed up.
        tally: the line's sums.
        whole: the log's.
        where: the label's place, for people.

    Raises:
        Broken: something does not follow.
    """
    body = label.body
    found = figures(tally, whole, issued=body["issued"], expires=body["expires"])
    check_accountants(tally, account(tally.costs["line"], tally.declared["delta"]), where)
    check_figures(body["figures"], found, where)
    check_curve(body["curve"], curve(tally), where)
    unknown = _check_rows(body["rows"], tally, whole, names=found.keys(), where=where)
    objections = [f"required row {row} is unknown" for row in unknown] + against(tally, found)
    stated = body["verdict"]
    if stated["may_go_out"] is bool(stated["because"]) or stated["may_go_out"] is bool(objections):
        because = "; ".join(objections) or "nothing stands against the release"
        raise Broken("label.verdict", where, f"may_go_out is {stated['may_go_out']}, but {because}")


def _check_rows(
    rows: list[dict[str, Any]], tally: Tally, whole: Whole, *, names: Set[str], where: str
) -> list[str]:
    """Return the required rows that are unknown."""
    if [row["row"] for row in rows] != list(STATUS):
        raise Broken(
            "label.row", where, f"the rows are not the {len(STATUS)} of this version, in their order"
        )
    for row in rows:
        name, status, says = row["row"], row["status"], row["says"]
        allowed = _statuses(name, tally, whole)
        if status not in allowed:
            raise Broken("label.row", where, f"row {name} is called {status}; it is {' or '.join(allowed)}")
        if row["required"] is (name == OPTIONAL):
            raise Broken("label.row", where, f"row {name} is {'' if name == OPTIONAL else 'not '}optional")
        if status in ("proved", "enforced") and re.search(r"\d", says):
            raise Broken(
                "label.row", where, f"row {name} holds a number in its words: figures belong in figures"
            )
        if not all(isinstance(each, str) and each in names for each in row["figures"]):
            raise Broken("label.row", where, f"row {name} is about a figure that is none")
    return [row["row"] for row in rows if row["required"] and row["status"] == "unknown"]


def _statuses(name: str, tally: Tally, whole: Whole) -> tuple[str, ...]:
    fixed = STATUS[name]
    if fixed == "said":
        return "declared", "unknown"
    if fixed != "found":
        return (fixed,)
    if name == "accountant":
        return ("unknown",) if tally.accountant is None else ("proved",)
    if name == "metrics":
        return _cost(tally, "metrics", "evaluation", paid=tally.metrics > 0, otherwise="declared")
    if name == "tuning":
        return _cost(tally, "tuning", paid=tally.looks > 0, otherwise="unknown")
    if name == "hazards":
        return ("unknown",) if whole.open_hazards else ("enforced",)
    if name == "empirical":
        return ("unknown",) if tally.lower is None else ("declared",)
    if name == "consent":
        return ("enforced",) if whole.notices and whole.anchors else ("unknown",)
    return ("declared",) if tally.codes else ("unknown",)


def _cost(tally: Tally, *activities: str, paid: bool, otherwise: str) -> tuple[str, ...]:
    data = {tally.uncovered[activity] for activity in activities if activity in tally.uncovered}
    if "private_data" in data:
        return ("unknown",)
    if paid:
        return ("proved",)
    return ("declared",) if data else (otherwise,)


def _has(value: Any, fields: Mapping[str, type]) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == fields.keys()
        and all(type(value[name]) is kind for name, kind in fields.items())
    )


def _require(holds: bool, where: str, says: str) -> None:
    if not holds:
        raise Broken("label.form", where, says)
