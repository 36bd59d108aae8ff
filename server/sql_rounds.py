"""Rounds in the database that holds consent: each step is one transaction of it."""

from collections.abc import Callable, Iterator

import numpy as np
from sqlalchemy import Connection, Engine, Table, and_, delete, insert, select, update

from privacy.events import Event, RoundTerms, decode_event, encode_event
from privacy.terms import Guarantee
from server.consent import Purpose
from server.database import serially
from server.ledger_store import LogKey, StoredLedger
from server.line_policy import cap_of
from server.policy import notices_in
from server.round_book import (
    LIVE,
    Contribution,
    Counted,
    Int64,
    Members,
    Result,
    RoundBook,
    RoundRecord,
    RoundState,
)
from server.store import AT_ONCE, ConsentStore
from server.tables import contributions, invitations, lines, rounds, subjects, sums

PURPOSE: Purpose = "federated_contribution"


class SqlRoundStore:
    """Run steps as transactions.

    Args:
        engine: the store's.
        log: signs the heads under which devices are shown a round's terms.
        clock: seconds since 1970 UTC.
    """

    def __init__(self, engine: Engine, *, log: LogKey, clock: Callable[[], int]) -> None:
        self._engine = engine
        self._log = log
        self._clock = clock

    def step(self, step: Callable[[RoundBook], Result]) -> Result:
        """Run one step in one transaction, again where the database asks for it."""

        def whole(connection: Connection) -> Result:
            return step(SqlRoundBook(connection, log=self._log, now=self._clock()))

        return serially(self._engine, whole)

    def handles(self, names: list[str]) -> Int64:
        """Return the numbers that stand for pseudonyms in rounds, 0 where nobody is enrolled.

        The map from Flower's nodes to pseudonyms is personal data: it stays with the caller.
        """

        def read(connection: Connection) -> Int64:
            found: dict[str, int] = {}
            for part in _parts(names):
                query = select(subjects.c.subject, subjects.c.handle).where(subjects.c.subject.in_(part))
                found.update((row.subject, row.handle) for row in connection.execute(query))
            return np.array([found.get(name, 0) for name in names], np.int64)

        return serially(self._engine, read)


class SqlRoundBook:
    """One transaction's view.

    Args:
        connection: the transaction.
        log: signs heads.
        now: seconds since 1970 UTC, the same for the whole step.
    """

    def __init__(self, connection: Connection, *, log: LogKey, now: int) -> None:
        self._connection = connection
        self._log = log
        self._now = now
        self._ledger = StoredLedger(connection)
        self._consents = ConsentStore(connection)
        self._notices = notices_in(connection).current(PURPOSE)

    def cap(self, line: str) -> Guarantee | None:
        """Return what a line may spend, holding the line."""
        self._connection.execute(select(lines.c.line).where(lines.c.line == line).with_for_update()).all()
        return cap_of(self._connection, line)

    def history(self, line: str) -> list[Event]:
        """Return everything of a line that its budget depends on."""
        return self._ledger.history(line)

    def append(self, event: Event) -> None:
        """Append one event to the log."""
        self._ledger.append(event)

    def proof(self, terms: RoundTerms) -> bytes:
        """Return the log proof of a round's terms, under a fresh checkpoint."""
        return self._ledger.proof(terms, self._log)

    def eligible(self) -> Members:
        """Return everyone who may be asked now."""
        return Members(*self._consents.eligible(PURPOSE, notices=self._notices, now=self._now))

    def versions(self, subjects: Int64) -> Int64:
        """Return current versions, -1 where not granted, and keep them until the step ends."""
        return self._consents.versions(subjects, PURPOSE, notices=self._notices, now=self._now, hold=True)

    def create(self, terms: RoundTerms, *, salt: bytes, invited: Members) -> None:
        """Store a new round."""
        self._connection.execute(
            insert(rounds).values(
                line=terms.line,
                round=terms.round,
                state=RoundState.OPEN.value,
                terms=encode_event(terms).decode(),
                salt=salt,
            )
        )
        self._insert(invitations, terms.line, terms.round, invited)

    def find(self, line: str, number: int) -> RoundRecord | None:
        """Return a round, holding it."""
        query = select(rounds).where(rounds.c.line == line, rounds.c.round == number)
        row = self._connection.execute(query.with_for_update()).one_or_none()
        if row is None:
            return None
        terms = decode_event(row.terms.encode())
        if not isinstance(terms, RoundTerms):
            raise TypeError(f"round {number} of {line} has no terms")
        return RoundRecord(terms=terms, state=RoundState(row.state), salt=row.salt, result=row.result)

    def invited(self, line: str, number: int) -> Members:
        """Return the cohort of a round."""
        table = invitations
        rows = self._connection.execute(
            select(table.c.handle, table.c.version)
            .where(table.c.line == line, table.c.round == number)
            .order_by(table.c.handle)
        ).all()
        return _members([(row.handle, row.version) for row in rows])

    def invited_version(self, line: str, number: int, subjects: Int64) -> Int64:
        """Return the version each of these was invited under, -1 where none was."""
        table = invitations
        found: dict[int, int] = {}
        for part in _parts(subjects.tolist()):
            query = select(table.c.handle, table.c.version).where(
                table.c.line == line, table.c.round == number, table.c.handle.in_(part)
            )
            found.update((row.handle, row.version) for row in self._connection.execute(query))
        return np.array([found.get(subject, -1) for subject in subjects.tolist()], np.int64)

    def counted(self, line: str, number: int) -> Counted:
        """Return who is counted by which node."""
        table = contributions
        rows = self._connection.execute(
            select(table.c.node, table.c.handle, table.c.version)
            .where(table.c.line == line, table.c.round == number)
            .order_by(table.c.handle)
        ).all()
        by_node: dict[int, list[tuple[int, int]]] = {}
        for row in rows:
            by_node.setdefault(int(row.node), []).append((row.handle, row.version))
        there = self._connection.execute(
            select(sums.c.node).where(sums.c.line == line, sums.c.round == number)
        ).scalars()
        summed = frozenset(map(int, there))
        members = {node: _members(pairs) for node, pairs in by_node.items()}
        return Counted({**{node: _members([]) for node in summed}, **members}, summed)

    def counted_elsewhere(self, line: str, number: int, node: int, subjects: Int64) -> bool:
        """Tell whether any of these is counted by another node."""
        table = contributions
        for part in _parts(subjects.tolist()):
            query = select(table.c.handle).where(
                table.c.line == line,
                table.c.round == number,
                table.c.handle.in_(part),
                table.c.node != str(node),
            )
            if self._connection.execute(query.limit(1)).first():
                return True
        return False

    def put(self, line: str, number: int, node: int, reply: Contribution) -> None:
        """Store one node's sum in place of its earlier one."""
        self.drop(line, number, node)
        self._insert(contributions, line, number, reply.members, node=str(node))
        self._connection.execute(
            insert(sums).values(
                line=line, round=number, node=str(node), total=reply.total.astype("<i8").tobytes()
            )
        )

    def drop(self, line: str, number: int, node: int) -> None:
        """Forget one node's sum and account."""
        for table in (sums, contributions):
            here = and_(table.c.line == line, table.c.round == number, table.c.node == str(node))
            self._connection.execute(delete(table).where(here))

    def total(self, terms: RoundTerms) -> Int64:
        """Return the exact sum over all nodes."""
        total = np.zeros(terms.dimension, np.int64)
        query = select(sums.c.total).where(sums.c.line == terms.line, sums.c.round == terms.round)
        for part in self._connection.execute(query).scalars():
            total += np.frombuffer(part, "<i8")
        return total

    def move(self, terms: RoundTerms, state: RoundState, *, result: bytes | None = None) -> None:
        """Change a round's state."""
        here = and_(rounds.c.line == terms.line, rounds.c.round == terms.round)
        self._connection.execute(update(rounds).where(here).values(state=state.value, result=result))
        if state not in LIVE:
            for table in (sums, invitations):
                ended = and_(table.c.line == terms.line, table.c.round == terms.round)
                self._connection.execute(delete(table).where(ended))

    def _insert(self, table: Table, line: str, number: int, members: Members, **more: str) -> None:
        pairs = zip(members.subjects.tolist(), members.versions.tolist(), strict=True)
        rows = [
            {"line": line, "round": number, "handle": handle, "version": version, **more}
            for handle, version in pairs
        ]
        if rows:
            self._connection.execute(insert(table), rows)


def _parts(values: list[Result]) -> Iterator[list[Result]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def _members(pairs: list[tuple[int, int]]) -> Members:
    both = np.array(pairs, np.int64).reshape(-1, 2)
    return Members(both[:, 0].copy(), both[:, 1].copy())
