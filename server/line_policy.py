"""What two people may change of a release line: its budget, its caps, its period; and what they know of hazards."""

import json
import time
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, insert, select, update

from privacy.acts import CapChanged, HazardMitigated, HazardRaised, PeriodStarted
from privacy.events import LineDeclared, decode_event, encode_event
from privacy.spending import Purse
from privacy.terms import Guarantee
from server.admin import DAY, People
from server.errors import ChangeRefused
from server.ledger_store import StoredLedger
from server.tables import changes, lines


def apply_budget(connection: Connection, payload: dict[str, Any], people: People | None = None) -> None:
    """Declare a line with its whole budget, or lower the cap of one: a promise is only ever tightened.

    Two people who declare a line say with it what bounds its epsilon and which flaws of libraries are known.

    Args:
        connection: the approving transaction.
        payload: the fields of `LineDeclared`, budget and delta as numbers.
        people: who proposed and who approved, as the public log may know them; a cap is not lowered without.
    """
    fields = {**payload, "epsilon_budget": float(payload["epsilon_budget"]), "delta": float(payload["delta"])}
    declared = LineDeclared(**fields)
    encode_event(declared)
    row = connection.execute(select(lines).where(lines.c.line == declared.line)).one_or_none()
    if row is None:
        _declare(connection, declared, whole=people is not None)
        return
    before = _declaration(row)
    if before != replace(declared, epsilon_budget=before.epsilon_budget):
        raise ChangeRefused("a declared line changes only by a lower epsilon_budget; declare a new line")
    cap = {"line": declared.line, "scope": "line", "epsilon": declared.epsilon_budget}
    apply_cap(connection, cap, people)


def _declare(connection: Connection, declared: LineDeclared, *, whole: bool) -> None:
    ledger = StoredLedger(connection)
    if whole:
        from privacy.declaring import opening  # with the accountants behind it, which take seconds to load

        known = ledger.of(HazardRaised, HazardMitigated)
        ledger.extend(list(opening(declared, recorded=known)))
    else:
        ledger.append(declared)
    values = {"line": declared.line, "epsilon": declared.epsilon_budget}
    connection.execute(insert(lines).values(**values, declared=encode_event(declared).decode()))


def apply_cap(connection: Connection, payload: dict[str, Any], people: People | None) -> None:
    """Set or lower a cap: ``{"line", "scope", "epsilon"}``."""
    if people is None:
        raise ChangeRefused("a cap is lowered by two people; propose a change of kind budget or cap")
    event = CapChanged(
        line=payload["line"],
        scope=payload["scope"],
        epsilon=float(payload["epsilon"]),
        proposed_by=people[0],
        approved_by=people[1],
    )
    purse = purse_of(connection, event.line)
    if event.epsilon > purse.cap(event.scope):
        raise ChangeRefused(f"a cap is only ever lowered: {event.scope} stands at {purse.cap(event.scope):g}")
    StoredLedger(connection).append(event)
    if event.scope == "line":
        connection.execute(update(lines).where(lines.c.line == event.line).values(epsilon=event.epsilon))


def apply_period(connection: Connection, payload: dict[str, Any], *, now: int) -> None:
    """Begin a line's next budget period: ``{"line"}``; never before the one under way has lasted its days."""
    line = payload["line"]
    declared = _declaration(hold_line(connection, line))
    before = [
        e for e in StoredLedger(connection).of(PeriodStarted, line=line) if isinstance(e, PeriodStarted)
    ]
    period, since = (before[-1].period, before[-1].starts) if before else (1, _declared_at(connection, line))
    due = since + declared.period_days * DAY
    if now < due:
        when = time.strftime("%Y-%m-%d", time.gmtime(due))
        raise ChangeRefused(f"period {period} of this line lasts until {when}; propose it again then")
    StoredLedger(connection).append(PeriodStarted(line=line, period=period + 1, starts=now))


def apply_hazard(connection: Connection, payload: dict[str, Any]) -> None:
    """Raise a known flaw, which stops every release, or record a tested mitigation of one that was raised."""
    ledger = StoredLedger(connection)
    if "mitigation" not in payload:
        ledger.append(HazardRaised(**payload))
        return
    event = HazardMitigated(**payload)
    if event.hazard not in {
        raised.hazard for raised in ledger.of(HazardRaised) if isinstance(raised, HazardRaised)
    }:
        raise ChangeRefused("no such hazard was raised: raise it first, under the same name")
    ledger.append(event)


def cap_of(connection: Connection, line: str) -> Guarantee | None:
    """Return what a line may spend, or None where it was never declared."""
    row = connection.execute(select(lines).where(lines.c.line == line)).one_or_none()
    return None if row is None else replace(_declaration(row).guarantee(), epsilon=row.epsilon)


def purse_of(connection: Connection, line: str) -> Purse:
    """Return what a line has spent and may spend over each scope, holding the line.

    Raises:
        ChangeRefused: it was never declared.
    """
    purse = Purse(_declaration(hold_line(connection, line)).epsilon_budget)
    for event in StoredLedger(connection).history(line):
        purse.hear(event)
    return purse


def hold_line(connection: Connection, line: str) -> Any:
    """Return a line's row and keep it as it is until the transaction ends: nobody spends from it meanwhile.

    Raises:
        ChangeRefused: it was never declared.
    """
    row = connection.execute(select(lines).where(lines.c.line == line).with_for_update()).one_or_none()
    if row is None:
        raise ChangeRefused("the line is not declared; propose a change of kind budget first")
    return row


def _declaration(row: Any) -> LineDeclared:
    declared = decode_event(row.declared.encode())
    if not isinstance(declared, LineDeclared):
        raise ChangeRefused("the line is not declared by a declaration")
    return declared


def _declared_at(connection: Connection, line: str) -> int:
    """Return when two people declared a line."""
    approved = (changes.c.kind == "budget") & changes.c.approved_at.is_not(None)
    rows = connection.execute(select(changes).where(approved).order_by(changes.c.approved_at))
    for row in rows:
        if json.loads(row.payload).get("line") == line:
            return int(row.approved_at)
    raise ChangeRefused("nobody knows since when this line is declared: declare a new one")
