"""A signed request counts once: its nonce is spent in the transaction that decides it, refusals included."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, Engine

from privacy.http_signature import Proof
from privacy.pseudonym import subject_of
from server.consent import ConsentState, Purpose
from server.database import StoreUnavailable, serially
from server.errors import ServerError
from server.refusals import WINDOW, Stale
from server.store import ConsentStore, Held

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """One request within the transaction that decides it.

    Args:
        connection: the transaction.
        proof: who signed.
        subject: the pseudonym of whoever signed.
        now: seconds since 1970 UTC, the same for the whole step.
    """

    connection: Connection
    proof: Proof
    subject: str
    now: int

    @property
    def store(self) -> ConsentStore:
        """The consent half of the store."""
        return ConsentStore(self.connection)

    def spend(self) -> None:
        """Spend the nonce where nothing else is written with it.

        Raises:
            Stale: it is spent already.
        """
        self._must(self.store.first_use(self.subject, self.proof.nonce, until=self.now + 2 * WINDOW))

    def settle(
        self,
        held: Held,
        purpose: Purpose,
        state: ConsentState,
        *,
        receipt: str | None,
        idempotency_key: str | None = None,
        request_digest: str | None = None,
    ) -> None:
        """Write what was decided, its receipt if it is to be kept, and spend the nonce.

        Raises:
            Stale: the nonce is spent already; nothing is written.
        """
        new = self.store.settle(
            held,
            purpose,
            state,
            subject=self.subject,
            nonce=self.proof.nonce,
            until=self.now + 2 * WINDOW,
            receipt=receipt,
            idempotency_key=idempotency_key,
            request_digest=request_digest,
        )
        self._must(new)
        if held.confirm_by:
            self.store.confirm(self.subject)

    def _must(self, new: bool) -> None:
        if not new:
            raise Stale("this request was used before; sign a new one", now=self.now)


def decide(
    engine: Engine, proof: Proof, step: Callable[[Once], Result], *, clock: Callable[[], int]
) -> Result:
    """Run one request's step as one transaction.

    Args:
        engine: the store's.
        proof: who signed.
        step: refuses before it writes, and spends the nonce by `Once.spend` or `Once.settle`.
        clock: seconds since 1970 UTC.

    Raises:
        Stale: too old, of the future, or used before; nothing changes, and nothing is said about anyone.
        ServerError: what the step refused with, after its nonce was spent.
    """
    now = clock()
    if abs(now - proof.created) > WINDOW:
        raise Stale("signed too long ago or in the future; set the clock and sign again", now=now)
    subject = subject_of(proof.key)

    def whole(connection: Connection) -> Result | ServerError:
        once = Once(connection=connection, proof=proof, subject=subject, now=now)
        try:
            return step(once)
        except (Stale, StoreUnavailable):
            raise
        except ServerError as refusal:
            once.spend()
            return refusal

    done = serially(engine, whole)
    if isinstance(done, ServerError):
        raise done
    return done
