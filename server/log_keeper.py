"""The service's hands on its two logs: ticks on a fixed clock, and proofs for whoever a receipt is of."""

from collections.abc import Callable

from sqlalchemy import Engine

from privacy.http_signature import Proof
from server.consent import Purpose
from server.consent_ledger import StoredConsentLog
from server.database import serially
from server.logs import Logs, NoLog
from server.once import Once, decide


class LogKeeper:
    """Grow the private log and prove what stands in it, over one store.

    Args:
        engine: the store's.
        logs: who signs; None where nobody does.
        clock: seconds since 1970 UTC.
    """

    def __init__(self, engine: Engine, logs: Logs | None, *, clock: Callable[[], int]) -> None:
        self._engine = engine
        self._logs = logs
        self._clock = clock

    @property
    def logs(self) -> Logs:
        """Who signs.

        Raises:
            NoLog: nobody does.
        """
        if self._logs is None:
            raise NoLog("this service signs no log: start it with the logs' keys")
        return self._logs

    def tick(self) -> bool:
        """Grow the private log if its time has come; return whether it did.

        Raises:
            NoLog: nobody signs it.
        """
        logs, now = self.logs, self._clock()
        grown = serially(self._engine, lambda connection: StoredConsentLog(connection, logs).tick(now=now))
        return grown is not None

    def proof(self, proof: Proof, purpose: Purpose, version: int) -> bytes:
        """Return what shows offline that a receipt stands in both logs, to whoever it is of.

        Raises:
            Stale, NoLog, NoProofYet: there is nothing to show.
        """
        logs = self.logs

        def step(once: Once) -> bytes:
            found = StoredConsentLog(once.connection, logs).proof(once.subject, purpose, version)
            once.spend()
            return found

        return decide(self._engine, proof, step, clock=self._clock)
