"""Withdrawing a release: the log's entry, the file that shows it to devices, and the channel; all or none of them."""

from sqlalchemy import Connection

from privacy.acts import ReleaseWithdrawn, WithdrawalReason
from privacy.errors import PrivacyError
from privacy.events import ReleasePublished
from privacy.withdrawal import encode_withdrawal, open_withdrawal
from server.ledger_store import StoredLedger
from server.line_policy import hold_line
from server.logs import Logs
from server.release_store import ReleaseStore
from server.releases import ReleaseLine, ReleaseRefused


def log_and_withdraw(
    connection: Connection, line: str, sequence: int, reason: WithdrawalReason, *, logs: Logs
) -> ReleaseLine:
    """Record a withdrawal in this service's log and carry its proof in the channel.

    Args:
        connection: the transaction.
        line: published in this log.
        sequence: of the release.
        reason: as the log says it.
        logs: who signs the log.

    Raises:
        NoRelease, ReleaseRefused: there is no such release, it is withdrawn already, or it stands in another log.
    """
    ReleaseStore(connection).line(line).withdraw(sequence, "")  # refuses what cannot be withdrawn
    ledger = StoredLedger(connection)
    if not any(
        isinstance(event, ReleasePublished) and event.sequence == sequence
        for event in ledger.of(ReleasePublished, line=line)
    ):
        raise ReleaseRefused(
            f"release {sequence} stands in another log than this service's: withdraw it there, bring the evidence"
        )
    hold_line(connection, line)
    event = ReleaseWithdrawn(line=line, sequence=sequence, reason=reason)
    ledger.append(event)
    ledger.keep_head(logs.public)
    return _carry(connection, event, encode_withdrawal(event, ledger.proof(event, logs.public)))


def carry_withdrawal(connection: Connection, line: str, sequence: int, digest: str) -> ReleaseLine:
    """Carry a withdrawal that another log shows, whose file was put here before.

    Raises:
        NoRelease, ReleaseRefused: there is no such release, or the log that its line trusts does not show it.
    """
    store = ReleaseStore(connection)
    data = store.read({"evidence": digest}).get("evidence", b"")
    try:
        event = open_withdrawal(data, store.trusted(line))
    except PrivacyError as problem:
        raise ReleaseRefused(str(problem)) from None
    if (event.line, event.sequence) != (line, sequence):
        raise ReleaseRefused(f"the evidence is of release {event.sequence} of {event.line}")
    return _carry(connection, event, data)


def _carry(connection: Connection, event: ReleaseWithdrawn, data: bytes) -> ReleaseLine:
    store = ReleaseStore(connection)
    digest = store.put(data)
    return store.change(event.line, lambda line: line.withdraw(event.sequence, digest))
