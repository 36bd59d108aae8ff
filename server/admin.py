"""Who may administer what: credentials by role, a record of every use, and changes that need two people."""

import hashlib
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from server.database import reading, serially
from server.errors import ServerError
from server.refusals import KeyReused
from server.store import insert_once
from server.tables import admin_log, changes, credentials

Role = Literal["operator", "officer", "auditor", "aggregator"]
NAME = "^[a-z0-9][a-z0-9._-]{0,62}$"
"""What people with a credential are called here."""
ROLES: tuple[Role, ...] = get_args(Role)
ChangeKind = Literal["budget", "cap", "period", "hazard", "notice", "credential", "key", "release"]
RESERVED = frozenset({"console", "unknown"})
"""Names that the record uses for whoever has the machine, and for whoever has no credential."""
People = tuple[str, str]
"""Who proposed and who approved, by their public names."""
Applier = Callable[[Connection, dict[str, Any], People], None]
"""Puts a payload into effect within the approving transaction."""
DAY = 86_400
LONGEST: dict[Role, int] = {"operator": 365, "officer": 365, "auditor": 30, "aggregator": 365}
"""Days a credential lasts at most; an auditor's visit is boxed in time."""


class NotAllowed(ServerError):
    """The credential is missing, expired, unknown or of another role; all look the same."""

    code: ClassVar[str] = "not_allowed"


class FourEyes(ServerError):
    """A change needs somebody else's approval, and only while it waits for one."""

    code: ClassVar[str] = "four_eyes"


class CredentialRefused(ServerError):
    """A credential that cannot be: an unknown role, a name in use, or longer than its role may last."""

    code: ClassVar[str] = "credential_refused"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody with a credential, or with none."""

    name: str
    role: Role | Literal["none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change that waits for, or has, its second person."""

    number: int
    kind: ChangeKind
    payload: dict[str, Any]
    proposed_by: str
    approved_by: str | None


def public_name(actor: str) -> str:
    """Return what the public log calls somebody with a credential: always the same, and not their name."""
    return "actor-" + hashlib.sha256(b"penchant actor v1\n" + actor.encode()).hexdigest()[:16]


def token_digest(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(b"penchant token v1\n" + token.encode()).hexdigest()


def add_credential(
    connection: Connection, *, actor: str, role: str, digest: str, days: int, now: int
) -> None:
    """Store a credential.

    Raises:
        CredentialRefused: names what to mend.
    """
    if role not in ROLES:
        raise CredentialRefused(f"a role is one of {', '.join(ROLES)}")
    if not re.fullmatch(NAME, actor) or actor in RESERVED or not re.fullmatch("[0-9a-f]{64}", digest):
        raise CredentialRefused("a name is 1 to 63 of a-z 0-9 . _ - and a token's digest 64 hex digits")
    longest = LONGEST[role]
    if not 1 <= days <= longest:
        raise CredentialRefused(f"a credential of this role ({role}) lasts 1 to {longest} days")
    connection.execute(
        delete(credentials).where(credentials.c.actor == actor, credentials.c.valid_until <= now)
    )
    values = {"actor": actor, "role": role, "token_digest": digest, "valid_until": now + days * DAY}
    if not insert_once(connection, credentials, **values):
        raise CredentialRefused("this name or token has a credential already: revoke it first")


def bootstrap(engine: Engine, *, actor: str, role: str, days: int, now: int) -> str:
    """Make a first credential from the machine itself and return its token, which is stored nowhere.

    Raises:
        CredentialRefused: this role has one already; from then on two people are needed.
    """
    token = secrets.token_urlsafe(32)

    def step(connection: Connection) -> None:
        taken = connection.execute(
            select(credentials.c.actor).where(credentials.c.role == role, credentials.c.valid_until > now)
        ).all()
        if taken and role in ("operator", "officer"):
            raise CredentialRefused(f"there is an {role} already: propose a change of kind credential")
        add_credential(connection, actor=actor, role=role, digest=token_digest(token), days=days, now=now)
        _log(connection, Actor("console", "operator"), "credential.bootstrap", "done", now)

    serially(engine, step)
    return token


class Administration:
    """The administrative half of the service.

    Args:
        engine: the store's.
        appliers: by kind, puts an approved payload into effect within the approving transaction, and says what
            is wrong with one that cannot be.
        clock: seconds since 1970 UTC.
        strangers: tells whether one more call without a credential is to be recorded.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        appliers: dict[ChangeKind, Applier],
        clock: Callable[[], int],
        strangers: Callable[[], bool],
    ) -> None:
        self._engine = engine
        self._appliers = appliers
        self._clock = clock
        self._strangers = strangers

    def admit(self, token: str | None, *, roles: tuple[Role, ...], action: str) -> Actor:
        """Return who calls, after recording that they do; a call that cannot be recorded does not happen.

        Calls without any known credential are recorded too, as many as `strangers` lets pass: whoever is nobody
        must not be able to fill the record.

        Raises:
            NotAllowed: no valid credential of one of these roles.
        """
        now, digest = self._clock(), token_digest(token or "")

        def step(connection: Connection) -> Actor | None:
            row = connection.execute(
                select(credentials).where(credentials.c.token_digest == digest)
            ).one_or_none()
            if row is None:
                if self._strangers():
                    _log(connection, Actor("unknown", "none"), action, "denied", now)
                return None
            actor = Actor(row.actor, row.role)
            allowed = actor.role in roles and now < row.valid_until
            _log(connection, actor, action, "admitted" if allowed else "denied", now)
            return actor if allowed else None

        found = serially(self._engine, step)
        if found is None:
            raise NotAllowed("this needs a valid credential of " + " or ".join(roles))
        return found

    def propose(
        self, actor: Actor, kind: ChangeKind, payload: dict[str, Any], *, idempotency_key: str | None = None
    ) -> int:
        """Put a change before a second person; return its number, the same for every attempt under one key.

        Raises:
            KeyReused: the key was used for another change.
        """
        now, content = self._clock(), json.dumps(payload, sort_keys=True)
        mine = (changes.c.proposed_by == actor.name) & (changes.c.idempotency_key == idempotency_key)

        def step(connection: Connection) -> int:
            earlier = (
                connection.execute(select(changes).where(mine)).one_or_none() if idempotency_key else None
            )
            if earlier is not None:
                if (earlier.kind, earlier.payload) != (kind, content):
                    raise KeyReused("this Idempotency-Key belongs to another change")
                return int(earlier.number)
            values = {
                "kind": kind,
                "payload": content,
                "proposed_by": actor.name,
                "proposed_at": now,
                "idempotency_key": idempotency_key,
            }
            done = connection.execute(insert(changes).values(values).returning(changes.c.number))
            _log(connection, actor, f"change.{kind}", "proposed", now)
            return int(done.scalar_one())

        return serially(self._engine, step)

    def approve(self, actor: Actor, number: int) -> Change:
        """Put a change into effect as its second person; the same again for every attempt of theirs.

        Raises:
            FourEyes: unknown, approved by somebody else, or proposed by the same person.
            ServerError: the change cannot be; nothing happens.
        """
        now = self._clock()

        def step(connection: Connection) -> Change:
            here = changes.c.number == number
            row = connection.execute(select(changes).where(here).with_for_update()).one_or_none()
            if row is None or row.approved_by not in (None, actor.name):
                raise FourEyes("there is no such change waiting")
            if row.proposed_by == actor.name:
                raise FourEyes("nobody approves their own change; ask a second person")
            if row.approved_by is None:
                people = (public_name(row.proposed_by), public_name(actor.name))
                self._appliers[row.kind](connection, json.loads(row.payload), people)
                connection.execute(
                    update(changes).where(here).values(approved_by=actor.name, approved_at=now)
                )
                _log(connection, actor, f"change.{row.kind}", "approved", now)
            return replace(_change(row), approved_by=actor.name)

        return serially(self._engine, step)

    def listed(self, *, after: int, limit: int) -> list[Change]:
        """Return a page of changes, oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(changes).where(changes.c.number > after).order_by(changes.c.number).limit(limit)
            ).all()
        return [_change(row) for row in rows]

    def log(self, *, after: int, limit: int) -> list[dict[str, Any]]:
        """Return a page of the record of every administrative read and write, oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(admin_log).where(admin_log.c.number > after).order_by(admin_log.c.number).limit(limit)
            ).all()
        return [dict(row._mapping) for row in rows]


def apply_credential(connection: Connection, payload: dict[str, Any], *, now: int) -> None:
    """Add a credential, or revoke one with ``{"actor", "revoke": true}``."""
    if payload.get("revoke"):
        connection.execute(delete(credentials).where(credentials.c.actor == payload["actor"]))
        return
    add_credential(
        connection,
        actor=payload["actor"],
        role=payload["role"],
        digest=payload["token_digest"],
        days=payload["days"],
        now=now,
    )


def _change(row: Row[Any]) -> Change:
    return Change(
        number=row.number,
        kind=row.kind,
        payload=json.loads(row.payload),
        proposed_by=row.proposed_by,
        approved_by=row.approved_by,
    )


def _log(connection: Connection, actor: Actor, action: str, outcome: str, now: int) -> None:
    connection.execute(
        insert(admin_log).values(at=now, actor=actor.name, role=actor.role, action=action, outcome=outcome)
    )
