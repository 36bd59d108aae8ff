"""Restores: what a backup says of consent is denied until its device confirms it, and no spend is forgotten (G9).

A backup is older than the moment it is needed. Since then people may have withdrawn or been erased, credentials been
revoked, rounds been paid for. So grants become unconfirmed, versions leap past all that may have been issued, rounds
under way are aborted, nobody has a credential, enrolment pauses until every request signed before is too old, and
who is not back in thirty days is erased. Spend is the largest of the backup, the database and the witnessed log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, Engine, case, func, insert, literal, select, update

from privacy.events import Event
from privacy.keys import VerifyKey
from server.backup import KEPT, read_backup, revision_of
from server.bulk import from_wire, insert_rows, read_rows, restart_numbers
from server.consent import DAY, PURPOSES, RESTORED, floor_at
from server.consent_recovery import OwnLog, declare_lost
from server.database import migrate, transaction
from server.errors import ServerError
from server.ledger_store import StoredLedger
from server.recovery import abort_live, recover
from server.refusals import WINDOW
from server.store import EVERYONE, ConsentStore, insert_once
from server.tables import admin_log, consents, ledger, metadata, service_keys, subjects

BACK_WITHIN = 30 * DAY


class RestoreRefused(ServerError):
    """The backup does not fit this database or this log: nothing was changed."""

    code: ClassVar[str] = "restore_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did.

    Args:
        subjects: how many are back, all of them unconfirmed.
        aborted: rounds that were under way.
        recovered: entries of the log that were younger than the backup.
        lost: heads of the consent log that are gone for good; the public log says which.
        made_at: when the backup was made, seconds since 1970 UTC.
    """

    subjects: int
    aborted: int
    recovered: int
    lost: int
    made_at: int


def restore(
    engine: Engine, path: Path, *, log: Sequence[Event], key: VerifyKey, now: int, replace: bool
) -> Restored:
    """Make the store what a backup holds, with nothing resurrected; whole or not at all.

    Args:
        engine: the store's; a database without tables is migrated first.
        path: the backup.
        log: every event of the witnessed log, verified; empty where there is none.
        key: the service's key; it stays approved.
        now: seconds since 1970 UTC.
        replace: the database holds something, and may lose it.

    Raises:
        BackupRefused, RestoreRefused, StoreUnavailable: nothing was changed.
    """
    header, rows = read_backup(path)
    migrate(engine)
    with transaction(engine) as connection:
        found = revision_of(connection)
        if header.revision != found:
            raise RestoreRefused(
                f"the backup is of schema {header.revision}, the database of {found}; "
                "restore it with the version that made it, then migrate"
            )
        held = connection.execute(
            select(select(subjects.c.handle).exists() | select(ledger.c.position).exists())
        ).scalar_one()
        if held and not replace:
            raise RestoreRefused("the database is not empty; say --replace to lose what it holds")
        before = StoredLedger(connection).events()
        record = list(read_rows(connection, select(admin_log).order_by(admin_log.c.number)))
        own = OwnLog.set_aside(connection)
        for table in reversed(metadata.sorted_tables):
            own.clear(connection, table)
        try:
            for table, group in groupby(rows, key=lambda pair: pair[0]):
                decoded = (from_wire(table, row) for _, row in group)
                insert_rows(connection, table, own.beyond(table, decoded))
        except (KeyError, TypeError, ValueError) as problem:
            raise RestoreRefused(f"a row of the backup does not fit its table: {problem}") from None
        own.settle(connection)
        recovered = recover(connection, before, log)
        lost = declare_lost(connection)
        aborted = abort_live(connection)
        _deny_all(connection, now=now)
        _keep_record(connection, record, now=now)
        insert_once(connection, service_keys, public=key.base64, since=now)
        restart_numbers(connection, KEPT)
        count = connection.execute(select(func.count()).select_from(subjects)).scalar_one()
    gone = 0 if lost is None else lost.last - lost.first + 1
    return Restored(subjects=count, aborted=aborted, recovered=recovered, lost=gone, made_at=header.at)


def _deny_all(connection: Connection, *, now: int) -> None:
    """Apply `server.consent.restored` to every subject and purpose, those never decided on included."""
    floor = floor_at(now)
    for purpose in PURPOSES:
        decided = select(consents.c.handle).where(
            consents.c.handle == subjects.c.handle, consents.c.purpose == purpose
        )
        absent = {"purpose": literal(purpose), "version": literal(0), "decision": literal("")}
        empty = {"notice": literal(""), "language": literal("")}
        zero = {name: literal(0) for name in ("valid_until", "quiet_until", "hour", "grants")}
        values: dict[str, Any] = {"handle": subjects.c.handle, **absent, **empty, **zero}
        missing = select(*values.values()).where(~decided.exists())
        connection.execute(insert(consents).from_select(list(values), missing))
    lifted = consents.c.version + RESTORED
    version = case((lifted > floor, lifted), else_=floor)
    connection.execute(update(consents).values(version=version, valid_until=0))
    granted = consents.c.decision == "granted"
    connection.execute(update(consents).where(granted).values(decision="unconfirmed"))
    connection.execute(update(subjects).values(confirm_by=now + BACK_WITHIN))
    ConsentStore(connection).bar(EVERYONE, until=now + 2 * WINDOW)


def _keep_record(connection: Connection, record: list[dict[str, Any]], *, now: int) -> None:
    """Put back what the database recorded after the backup was made, and record this."""
    known = connection.execute(select(func.coalesce(func.max(admin_log.c.number), 0))).scalar_one()
    insert_rows(connection, admin_log, (row for row in record if row["number"] > known))
    restart_numbers(connection, [admin_log])
    entry = {"actor": "console", "role": "operator", "action": "store.restore", "outcome": "done"}
    connection.execute(insert(admin_log).values(at=now, **entry))
