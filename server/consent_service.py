"""What the consent service does for a person: one transaction a decision, one signed receipt an answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sqlalchemy import Connection, Engine

from privacy.canonical import encode
from privacy.http_signature import Proof
from privacy.keys import SigningKey
from privacy.pseudonym import subject_of
from privacy.records import ReceiptFacts, write_receipt
from server.consent import ConsentState, Purpose, grant, refuse, withdraw
from server.database import reading, serially
from server.errors import ServerError
from server.notices import Notices
from server.store import ConsentStore

WINDOW = 300
"""Seconds by which a device's clock may be off; older requests are replays."""
TOMBSTONE = "-withdrawn-"


class NotEnrolled(ServerError):
    """Nobody is enrolled under this name; only who holds its key hears so."""

    code: ClassVar[str] = "not_enrolled"


class Stale(ServerError):
    """The request is older than its window, or was used before: sign a new one."""

    code: ClassVar[str] = "stale_request"


class JustWithdrawn(ServerError):
    """A withdrawal has just arrived for this name: an enrolment under way then is not honoured."""

    code: ClassVar[str] = "just_withdrawn"


class KeyReused(ServerError):
    """The idempotency key was used for another request: choose a new one."""

    code: ClassVar[str] = "idempotency_key_reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRequest:
    """What a person decided, as their device says it.

    Args:
        notice: digest of the notice shown, hex.
        language: its language.
        expected_version: the version decided on, from If-Match.
        idempotency_key: the same for every attempt of the same decision.
        digest: digest of everything the attempt says.
        refused_by_signal: the request carries Sec-GPC: 1.
    """

    notice: str
    language: str
    expected_version: int
    idempotency_key: str
    digest: str
    refused_by_signal: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A decision that is durable.

    Args:
        version: the consent version it made, or found.
        body: the signed receipt as canonical JSON.
    """

    version: int
    body: str


class ConsentService:
    """Decide and acknowledge, over one store.

    Args:
        engine: the store's.
        key: signs receipts.
        controller: who answers for the processing, as receipts name it.
        notices: returns the notices that hold now; called for every decision.
        clock: seconds since 1970 UTC.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        key: SigningKey,
        controller: str,
        notices: Callable[[], Notices],
        clock: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._key = key
        self._controller = controller
        self._notices = notices
        self._clock = clock

    def enrol(self, proof: Proof) -> bool:
        """Enrol whoever holds the key; return whether they are new.

        Raises:
            Stale, JustWithdrawn: nothing changes.
        """
        subject, now = subject_of(proof.key), self._clock()

        def step(connection: Connection) -> bool:
            store = self._fresh(connection, proof, now)
            if store.used(subject, TOMBSTONE):
                raise JustWithdrawn(f"withdrawn a moment ago; enrol again in {2 * WINDOW} s")
            return store.enrol(subject, now=now)

        return serially(self._engine, step)

    def states(self, subject: str) -> dict[Purpose, ConsentState]:
        """Return every purpose's state.

        Raises:
            NotEnrolled: there is none.
        """
        with reading(self._engine) as connection:
            found = ConsentStore(connection).states(subject)
        if found is None:
            raise NotEnrolled("nobody is enrolled under this name; POST /v1/subjects first")
        return found

    def grant(self, proof: Proof, purpose: Purpose, request: GrantRequest) -> Acknowledged:
        """Give consent, once for every idempotency key.

        Raises:
            Stale, NotEnrolled, KeyReused, SignalRefuses, NoticeOutdated, VersionMoved, TooManyGrants: nothing
                changes.
        """
        subject, now, notices = subject_of(proof.key), self._clock(), self._notices()

        def step(connection: Connection) -> Acknowledged:
            store = self._fresh(connection, proof, now)
            found = store.state(subject, purpose)
            if found is None:
                raise NotEnrolled("nobody is enrolled under this name; POST /v1/subjects first")
            handle, state = found
            if earlier := store.earlier(handle, request.idempotency_key):
                digest, body = earlier
                if digest != request.digest:
                    raise KeyReused("this Idempotency-Key belongs to another request")
                return Acknowledged(_version_in(body), body)
            given = grant(
                state,
                expected_version=request.expected_version,
                notice=request.notice,
                language=request.language,
                current_notices=notices.current(purpose),
                now=now,
                refused_by_signal=request.refused_by_signal,
            )
            body = self._receipt(subject, purpose, given, now, notices)
            store.save(handle, purpose, given)
            store.keep_receipt(
                handle,
                purpose,
                version=given.version,
                receipt=body,
                idempotency_key=request.idempotency_key,
                request_digest=request.digest,
            )
            return Acknowledged(given.version, body)

        return serially(self._engine, step)

    def stop(self, proof: Proof, purpose: Purpose, how: Literal["withdraw", "refuse"]) -> Acknowledged:
        """Take consent back or refuse it: unconditional, the same again however often it arrives.

        When this returns, nothing uncommitted of the subject is left in the store, whoever was enrolled. A name
        that is not enrolled is kept out until every request signed before now is too old to count.

        Raises:
            Stale: nothing changes.
        """
        subject, now, notices = subject_of(proof.key), self._clock(), self._notices()
        change = withdraw if how == "withdraw" else refuse

        def step(connection: Connection) -> Acknowledged:
            store = self._fresh(connection, proof, now)
            found = store.state(subject, purpose)
            if found is None:
                store.first_use(subject, TOMBSTONE, until=now + 2 * WINDOW)
                nothing = change(ConsentState(), now=now)
                return Acknowledged(0, self._receipt(subject, purpose, nothing, now, notices))
            handle, state = found
            stopped = change(state, now=now)
            if purpose == "federated_contribution":
                store.drop_uncommitted(handle)
            if stopped == state and (kept := store.receipt_of(handle, purpose, state.version)):
                return Acknowledged(state.version, kept)
            body = self._receipt(subject, purpose, stopped, now, notices)
            store.save(handle, purpose, stopped)
            store.keep_receipt(handle, purpose, version=stopped.version, receipt=body)
            return Acknowledged(stopped.version, body)

        return serially(self._engine, step)

    def erase(self, proof: Proof) -> None:
        """Delete everything about whoever holds the key; the same again however often it arrives.

        Raises:
            Stale: nothing changes.
        """
        subject, now = subject_of(proof.key), self._clock()

        def step(connection: Connection) -> None:
            store = self._fresh(connection, proof, now)
            store.erase(subject)
            store.first_use(subject, TOMBSTONE, until=now + 2 * WINDOW)

        serially(self._engine, step)

    def receipts(self, subject: str, *, after: int, limit: int) -> list[tuple[int, str]]:
        """Return a page of receipts, oldest first, as (number, signed receipt)."""
        with reading(self._engine) as connection:
            return list(ConsentStore(connection).receipts(subject, after=after, limit=limit))

    def forget_nonces(self) -> None:
        """Drop what only served to recognize replays of requests that are too old by now."""
        serially(self._engine, lambda c: ConsentStore(c).forget_nonces(now=self._clock()))

    def check_fresh(self, proof: Proof) -> None:
        """Refuse a request that is out of its window; reading needs no more than that.

        Raises:
            Stale: it is.
        """
        _check_window(proof, self._clock())

    def _fresh(self, connection: Connection, proof: Proof, now: int) -> ConsentStore:
        _check_window(proof, now)
        store = ConsentStore(connection)
        if not store.first_use(subject_of(proof.key), proof.nonce, until=now + 2 * WINDOW):
            raise Stale("this request was used before; sign a new one")
        return store

    def _receipt(
        self, subject: str, purpose: Purpose, state: ConsentState, now: int, notices: Notices
    ) -> str:
        shown = notices.find(state.notice)
        facts = ReceiptFacts(
            subject=subject,
            purpose=purpose,
            decision=state.decision or "withdrawn",
            version=state.version,
            notice=shown.content if shown else {},
            notice_digest=state.notice,
            at=now,
            valid_until=state.valid_until,
            effective="at_ack",
            effective_by=now,
            controller=self._controller,
        )
        return encode(write_receipt(facts, self._key)).decode()


def _check_window(proof: Proof, now: int) -> None:
    if abs(now - proof.created) > WINDOW:
        raise Stale("signed too long ago or in the future; set the clock and sign again")


def _version_in(body: str) -> int:
    receipt: dict[str, Any] = json.loads(body)
    return int(receipt["receipt"]["events"][0]["version"])
