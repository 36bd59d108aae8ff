"""What a label's rows may say, given what the log holds: the words of label_words.toml, filled in from the log.

A label is signed, so its words were not changed on the way; this holds them against those of version 1: whoever holds
the keys promises no more in words than the figures beside them do.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from privacy.audit.faults import Broken
from privacy.audit.tally import Tally, Whole

OPTIONAL = "empirical"
"""The one row that may be unknown."""
WORST_FIRST = ("private_data", "public_benchmark", "public_knowledge")
"""On what something was done outside epsilon."""
SAID = "{said}"


class Words(NamedTuple):
    """What one row may say.

    Args:
        status: how well it is known.
        says: its words; `SAID` where they are the owner's own.
        evidence: where to look.
    """

    status: str
    says: str
    evidence: str

    def match(self, row: Mapping[str, Any]) -> bool:
        """Say whether a row says this."""
        own = self.says == SAID and bool(row["says"])
        return bool((own or row["says"] == self.says) and row["evidence"] == self.evidence)


def names() -> list[str]:
    """Return the rows of a label, in their order."""
    return list(_table())


def words(name: str, tally: Tally, whole: Whole) -> list[Words]:
    """Return what a row may say of a line."""
    fact, filled = _fact(name, tally, whole), dict(_filled(tally, whole))
    return [
        Words(each["status"], _fill(each["says"], filled), _fill(each["evidence"], filled))
        for each in _table()[name]["may"]
        if each.get("when") == fact
    ]


def check_rows(rows: list[dict[str, Any]], tally: Tally, whole: Whole, where: str) -> list[str]:
    """Return the required rows that are unknown.

    Raises:
        Broken: a row is missing, stands in a better light than the log puts it in, or says something else.
    """
    if [row["row"] for row in rows] != names():
        says = f"the rows are not the {len(names())} of this version, in their order"
        raise Broken("label.row", where, says)
    for row in rows:
        name = row["row"]
        may = words(name, tally, whole)
        known = [each.status for each in may]
        if row["status"] not in known:
            says = f"row {name} is called {row['status']}; it is {' or '.join(known)}"
            raise Broken("label.row", where, says)
        if row["required"] is (name == OPTIONAL):
            raise Broken("label.row", where, f"row {name} is {'' if name == OPTIONAL else 'not '}optional")
        if any(row[key] != value for key, value in _heading(name).items()):
            raise Broken("label.row", where, f"row {name} has another section, title or figures")
        if not any(each.match(row) for each in may if each.status == row["status"]):
            raise Broken("label.words", where, f'row {name} says "{row["says"]}" on "{row["evidence"]}"')
    return [row["row"] for row in rows if row["required"] and row["status"] == "unknown"]


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, Any]]:
    return tomllib.loads((files("privacy.audit") / "label_words.toml").read_text(encoding="utf-8"))


def _heading(name: str) -> dict[str, Any]:
    row = _table()[name]
    return {"section": row["section"], "title": row["title"], "figures": row.get("figures", [])}


def _fact(name: str, tally: Tally, whole: Whole) -> str | None:
    """Return on what a row's words depend; None where on nothing the log holds."""
    if name == "accountant":
        return "none" if tally.accountant is None else "named"
    if name == "metrics":
        return _cost(tally, "metrics", "evaluation", paid=tally.metrics > 0)
    if name == "tuning":
        return _cost(tally, "tuning", paid=tally.looks > 0)
    if name == "hazards":
        return "open" if whole.open_hazards else "none_open"
    if name == "empirical":
        return "none" if tally.measured is None else "measured"
    if name == "trust":
        return str(tally.declared["trust"])
    if name == "consent":
        return "on_record" if whole.notices and whole.anchors else "missing"
    if name == "code":
        return "named" if tally.codes else "none"
    return None


def _cost(tally: Tally, *activities: str, paid: bool) -> str:
    data = {tally.uncovered[activity] for activity in activities if activity in tally.uncovered}
    worst = next((each for each in WORST_FIRST if each in data), "nothing")
    return "paid" if paid and worst != "private_data" else worst


def _filled(tally: Tally, whole: Whole) -> Iterator[tuple[str, str]]:
    """Yield what the log holds that a row's words name."""
    yield "codes", ", ".join(tally.codes)
    yield "open_hazards", ", ".join(sorted(whole.open_hazards))
    yield "tests", ", ".join(whole.mitigated.values()) or "none was raised"
    if (named := tally.accountant) is not None:
        checked = f"{named['check']} {named['check_version']}"
        yield "accountants", f"{named['accountant']} {named['version']}, checked by {checked}"
    if (measured := tally.measured) is not None:
        yield "method", measured["method"]
        yield "lower_evidence", measured["evidence"]


def _fill(text: str, filled: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: filled.get(found[1], found[0]), text)
