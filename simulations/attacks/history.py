"""The order in which a database let things happen, kept by its own triggers, and what it must never hold.

Triggers write beside each change of consent and each end of a round, in the same transaction, behind the same locks.
So the number of an entry orders everything that conflicts, whatever our code believes.
"""

import json
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

SQLITE = (
    "CREATE TABLE history (number INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, handle INTEGER, version INTEGER,"
    " decision TEXT, line TEXT, round INTEGER)",
    *(
        f"CREATE TRIGGER consent_{when.lower()} AFTER {when} ON consents BEGIN INSERT INTO history"
        " (what, handle, version, decision) VALUES ('consent', NEW.handle, NEW.version, NEW.decision); END"
        for when in ("INSERT", "UPDATE")
    ),
    *(
        f"CREATE TRIGGER round_{when[:6].lower()} AFTER {when} ON rounds BEGIN INSERT INTO history"
        " (what, line, round) VALUES (NEW.state, NEW.line, NEW.round); END"
        for when in ("INSERT", "UPDATE OF state")
    ),
)
POSTGRESQL = (
    "CREATE TABLE history (number BIGSERIAL PRIMARY KEY, what TEXT, handle BIGINT, version BIGINT,"
    " decision TEXT, line TEXT, round BIGINT)",
    "CREATE FUNCTION note_consent() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO history"
    " (what, handle, version, decision) VALUES ('consent', NEW.handle, NEW.version, NEW.decision);"
    " RETURN NULL; END $$",
    "CREATE FUNCTION note_round() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO history"
    " (what, line, round) VALUES (NEW.state, NEW.line, NEW.round); RETURN NULL; END $$",
    "CREATE TRIGGER consent_moved AFTER INSERT OR UPDATE ON consents FOR EACH ROW"
    " EXECUTE FUNCTION note_consent()",
    "CREATE TRIGGER round_moved AFTER INSERT OR UPDATE OF state ON rounds FOR EACH ROW"
    " EXECUTE FUNCTION note_round()",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a history shows.

    Args:
        commits: rounds committed.
        aborts: rounds aborted.
        schedules: (round, person) pairs in which the person decided between opening and end.
        violations: each broken guarantee in words.
    """

    commits: int
    aborts: int
    schedules: int
    violations: tuple[str, ...]


def install(connection: Connection) -> None:
    """Make the history table and its triggers in an empty, migrated store."""
    for statement in POSTGRESQL if connection.dialect.name == "postgresql" else SQLITE:
        connection.execute(text(statement))


def judge(connection: Connection) -> Verdict:
    """Hold everything a database let happen against G1, G2, G8 and G9."""
    rows = connection.execute(text("SELECT * FROM history ORDER BY number")).all()
    members: dict[tuple[str, int], dict[int, int]] = defaultdict(dict)
    for row in connection.execute(text("SELECT line, round, handle, version FROM contributions")):
        members[row.line, row.round][row.handle] = row.version
    current: dict[int, tuple[int, str]] = {}
    decided: dict[int, list[int]] = defaultdict(list)
    opened: dict[tuple[str, int], int] = {}
    ends: dict[tuple[str, int], int] = {}
    ended: Counter[str] = Counter()
    violations: list[str] = []
    for row in rows:
        if row.what == "consent":
            before = current.get(row.handle, (0, ""))[0]
            if row.version <= before:
                violations.append(f"version {row.version} follows {before}: a version was issued twice")
            current[row.handle] = (row.version, row.decision)
            decided[row.handle].append(row.number)
            continue
        key = (row.line, row.round)
        if row.what == "open":
            opened[key] = row.number
        if row.what in ("committed", "aborted"):
            ended[row.what] += 1
            ends[key] = row.number
        if row.what == "committed":
            violations += [
                f"round {key}: in the sum under version {version}, consent was {current.get(handle)} then"
                for handle, version in members[key].items()
                if current.get(handle) != (version, "granted")
            ]
    violations += _spending(connection)
    violations += _left_over(connection)
    return Verdict(
        commits=ended["committed"],
        aborts=ended["aborted"],
        schedules=_schedules(opened, ends, decided),
        violations=tuple(violations),
    )


def _spending(connection: Connection) -> list[str]:
    """Every commit has one intent before it, no round has two."""
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row in connection.execute(text("SELECT kind, line, leaf FROM ledger ORDER BY position")):
        if row.kind in ("privacy_event", "round_committed", "round_aborted"):
            found[row.line, json.loads(row.leaf)["round"]].append(row.kind)
    allowed = (
        ["privacy_event", "round_committed"],
        ["privacy_event", "round_aborted"],
        ["round_aborted"],
        ["privacy_event"],
    )
    return [f"round {key} has the events {kinds}" for key, kinds in found.items() if kinds not in allowed]


def _left_over(connection: Connection) -> list[str]:
    """Nobody who withdrew has anything left in a round that has not ended."""
    rows = connection.execute(
        text(
            "SELECT c.handle FROM contributions c"
            " JOIN rounds r ON r.line = c.line AND r.round = c.round AND r.state IN ('open', 'sealed')"
            " JOIN consents s ON s.handle = c.handle AND s.decision = 'withdrawn'"
        )
    )
    return ["a withdrawn person's part is kept in a round under way" for _ in rows]


def _schedules(
    opened: Mapping[tuple[str, int], int],
    ends: Mapping[tuple[str, int], int],
    decided: Mapping[int, list[int]],
) -> int:
    """Count the pairs of a round and a person who decided while it was under way."""
    return sum(
        bisect(numbers, end) > bisect(numbers, opened[key])
        for key, end in ends.items()
        for numbers in decided.values()
    )
