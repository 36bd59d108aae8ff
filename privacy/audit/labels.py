"""A label beside what the log gives: its form, its figures, its rows and its verdict."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from privacy.audit.accounting import account
from privacy.audit.faults import Broken
from privacy.audit.figures import against, check_accountants, check_curve, check_figures, curve, figures
from privacy.audit.forms import NotCanonical, read
from privacy.audit.tally import Tally, Whole
from privacy.audit.words import check_rows

FORMAT = "penchant-label-1"
FIELDS = {
    "format": str, "line": str, "sequence": int, "origin": str, "entries": int, "issued": int, "expires": int,
    "figures": dict, "curve": list, "rows": list, "verdict": dict,
}  # fmt: skip
ROW = {
    "row": str, "section": str, "title": str, "required": bool, "status": str, "says": str, "figures": list,
    "evidence": str,
}  # fmt: skip


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
    unknown = check_rows(body["rows"], tally, whole, where)
    objections = [f"required row {row} is unknown" for row in unknown] + against(tally, found)
    stated = body["verdict"]
    if stated["may_go_out"] is bool(stated["because"]) or stated["may_go_out"] is bool(objections):
        because = "; ".join(objections) or "nothing stands against the release"
        raise Broken("label.verdict", where, f"may_go_out is {stated['may_go_out']}, but {because}")


def _has(value: Any, fields: Mapping[str, type]) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == fields.keys()
        and all(type(value[name]) is kind for name, kind in fields.items())
    )


def _require(holds: bool, where: str, says: str) -> None:
    if not holds:
        raise Broken("label.form", where, says)
