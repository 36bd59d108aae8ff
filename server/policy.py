"""What two people may change: the budget of a line, the notices, the service's keys."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from sqlalchemy import Connection, Engine, insert, select, update

from privacy.acts import CapChanged, NoticePublished
from privacy.canonical import encode
from privacy.errors import PrivacyError
from privacy.events import LineDeclared, decode_event, encode_event
from privacy.keys import VerifyKey
from privacy.terms import Guarantee
from server.admin import Applier, ChangeKind, People, apply_credential
from server.database import reading, serially
from server.errors import ServerError
from server.ledger_store import StoredLedger
from server.notices import Notice, Notices, read_notice, shipped_notices
from server.release_store import apply_release
from server.store import insert_once
from server.tables import lines, notices, service_keys

REFRESH_SECONDS = 1.0


class ChangeRefused(ServerError):
    """The change cannot take effect as it stands: propose it again, mended."""

    code: ClassVar[str] = "change_refused"


class KeyNotApproved(ServerError):
    """The service's key is not one that two people approved: it must not sign."""

    code: ClassVar[str] = "key_not_approved"


def appliers(clock: Callable[[], int]) -> dict[ChangeKind, Applier]:
    """Return what puts each kind of change into effect."""

    def whole(apply: Applier) -> Applier:
        def guarded(connection: Connection, payload: dict[str, Any], people: People) -> None:
            try:
                apply(connection, payload, people)
            except (KeyError, TypeError, ValueError, AttributeError) as problem:
                raise ChangeRefused("the change lacks a field, or one has another type") from problem
            except PrivacyError as problem:
                raise ChangeRefused(f"the change cannot be: {problem}") from None

        return guarded

    return {
        "budget": whole(apply_budget),
        "notice": whole(apply_notice),
        "credential": whole(
            lambda connection, payload, _: apply_credential(connection, payload, now=clock())
        ),
        "key": whole(lambda connection, payload, _: apply_key(connection, payload, now=clock())),
        "release": whole(lambda connection, payload, _: apply_release(connection, payload, now=clock())),
    }


def apply_budget(connection: Connection, payload: dict[str, Any], people: People | None = None) -> None:
    """Declare a line with its whole budget, or lower the cap of one: a promise is only ever tightened.

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
        StoredLedger(connection).append(declared)
        values = {"line": declared.line, "epsilon": declared.epsilon_budget}
        connection.execute(insert(lines).values(**values, declared=encode_event(declared).decode()))
        return
    before = decode_event(row.declared.encode())
    same = isinstance(before, LineDeclared) and before == replace(
        declared, epsilon_budget=before.epsilon_budget
    )
    if not same or declared.epsilon_budget > row.epsilon:
        raise ChangeRefused("a declared line changes only by a lower epsilon_budget; declare a new line")
    if people is None:
        raise ChangeRefused("a cap is lowered by two people; propose a change of kind budget")
    StoredLedger(connection).append(
        CapChanged(
            line=declared.line,
            scope="line",
            epsilon=declared.epsilon_budget,
            proposed_by=people[0],
            approved_by=people[1],
        )
    )
    connection.execute(
        update(lines).where(lines.c.line == declared.line).values(epsilon=declared.epsilon_budget)
    )


def cap_of(connection: Connection, line: str) -> Guarantee | None:
    """Return what a line may spend, or None where it was never declared."""
    row = connection.execute(select(lines).where(lines.c.line == line)).one_or_none()
    if row is None:
        return None
    declared = decode_event(row.declared.encode())
    if not isinstance(declared, LineDeclared):
        raise ChangeRefused(f"line {line} is not declared by a declaration")
    return replace(declared.guarantee(), epsilon=row.epsilon)


def apply_notice(connection: Connection, payload: dict[str, Any], people: People) -> None:
    """Add a new edition of a notice in all its languages at once: ``{"notices": [...]}``.

    Every consent under an older edition ends with it: a material change asks again.
    """
    found = [read_notice(json.dumps(content), name="notice") for content in payload["notices"]]
    if not found or len({(notice.purpose, notice.edition) for notice in found}) != 1:
        raise ChangeRefused("give one edition of one purpose, in every language")
    known = Notices([*_SHIPPED.known(), *_stored(connection)])
    purpose, edition = found[0].purpose, found[0].edition
    newest = max((n.edition for n in known.known() if n.purpose == purpose), default=0)
    languages = {n.language for n in known.known() if n.purpose == purpose}
    if edition <= newest or {notice.language for notice in found} != languages:
        raise ChangeRefused(f"edition {newest + 1} or later, in {', '.join(sorted(languages))}")
    for notice in found:
        insert_once(connection, notices, digest=notice.digest, content=encode(dict(notice.content)).decode())
        StoredLedger(connection).append(
            NoticePublished(
                purpose=notice.purpose,
                language=notice.language,
                edition=notice.edition,
                notice=notice.digest,
                proposed_by=people[0],
                approved_by=people[1],
            )
        )


def apply_key(connection: Connection, payload: dict[str, Any], *, now: int) -> None:
    """Approve a key of the service: ``{"public": base64}``; earlier receipts stay valid under theirs."""
    VerifyKey.from_base64(payload["public"])
    insert_once(connection, service_keys, public=payload["public"], since=now)


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
                f"the store knows other keys than this one; propose a change of kind key with public {key.base64}"
            )

    serially(engine, step)


def keys_listed(engine: Engine) -> list[tuple[str, int]]:
    """Return every key that ever signed receipts, with since when, oldest first."""
    with reading(engine) as connection:
        rows = connection.execute(select(service_keys).order_by(service_keys.c.since, service_keys.c.public))
        return [(row.public, row.since) for row in rows]


def notices_in(connection: Connection) -> Notices:
    """Return the notices as this transaction sees them."""
    return Notices([*_SHIPPED.known(), *_stored(connection)])


class CurrentNotices:
    """The notices that hold now, read again at most once a second.

    Whoever commits a round reads them in the committing transaction instead.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read_at = float("-inf")
        self._notices = Notices([])

    def __call__(self) -> Notices:
        """Return them."""
        if time.monotonic() - self._read_at > REFRESH_SECONDS:
            with reading(self._engine) as connection:
                self._notices = notices_in(connection)
            self._read_at = time.monotonic()
        return self._notices


_SHIPPED = shipped_notices()


def _stored(connection: Connection) -> list[Notice]:
    rows = connection.execute(select(notices.c.content)).scalars()
    return [read_notice(content, name="stored notice") for content in rows]
