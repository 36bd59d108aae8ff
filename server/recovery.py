"""What a restored store takes over from longer logs: spend, lines and the numbers of rounds that were used."""

from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import Connection, insert, select, update

from privacy.acts import CapChanged
from privacy.events import (
    Event,
    LineDeclared,
    RoundAborted,
    RoundCommitted,
    RoundTerms,
    encode_event,
)
from server.errors import ServerError
from server.ledger_store import StoredLedger
from server.store import LIVE, insert_once
from server.tables import lines, rounds


class LogForked(ServerError):
    """Two logs that should be one disagree: nobody can say what was spent, so nothing may run."""

    code: ClassVar[str] = "log_forked"


def recover(connection: Connection, *others: Sequence[Event]) -> int:
    """Continue the store's log by the longest of these, and return how many entries it was short of.

    Raises:
        LogForked: one is not a continuation of another.
    """
    ledger = StoredLedger(connection)
    own = ledger.events()
    longest = max([own, *others], key=len)
    for other in (own, *others):
        if list(longest[: len(other)]) != list(other):
            raise LogForked("the logs of backup, database and --log do not continue each other")
    missing = longest[len(own) :]
    ledger.extend(missing)
    for event in missing:
        _follow(connection, event)
    return len(missing)


def abort_live(connection: Connection) -> int:
    """Abort every round under way, and return how many there were; what was spent stays spent."""
    live = connection.execute(
        select(rounds.c.line, rounds.c.round)
        .where(rounds.c.state.in_(LIVE))
        .order_by(rounds.c.line, rounds.c.round)
    ).all()
    for row in live:
        StoredLedger(connection).append(RoundAborted(line=row.line, round=row.round))
        _move(connection, row.line, row.round, "aborted")
    return len(live)


def _follow(connection: Connection, event: Event) -> None:
    """Bring lines and rounds to where an entry of the log says they are."""
    if isinstance(event, LineDeclared):
        declared = encode_event(event).decode()
        insert_once(connection, lines, line=event.line, epsilon=event.epsilon_budget, declared=declared)
    elif isinstance(event, RoundTerms):
        terms = encode_event(event).decode()
        values = {"line": event.line, "round": event.round, "state": "open", "salt": b"", "terms": terms}
        connection.execute(insert(rounds).values(values))
    elif isinstance(event, CapChanged) and event.scope == "line":
        here = (lines.c.line == event.line) & (lines.c.epsilon > event.epsilon)
        connection.execute(update(lines).where(here).values(epsilon=event.epsilon))
    elif isinstance(event, RoundCommitted | RoundAborted):
        state = "committed" if isinstance(event, RoundCommitted) else "aborted"
        _move(connection, event.line, event.round, state)


def _move(connection: Connection, line: str, number: int, state: str) -> None:
    here = (rounds.c.line == line) & (rounds.c.round == number)
    connection.execute(update(rounds).where(here).values(state=state))
