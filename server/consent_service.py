"""What the consent service does for a person: one transaction a decision, one signed receipt an answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Engine

from privacy.http_signature import Proof
from privacy.keys import SigningKey
from privacy.records import ReceiptFacts, write_receipt
from server.consent import SENDS, ConsentState, Purpose, grant, refuse, withdraw
from server.database import serially
from server.notices import Notices
from server.once import Once, decide
from server.policy import notices_in
from server.refusals import WINDOW, JustWithdrawn, KeyReused, NotEnrolled
from server.store import ConsentStore


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


@dataclass(frozen=True, slots=True)
class Seen:
    """Every purpose of a subject, with the notices and the moment that decide what they permit."""

    states: dict[Purpose, ConsentState]
    notices: Notices
    now: int


class ConsentService:
    """Decide and acknowledge, over one store.

    Args:
        engine: the store's.
        key: signs receipts.
        controller: who answers for the processing, as receipts name it.
        notices: returns the notices that held a moment ago; a grant under one that has just ended permits nothing,
            since whatever uses consent reads notices in its own transaction.
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

        def step(once: Once) -> bool:
            # A withdrawal that arrives meanwhile waits for this row, then sees who has enrolled.
            once.store.bar(once.subject, until=once.now - 1)
            if once.store.barred(once.subject, now=once.now):
                raise JustWithdrawn
            once.spend()
            new = once.store.enrol(once.subject, now=once.now)
            once.store.unbar(once.subject)
            return new

        return decide(self._engine, proof, step, clock=self._clock)

    def look(self, proof: Proof, *, refused_by_signal: bool = False) -> Seen:
        """Return every purpose as it stands for whoever holds the key.

        Args:
            proof: who asks.
            refused_by_signal: the request carries Sec-GPC: 1, which is a refusal: what stands is refused by it.

        Raises:
            Stale, NotEnrolled: there is nothing to see.
        """

        def step(once: Once) -> Seen:
            notices = notices_in(once.connection)
            states = once.store.states(once.subject)
            if states is None:
                raise NotEnrolled
            once.spend()
            once.store.confirm(once.subject)
            for purpose in SENDS if refused_by_signal else ():
                if states[purpose].decision == "granted":
                    states[purpose] = self._refused(once, purpose, notices)
            return Seen(states, notices, once.now)

        return decide(self._engine, proof, step, clock=self._clock)

    def grant(self, proof: Proof, purpose: Purpose, request: GrantRequest) -> Acknowledged:
        """Give consent, once for every idempotency key.

        Raises:
            Stale, NotEnrolled, KeyReused, SignalRefuses, NoticeOutdated, VersionMoved, TooManyGrants: nothing
                changes.
        """
        notices = self._notices()

        def step(once: Once) -> Acknowledged:
            held = once.store.held(once.subject, purpose, idempotency_key=request.idempotency_key)
            if held is None:
                raise NotEnrolled
            if held.earlier is not None:
                digest, body = once.store.receipt(held.earlier)
                if digest != request.digest:
                    raise KeyReused("this Idempotency-Key belongs to another request")
                once.spend()
                return Acknowledged(_version_in(body), body)
            given = grant(
                held.state,
                expected_version=request.expected_version,
                notice=request.notice,
                language=request.language,
                current_notices=notices.current(purpose),
                now=once.now,
                refused_by_signal=request.refused_by_signal,
            )
            body = self._receipt(once, purpose, given, notices)
            once.settle(
                held,
                purpose,
                given,
                receipt=body,
                idempotency_key=request.idempotency_key,
                request_digest=request.digest,
            )
            return Acknowledged(given.version, body)

        return decide(self._engine, proof, step, clock=self._clock)

    def stop(self, proof: Proof, purpose: Purpose, how: Literal["withdraw", "refuse"]) -> Acknowledged:
        """Take consent back or refuse it: unconditional, and the answer is no however often it arrives.

        When this returns, nothing uncommitted of the subject is left in the store, whoever was enrolled, and no
        grant that is still under way will be honoured. A repetition is acknowledged with a receipt of its own, which
        is not kept: the first one proves more.

        Raises:
            Stale: nothing changes.
        """
        notices = self._notices()
        change = withdraw if how == "withdraw" else refuse

        def step(once: Once) -> Acknowledged:
            held = once.store.held(once.subject, purpose)
            if held is None:
                once.store.bar(once.subject, until=once.now + 2 * WINDOW)
                held = once.store.held(once.subject, purpose)  # an enrolment under way has finished by now
                if held is None:
                    once.spend()
                    nothing = ConsentState(decision=change(ConsentState(), now=once.now).decision)
                    return Acknowledged(0, self._receipt(once, purpose, nothing, notices))
                once.store.unbar(once.subject)
            stopped = change(held.state, now=once.now)
            if held.engaged and purpose == "federated_contribution":
                once.store.drop_uncommitted(held.handle)
            body = self._receipt(once, purpose, stopped, notices)
            again = held.state.decision == stopped.decision and held.state.quiet_until == stopped.quiet_until
            once.settle(held, purpose, stopped, receipt=None if again else body)
            return Acknowledged(stopped.version, body)

        return decide(self._engine, proof, step, clock=self._clock)

    def erase(self, proof: Proof) -> None:
        """Delete everything about whoever holds the key; the same again however often it arrives.

        Only the name stays for a few minutes, so that no request signed before can enrol it again.

        Raises:
            Stale: nothing changes.
        """

        def step(once: Once) -> None:
            once.store.bar(once.subject, until=once.now + 2 * WINDOW)
            once.spend()
            once.store.erase(once.subject)

        decide(self._engine, proof, step, clock=self._clock)

    def receipts(self, proof: Proof, *, after: int, limit: int) -> list[tuple[int, str]]:
        """Return a page of receipts, oldest first, as (number, signed receipt).

        Raises:
            Stale: there is nothing to see.
        """

        def step(once: Once) -> list[tuple[int, str]]:
            once.spend()
            return list(once.store.receipts(once.subject, after=after, limit=limit))

        return decide(self._engine, proof, step, clock=self._clock)

    def sweep(self) -> None:
        """Forget nonces of requests that are too old by now, and who has not been back after a restore."""
        now = self._clock()
        serially(self._engine, lambda connection: ConsentStore(connection).forget_nonces(now=now))
        serially(self._engine, lambda connection: ConsentStore(connection).erase_unconfirmed(now=now))

    def _refused(self, once: Once, purpose: Purpose, notices: Notices) -> ConsentState:
        held = once.store.held(once.subject, purpose)
        if held is None or held.state.decision != "granted":
            return ConsentState() if held is None else held.state
        state = refuse(held.state, now=once.now)
        if held.engaged and purpose == "federated_contribution":
            once.store.drop_uncommitted(held.handle)
        once.store.save(held.handle, purpose, state)
        body = self._receipt(once, purpose, state, notices)
        once.store.keep_receipt(held.handle, purpose, version=state.version, receipt=body)
        return state

    def _receipt(self, once: Once, purpose: Purpose, state: ConsentState, notices: Notices) -> str:
        shown = notices.find(state.notice)
        facts = ReceiptFacts(
            subject=once.subject,
            purpose=purpose,
            decision=state.decision or "withdrawn",
            version=state.version,
            notice=shown.content if shown else {},
            notice_digest=state.notice,
            at=once.now,
            valid_until=state.valid_until,
            effective="at_ack",
            effective_by=once.now,
            controller=self._controller,
        )
        return write_receipt(facts, self._key).decode()


def _version_in(body: str) -> int:
    receipt: dict[str, Any] = json.loads(body)
    return int(receipt["receipt"]["events"][0]["version"])
