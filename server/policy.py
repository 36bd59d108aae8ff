"""What two people may change, each kind put into effect with its entry in the public log; and the notices."""

import json
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, select

from privacy.acts import NoticePublished
from privacy.canonical import encode
from privacy.errors import PrivacyError
from server.admin import Applier, ChangeKind, People, apply_credential
from server.database import reading
from server.errors import ChangeRefused
from server.key_policy import apply_key
from server.ledger_store import StoredLedger
from server.line_policy import apply_budget, apply_cap, apply_hazard, apply_period
from server.logs import Logs
from server.notices import Notice, Notices, read_notice, shipped_notices
from server.release_store import apply_release
from server.store import insert_once
from server.tables import notices

REFRESH_SECONDS = 1.0


def appliers(clock: Callable[[], int], *, logs: Logs | None = None) -> dict[ChangeKind, Applier]:
    """Return what puts each kind of change into effect, its record in the public log included.

    Args:
        clock: seconds since 1970 UTC.
        logs: who signs the public log; without them no key is replaced.
    """

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
        "budget": whole(apply_line),
        "cap": whole(apply_cap),
        "period": whole(lambda connection, payload, _: apply_period(connection, payload, now=clock())),
        "hazard": whole(lambda connection, payload, _: apply_hazard(connection, payload)),
        "notice": whole(apply_notice),
        "credential": whole(
            lambda connection, payload, _: apply_credential(connection, payload, now=clock())
        ),
        "key": whole(
            lambda connection, payload, people: apply_key(connection, payload, people, logs=logs, now=clock())
        ),
        "release": whole(lambda connection, payload, _: apply_release(connection, payload, now=clock())),
    }


def apply_line(connection: Connection, payload: dict[str, Any], people: People) -> None:
    """Declare a line or lower its budget; the notices in force enter the log with it, by the same two people."""
    apply_budget(connection, payload, people)
    logged = {
        event.notice
        for event in StoredLedger(connection).of(NoticePublished)
        if isinstance(event, NoticePublished)
    }
    for notice in notices_in(connection).listed():
        if notice.digest not in logged:
            _publish(connection, notice, people)


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
        _publish(connection, notice, people)


def _publish(connection: Connection, notice: Notice, people: People) -> None:
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
