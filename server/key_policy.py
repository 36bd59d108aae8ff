"""The service's keys: the first one is taken as it is, every later one is approved by two people and logged."""

from typing import Any

from sqlalchemy import Connection, Engine, select

from privacy.acts import KeyPurpose, KeyRotated
from privacy.keys import VerifyKey
from privacy.rotation import check_rotation
from server.admin import People
from server.database import reading, serially
from server.errors import ChangeRefused, KeyNotApproved
from server.ledger_store import StoredLedger
from server.logs import Logs
from server.store import insert_once
from server.tables import service_keys


def apply_key(
    connection: Connection, payload: dict[str, Any], people: People, *, logs: Logs | None, now: int
) -> None:
    """Replace a key by another, both having signed so: earlier receipts and heads stay valid under theirs.

    Args:
        connection: the approving transaction.
        payload: ``{"purpose", "old", "public", "old_signature", "new_signature"}``, as `rotate-key` prints them.
        people: who proposed and who approved; both signatures name them.
        logs: in whose public log it is recorded.
        now: seconds since 1970 UTC.
    """
    if logs is None:
        raise ChangeRefused("this service signs no log to record it in: start it with the logs' keys")
    event = KeyRotated(
        origin=logs.public.origin,
        purpose=payload["purpose"],
        old_key=payload["old"],
        new_key=payload["public"],
        old_signature=payload["old_signature"],
        new_signature=payload["new_signature"],
        proposed_by=people[0],
        approved_by=people[1],
    )
    check_rotation(event)
    if event.old_key not in _in_use(connection, event.purpose, logs):
        raise ChangeRefused(f"the old key does not sign as {event.purpose} here")
    StoredLedger(connection).append(event)
    if event.purpose == "receipt":
        insert_once(connection, service_keys, public=event.new_key, since=now)


def _in_use(connection: Connection, purpose: KeyPurpose, logs: Logs) -> list[str]:
    """Return the keys that may be replaced: of receipts all that sign, of the log the newest."""
    if purpose == "receipt":
        return list(connection.execute(select(service_keys.c.public)).scalars())
    if purpose == "log":
        newest = StoredLedger(connection).rotated()
        return [logs.public.key.public.base64 if newest is None else newest.new_key]
    raise ChangeRefused("this service signs receipts and its log; other keys have other homes")


def approve_first_key(engine: Engine, key: VerifyKey, *, now: int) -> None:
    """Take the key of a service that starts for the first time; any later one needs two people.

    Raises:
        KeyNotApproved: the store knows keys, and this is none of them.
    """

    def step(connection: Connection) -> None:
        known = connection.execute(select(service_keys.c.public)).scalars().all()
        if not known:
            insert_once(connection, service_keys, public=key.base64, since=now)
        elif key.base64 not in known:
            raise KeyNotApproved(
                "the store knows other keys than this one; propose a change of kind key, made with rotate-key, for "
                f"public {key.base64}"
            )

    serially(engine, step)


def keys_listed(engine: Engine) -> list[tuple[str, int]]:
    """Return every key that ever signed receipts, with since when, oldest first."""
    with reading(engine) as connection:
        rows = connection.execute(select(service_keys).order_by(service_keys.c.since, service_keys.c.public))
        return [(row.public, row.since) for row in rows]
