"""The courier: carries queued withdrawals to their services until each signed receipt has come."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from client.device.consent_errors import ConsentError, ReceiptRefused
from client.device.database import Database, StoreError
from client.device.purposes import Purpose
from client.device.shredding import finish
from client.device.switches import Switches, Withdrawal, wait_before
from client.device.vault import Vault
from client.device.web import Address, AddressRefused, Web, read_address
from privacy.errors import PrivacyError
from privacy.keys import VerifyKey

if TYPE_CHECKING:
    from client.device.consent_client import ConsentClient, Receipt
    from privacy.log_pins import Pins
    from privacy.manifest import TrustAnchors

BUSY_WAIT = 60
"""Seconds after which a database that did not answer is asked again."""


def jitter() -> float:
    """Return a number from 0 to 1 of the operating system's."""
    return int.from_bytes(os.urandom(4)) / 2**32


class Services:
    """The consent services this device knows, by origin, and the keys their receipts are checked against.

    Args:
        database: keeps pinned keys.
        vault: derives the device's key for each service.
        trust: the log whose rotations lead to later keys, pinned by the app; without it none is followed.
        clock: seconds since 1970 UTC.
        web: sends requests.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        trust: "TrustAnchors | None" = None,
        clock: Callable[[], int],
        web: Web,
    ) -> None:
        self._database = database
        self._trust = trust
        self._vault = vault
        self._clock = clock
        self._web = web
        self._clients: dict[str, ConsentClient] = {}

    def client(self, origin: str) -> "ConsentClient":
        """Return the client of a service, pinning at the first contact what it names as its keys.

        Raises:
            ConsentUnavailable, ConsentRefused: no key is pinned, and none is to be had.
        """
        if origin not in self._clients:
            from client.device.consent_client import ConsentClient

            self._clients[origin] = ConsentClient(
                read_origin(origin),
                key=self._vault.signing_key(audience=origin),
                trusted=lambda: self._trusted(origin),
                renew=lambda: self._renew(origin),
                clock=self._clock,
                web=self._web,
            )
        client = self._clients[origin]
        if not self._trusted(origin):
            self.pin(origin, client.keys())
        return client

    def pin(self, origin: str, keys: Sequence[VerifyKey]) -> None:
        """Pin keys of a service beside those pinned already."""
        with self._database.writing(durable=True) as connection:
            Switches(connection).pin(origin, tuple(key.base64 for key in keys))

    def _renew(self, origin: str) -> bool:
        """Pin the keys that followed a pinned one, if the pinned log holds their rotations; return whether there are.

        Raises:
            ReceiptRefused: what the service shows does not hold.
            ConsentUnavailable, ConsentRefused: it does not answer.
        """
        shown = None if self._trust is None else self._clients[origin].rotations()
        if self._trust is None or shown is None:
            return False
        from privacy.succession import follow

        try:
            followed = follow(shown, self._trust.log_key, origin=self._trust.origin)
        except PrivacyError as problem:
            raise ReceiptRefused(f"the service's new key is not in the pinned log: {problem}") from None
        trusted = self._trusted(origin)
        later = [key for each in trusted for key in followed.after("receipt", each) if key not in trusted]
        self.pin(origin, later)
        return bool(later)

    def close(self) -> None:
        """Close every connection."""
        self._web.close()

    def _trusted(self, origin: str) -> list[VerifyKey]:
        with self._database.reading() as connection:
            return [VerifyKey.from_base64(key) for key in Switches(connection).pinned(origin)]


def read_origin(url: str) -> Address:
    """Read a consent service's address: a signature covers the path, so no proxy may put one in front.

    Raises:
        AddressRefused: it is no address, or has a path.
    """
    address = read_address(url)
    if address.path:
        raise AddressRefused(
            "a consent service stands at the root of its host: give its address without a path"
        )
    return address


class Courier:
    """Carry what is queued.

    Args:
        database: holds the queue.
        vault: signs receipts of what is gone.
        services: where withdrawals go.
        clock: seconds since 1970 UTC.
        jitter: numbers from 0 to 1 that spread attempts in time.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        services: Services,
        *,
        clock: Callable[[], int],
        jitter: Callable[[], float],
    ) -> None:
        self._database = database
        self._vault = vault
        self._services = services
        self._clock = clock
        self._jitter = jitter

    def deliver(self) -> int | None:
        """Send each queued withdrawal that is due, and finish deleting; never raises for what a network does.

        Returns:
            Seconds until the next attempt is due, or None when nothing waits.
        """
        finish(self._database, self._vault)
        now = self._clock()
        for withdrawal in self._queued():
            if withdrawal.next_try <= now:
                self._attempt(withdrawal)
        queued = self._queued()
        return max(0, min(each.next_try for each in queued) - self._clock()) if queued else None

    def erasing(self) -> bool:
        """Tell whether something that was deleted is still on the disk, kept there by another reader."""
        return not finish(self._database, self._vault)

    def waiting(self) -> bool:
        """Tell whether a withdrawal, or a deletion, is not finished."""
        return bool(self._queued()) or self.erasing()

    def settle(self, purpose: Purpose) -> bool:
        """Attempt one purpose's withdrawals now, due or not; return whether none is left."""
        return all(self._attempt(each) for each in self._queued() if each.purpose == purpose)

    def run(self, wake: threading.Event, stop: threading.Event) -> None:
        """Deliver until told to stop, waking when something is queued: the body of a background thread."""
        while not stop.is_set():
            wake.clear()
            try:
                wait = self.deliver()
            except StoreError:  # nothing was lost: the queue is on the disk
                wait = BUSY_WAIT
            if wait is None and self.erasing():
                wait = BUSY_WAIT
            wake.wait(wait)

    def prove(self, pins: "Pins") -> tuple[int, int]:
        """Fetch the log proofs of receipts that lack one, and keep those that hold under the pinned logs.

        Returns:
            How many were kept now, and how many receipts still have none.

        Raises:
            ConsentUnavailable, ConsentRefused: a service does not answer.
            ReceiptRefused: a proof does not hold: the service's logs are not the pinned ones, or it lies.
        """
        with self._database.reading() as connection:
            waiting = Switches(connection).unproved()
        kept = 0
        for number, origin, purpose, version, receipt in waiting:
            found = self._services.client(origin).proof(purpose, version)
            if found is None:
                continue
            try:
                pins.check(found, receipt)
            except PrivacyError as problem:
                raise ReceiptRefused(f"the proof does not hold under the pinned logs: {problem}") from None
            with self._database.writing(durable=True) as connection:
                Switches(connection).keep_proof(number, found)
            kept += 1
        return kept, len(waiting) - kept

    def _attempt(self, withdrawal: Withdrawal) -> bool:
        """Make one attempt; return whether it was acknowledged."""
        try:
            receipt = self._stopped(withdrawal)
        except ConsentError as error:
            problem, wait = getattr(error, "problem", error.code), getattr(error, "retry_after", 0)
            attempts = withdrawal.attempts + 1
            later = self._clock() + max(wait, wait_before(attempts, self._jitter()))
            postponed = replace(withdrawal, attempts=attempts, next_try=later, problem=problem)
            with self._database.writing() as connection:
                if withdrawal in Switches(connection).queued():
                    Switches(connection).queue(postponed)
            return False
        with self._database.writing(durable=True) as connection:
            switches = Switches(connection)
            switches.settle(withdrawal)
            switches.keep_receipt(
                "consent",
                withdrawal.purpose,
                version=receipt.version,
                origin=withdrawal.origin,
                receipt=receipt.data,
            )
        return True

    def _stopped(self, withdrawal: Withdrawal) -> "Receipt":
        with self._database.reading() as connection:
            switch = Switches(connection).get(withdrawal.purpose)
        beyond = switch.version if switch.origin == withdrawal.origin else 0
        client = self._services.client(withdrawal.origin)
        return client.stop(withdrawal.purpose, withdrawal.how, beyond=beyond)

    def _queued(self) -> list[Withdrawal]:
        with self._database.reading() as connection:
            return Switches(connection).queued()
