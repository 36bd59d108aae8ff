"""The service's keys: the first one is taken as it is, every later one is approved by two people and logged.

The rotation itself takes effect with its leaf. A service that still runs with the replaced key signs no head and no
tick from then on; it is started again with the new one. The release key is at the publisher's, not here.
"""

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
from server.own_release import prove_anew
from server.release_store import ReleaseStore
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
    ledger = StoredLedger(connection)
    ledger.tree.hold()  # nobody else replaces the same key meanwhile
    if event.old_key not in _in_use(connection, event.purpose, logs):
        raise ChangeRefused(f"the old key does not sign as {event.purpose} here")
    if event.new_key in _ever_used(connection, logs):
        raise ChangeRefused("the new key signs something here already, or did: make a fresh one")
    ledger.append(event)
    if event.purpose == "receipt":
        insert_once(connection, service_keys, public=event.new_key, since=now)
    if event.purpose == "release":
        prove_anew(connection, logs.public)


def _in_use(connection: Connection, purpose: KeyPurpose, logs: Logs) -> list[str]:
    """Return the keys that may be replaced: the newest of its purpose, or before any rotation those that sign."""
    newest = StoredLedger(connection).rotated(purpose)
    if newest is not None:
        return [newest.new_key]
    if purpose == "receipt":
        return list(connection.execute(select(service_keys.c.public)).scalars())
    if purpose == "log":
        return [logs.public.key.public.base64]
    if purpose == "consent_log":
        return [logs.consent.key.public.base64]
    if purpose == "release":
        trust = ReleaseStore(connection).trust_in(logs.public.origin)
        return [] if trust is None else [trust.release_key.base64]
    raise ChangeRefused("no key signs notices: two people publish them, by their digest in the log")


def _ever_used(connection: Connection, logs: Logs) -> set[str]:
    """Return every key that signs, or ever signed, something here: one stolen key must not forge two things."""
    rotations = [event for _, event in StoredLedger(connection).rotations()]
    trust = ReleaseStore(connection).trust_in(logs.public.origin)
    return {
        logs.public.key.public.base64,
        logs.consent.key.public.base64,
        *connection.execute(select(service_keys.c.public)).scalars(),
        *(key for event in rotations for key in (event.old_key, event.new_key)),
        *(() if trust is None else (trust.release_key.base64, trust.log_key.base64)),
    }


def approve_keys(engine: Engine, key: VerifyKey, logs: Logs | None, *, now: int) -> None:
    """Start with keys that nobody replaced; what was published under a log key since replaced is proved anew.

    Raises:
        KeyNotApproved: the store knows other keys, or two people replaced one of these.
    """
    approve_first_key(engine, key, now=now)
    if logs is None:
        return

    def step(connection: Connection) -> None:
        ledger = StoredLedger(connection)
        ledger.require_key("log", logs.public.key.public)
        ledger.require_key("consent_log", logs.consent.key.public)
        prove_anew(connection, logs.public)

    serially(engine, step)


def approve_first_key(engine: Engine, key: VerifyKey, *, now: int) -> None:
    """Take the receipt key of a service that starts for the first time; any later one needs two people.

    Raises:
        KeyNotApproved: the store knows keys and this is none of them, or it was replaced.
    """

    def step(connection: Connection) -> None:
        for _, event in StoredLedger(connection).rotations():
            if (event.purpose, event.old_key) == ("receipt", key.base64):
                raise KeyNotApproved(
                    f"this key of receipts was replaced by {event.new_key}: start again with that one"
                )
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
