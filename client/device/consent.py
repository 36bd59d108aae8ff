"""Consent on the device: the switch acts first and offline; the service hears of it afterwards, for certain.

A withdrawal is one local transaction: the switch goes off, what was made under it is deleted, and the withdrawal is
queued. Only then may a byte leave. A grant is the other way round: nothing is switched on before its receipt.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from client.device.consent_errors import AskAgain, ConsentRefused, ConsentUnavailable
from client.device.courier import Courier, Services, jitter, read_origin
from client.device.database import Database
from client.device.notice import Notice, own_notice
from client.device.purposes import LIFETIME, LOCAL, PURPOSES, SENDS, Purpose, refused_by_signal
from client.device.shredding import ITSELF, finish
from client.device.switches import How, ReceiptKind, Switch, Switches, Withdrawal, permitted
from client.device.vault import Vault
from client.device.web import Web
from privacy.keys import VerifyKey
from privacy.manifest import TrustAnchors
from privacy.pseudonym import subject_of
from privacy.records import ReceiptFacts, write_receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class PurposeStatus:
    """One purpose, for the person to see.

    Args:
        switch: as it stands here.
        permitted: whether use is allowed now.
        waiting: a withdrawal that is not acknowledged yet.
    """

    switch: Switch
    permitted: bool
    waiting: Withdrawal | None


class Consent:
    """Decide on this device; every method but `notice`, `grant` and `refresh` works offline.

    Args:
        database: the device's.
        vault: derives the device's key for each service.
        server: the consent service's address, or None where there is none.
        keys: the service's keys, pinned by the app; without them the first contact pins what the service names.
        trust: the app's pinned log: keys that follow those by its rotations are believed too.
        clock: seconds since 1970 UTC.
        jitter: numbers from 0 to 1 that spread attempts in time.
        web: sends requests.
        withdrawn: called after each withdrawal, to wake whoever carries it.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        server: str | None,
        keys: Sequence[VerifyKey] = (),
        trust: TrustAnchors | None = None,
        clock: Callable[[], int],
        jitter: Callable[[], float] = jitter,
        web: Web | None = None,
        withdrawn: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._vault = vault
        self.kept_in = vault.kept_in
        self._origin = read_origin(server).origin if server else ""
        self._clock = clock
        self._services = Services(database, vault, trust=trust, clock=clock, web=web or Web())
        self._withdrawn = withdrawn
        self.courier = Courier(database, vault, self._services, clock=clock, jitter=jitter)
        if self._origin and keys:
            self._services.pin(self._origin, keys)

    def permits(self, purpose: Purpose) -> bool:
        """Tell whether use is allowed at this moment; missing, lapsed or unreadable means no."""
        with self._database.reading() as connection:
            return permitted(Switches(connection), purpose, now=self._clock())

    def status(self) -> dict[Purpose, PurposeStatus]:
        """Return every purpose as it stands here."""
        with self._database.reading() as connection:
            switches, now = Switches(connection), self._clock()
            waiting = {withdrawal.purpose: withdrawal for withdrawal in switches.queued()}
            return {
                purpose: PurposeStatus(
                    switch=switches.get(purpose),
                    permitted=permitted(switches, purpose, now=now),
                    waiting=waiting.get(purpose),
                )
                for purpose in PURPOSES
            }

    def receipts(self, kind: ReceiptKind = "consent") -> list[bytes]:
        """Return every receipt of a kind that is kept for the person, oldest first."""
        with self._database.reading() as connection:
            return Switches(connection).receipts(kind)

    def notice(self, purpose: Purpose, *, language: str = "en") -> Notice:
        """Return what must be shown before the person decides.

        Raises:
            ConsentUnavailable: the service does not answer, or there is none and the purpose needs one.
        """
        if not self._origin:
            if purpose == LOCAL:
                return own_notice(language)
            raise ConsentUnavailable(
                "this purpose needs a consent service: give its address", problem="no_service"
            )
        client = self._services.client(self._origin)
        found = [notice for notice in client.notices(language) if notice.purpose == purpose]
        if not found:
            raise ConsentUnavailable("the service has no such notice in this language", problem="no_notice")
        states = client.states(gpc=self._gpc()) if self._known(self._origin) else None
        version = (states or {}).get(purpose, (0, False))[0]
        return replace(found[0], version=version)

    def grant(self, notice: Notice, *, token: str | None = None) -> None:
        """Give consent under a notice that was shown; nothing is switched on before the receipt verifies.

        Args:
            notice: from `notice`, as the person saw it.
            token: the app's word for this device, where the service asks for one.

        Raises:
            AskAgain: another version or notice holds now.
            ConsentUnavailable: try again later.
            ConsentRefused: the service or the person's own signal refuses.
            ReceiptRefused: the answer proves nothing.
        """
        purpose = notice.purpose
        if refused_by_signal(purpose, gpc=self._gpc()):
            raise ConsentRefused(
                "Global Privacy Control is on: it refuses this purpose", problem="refused_by_signal"
            )
        if not self._origin:
            self._grant_here(notice)
            return
        origin, client = self._origin, self._services.client(self._origin)
        if not self.courier.settle(purpose):
            raise ConsentUnavailable("a withdrawal is still under way: try again later", problem="queued")
        with self._database.writing(durable=True) as connection:
            switches = Switches(connection)
            before = switches.get(purpose)
            switches.set(f"known {origin}", b"1")
            asked = replace(before, version=notice.version)
            key = switches.attempt(
                origin,
                asked,
                language=notice.language,
                notice=notice.digest,
                fresh=lambda: os.urandom(16).hex(),
            )
        receipt = client.grant(notice, idempotency_key=key, gpc=self._gpc(), token=token)
        granted = replace(
            before,
            epoch=before.epoch + 1,
            granted=True,
            origin=origin,
            version=receipt.version,
            notice=notice.digest,
            language=notice.language,
            valid_until=receipt.valid_until,
            decided_at=self._clock(),
        )
        self._switch_on(before, granted, receipt.data)

    def withdraw(self, purpose: Purpose, *, keep: bool = False, how: How = "withdraw") -> bool:
        """Take consent back: at once, here, offline. the courier tells the service.

        Args:
            purpose: what is withdrawn.
            keep: keep events and personal state, unused, where the local purpose is withdrawn.
            how: ``refuse`` says no when asked: nobody asks again for six months.

        Returns:
            Whether what was deleted is gone from the disk already; the courier finishes it otherwise.
        """
        now = self._clock()
        with self._database.writing(durable=True) as connection:
            switches = Switches(connection)
            before = switches.get(purpose)
            off = replace(before, epoch=before.epoch + 1, granted=False, valid_until=0, decided_at=now)
            switches.put(off)
            switches.clear(purpose, keep=keep, now=now)
            origins = {before.origin, self._origin} - {""}
            for origin in sorted(origins):
                switches.queue(
                    Withdrawal(origin=origin, purpose=purpose, epoch=off.epoch, how=how, next_try=now)
                )
        gone = finish(self._database, self._vault)
        self._withdrawn()
        return gone

    def unknown_to_services(self) -> bool:
        """Tell whether no service has met this device under a name of its own."""
        with self._database.reading() as connection:
            query = "SELECT 1 FROM settings WHERE name LIKE 'known %' LIMIT 1"
            return connection.execute(query).fetchone() is None

    def refuse(self, purpose: Purpose) -> bool:
        """Say no when asked; where consent stood it is withdrawn by it."""
        return self.withdraw(purpose, how="refuse")

    def signal(self, *, on: bool) -> None:
        """Switch Global Privacy Control on or off; on refuses and withdraws every purpose that sends something."""
        with self._database.writing(durable=True) as connection:
            Switches(connection).set("gpc", b"1" if on else b"0")
        for purpose, status in self.status().items():
            if on and purpose in SENDS and status.switch.granted:
                self.withdraw(purpose)

    def refresh(self) -> None:
        """Ask the service how consent stands; its answer may switch off what is on, never the reverse.

        Raises:
            ConsentUnavailable, ConsentRefused: there is no answer; what is lapsed is off all the same.
        """
        if not self._origin or not self._known(self._origin):
            return
        with self._database.reading() as connection:
            before = {purpose: Switches(connection).get(purpose) for purpose in PURPOSES}
        states = self._services.client(self._origin).states(gpc=self._gpc()) or {}
        with self._database.writing(durable=True) as connection:
            switches = Switches(connection)
            for purpose in PURPOSES:
                switch = switches.get(purpose)
                version, stands = states.get(purpose, (0, False))
                ours = switch.granted and switch.origin == self._origin and switch == before[purpose]
                if ours and (not stands or version != switch.version):
                    off = replace(switch, epoch=switch.epoch + 1, granted=False, decided_at=self._clock())
                    switches.put(off)
                    switches.clear(purpose, keep=True, now=self._clock())

    def close(self) -> None:
        """Close connections to services."""
        self._services.close()

    def _grant_here(self, notice: Notice) -> None:
        """Switch the local purpose on where there is no service, under a receipt the device signs itself."""
        if notice.purpose != LOCAL:
            raise ConsentUnavailable(
                "this purpose needs a consent service: give its address", problem="no_service"
            )
        if notice != own_notice(notice.language):
            raise AskAgain("this is not the notice of this device: show the current one and ask again")
        now, key = self._clock(), self._vault.signing_key(audience=ITSELF)
        with self._database.reading() as connection:
            before = Switches(connection).get(LOCAL)
        facts = ReceiptFacts(
            subject=subject_of(key.public),
            purpose=LOCAL,
            decision="granted",
            version=before.epoch + 1,
            notice=notice.content,
            notice_digest=notice.digest,
            at=now,
            valid_until=now + LIFETIME,
            effective="at_ack",
            effective_by=now,
            controller="this device",
        )
        granted = Switch(
            purpose=LOCAL,
            epoch=before.epoch + 1,
            granted=True,
            notice=notice.digest,
            language=notice.language,
            valid_until=now + LIFETIME,
            decided_at=now,
        )
        self._switch_on(before, granted, write_receipt(facts, key))

    def _switch_on(self, before: Switch, granted: Switch, receipt: bytes) -> None:
        """Switch on and keep the receipt, unless another decision was made here in the meantime."""
        with self._database.writing(durable=True) as connection:
            switches = Switches(connection)
            if switches.get(granted.purpose).epoch != before.epoch:
                raise AskAgain("another decision was made meanwhile, and stands: ask again")
            switches.put(granted)
            connection.execute("DELETE FROM grants WHERE purpose = ?", (granted.purpose,))
            switches.keep_receipt(
                "consent", granted.purpose, version=granted.version, origin=granted.origin, receipt=receipt
            )

    def _known(self, origin: str) -> bool:
        with self._database.reading() as connection:
            return Switches(connection).setting(f"known {origin}") is not None

    def _gpc(self) -> bool:
        with self._database.reading() as connection:
            return Switches(connection).setting("gpc") == b"1"
