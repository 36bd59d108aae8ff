"""The device's memory: what may be known about the person now, and how it is forgotten."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from client.device.contracts import StoredEvent
from client.device.database import Database
from client.device.person import Context, Person
from client.device.personal import ConsentNeeded, PersonalStore, Settings
from client.device.purposes import LOCAL, Purpose
from client.device.shredding import Scope
from client.device.slate import Event
from client.device.store import EventStore
from client.device.switches import Switches, permitted
from client.device.vault import Vault, seal, unseal
from client.errors import ClientError
from privacy.events import RoundTerms, decode_event, encode_event


class ForgettingUnfinished(ClientError):
    """Nothing uses it any more, but another program keeps old pages on the disk: close it and call `settle`."""

    code = "still_on_disk"


class ForgetWhat(ClientError):
    """Say one thing to forget: an item, everything since a moment, or everything."""

    code = "forget_what"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Something that is gone.

    Args:
        scope: item, since or all.
        receipt: signed by this device, as the person may keep it; it does not say what was forgotten.
    """

    scope: Scope
    receipt: bytes


class Memory:
    """Everything personal, in one place.

    Args:
        database: the device's.
        vault: wraps keys.
        clock: seconds since 1970 UTC.
        retention_days: nothing older is kept.
    """

    def __init__(
        self, database: Database, vault: Vault, *, clock: Callable[[], int], retention_days: int
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self.events = EventStore(database, vault, clock=clock, retention_days=retention_days)
        self._own = PersonalStore(database, self.events, permitted=self._may)
        self._told: tuple[tuple[StoredEvent, ...], Collection[str], tuple[Event, ...]] | None = None

    def _may(self, switches: Switches) -> bool:
        return permitted(switches, LOCAL, now=self._clock())

    def person(self, context: Context, kinds: Collection[str]) -> Person | None:
        """Return what may be known now; None without consent, or while the person paused.

        Args:
            context: the situation.
            kinds: of event that the release weighs; others are passed over.
        """
        with self._database.reading() as connection:
            switches = Switches(connection)
            if not self._may(switches) or switches.setting("paused") == b"1":
                return None
        own = self._own.get()
        return Person(
            events=self._events(kinds),
            tuned=own.tuned,
            hidden=own.hidden,
            interests=own.interests,
            attributes=own.attributes,
            context=context,
        )

    def _events(self, kinds: Collection[str]) -> tuple[Event, ...]:
        stored = self.events.events()
        if self._told is None or self._told[0] is not stored or self._told[1] is not kinds:
            told = tuple(
                Event(each.item, kind=each.kind, time=each.time) for each in stored if each.kind in kinds
            )
            self._told = stored, kinds, told
        return self._told[2]

    def opens(self) -> list[int]:
        """Return the local hour of each open."""
        hours = []
        for event in self.events.events():
            if event.kind == "open":
                said = dict(event.facets).get("hour")
                hours.append(int(said) if said is not None else time.localtime(event.time).tm_hour)
        return hours

    def settings(self) -> Settings:
        """Return what the person set."""
        return self._own.get()

    def change(self, step: Callable[[Settings], Settings]) -> None:
        """Set something else.

        Raises:
            ConsentNeeded: nothing may be kept now.
        """
        self._own.change(step)

    def pause(self, *, paused: bool) -> None:
        """Neither remember nor rank personally until resumed; nothing is deleted."""
        with self._database.writing(durable=True) as connection:
            Switches(connection).set("paused", b"1" if paused else b"0")

    def paused(self) -> bool:
        """Tell whether the person paused."""
        with self._database.reading() as connection:
            return Switches(connection).setting("paused") == b"1"

    def forget(
        self, item: str | None = None, *, since: int | None = None, everything: bool = False
    ) -> Forgotten:
        """Forget for good, and return the receipt.

        Raises:
            ForgetWhat: not one thing was said.
            ForgettingUnfinished: it is not gone from the disk yet; there is no receipt.
        """
        said = [item is not None, since is not None, everything]
        if sum(said) != 1:
            raise ForgetWhat("say one: forget(item), forget(since=seconds) or forget(everything=True)")
        if item is not None:
            scope: Scope = "item"
            gone = self.events.forget(
                scope,
                lambda event: event.item == item,
                also=lambda connection, now: self._own.forget_item(connection, item, scope="item", now=now),
            )
        elif since is not None:
            scope, after = "since", since
            gone = self.events.forget(scope, lambda event: event.time >= after)
        else:
            scope = "all"
            gone = self.events.forget(scope)
        if not gone:
            raise ForgettingUnfinished(
                "it is used no more, but another program still reads the store: close it, then call settle"
            )
        with self._database.reading() as connection:
            return Forgotten(scope, Switches(connection).receipts("forgetting")[-1])

    def salt(self, purpose: str) -> bytes:
        """Return random bytes of this device's own, the same at every call; never sent."""
        with self._database.reading() as connection:
            held = Switches(connection).setting("salt")
        if held is None:
            with self._database.writing(durable=True) as connection:
                connection.execute("INSERT OR IGNORE INTO settings VALUES ('salt', ?)", (os.urandom(32),))
                held = Switches(connection).setting("salt") or b""
        return hashlib.sha256(held + purpose.encode()).digest()

    def earlier(self) -> list[RoundTerms]:
        """Return the terms of every round this device has sent something to."""
        with self._database.reading() as connection:
            sealed = Switches(connection).setting("rounds")
        listed = json.loads(unseal(self._vault.derived("rounds"), sealed, name="rounds")) if sealed else []
        events = [decode_event(leaf.encode()) for leaf in listed]
        return [event for event in events if isinstance(event, RoundTerms)]

    def spend(self, terms: RoundTerms, *, purpose: Purpose) -> None:
        """Record a round before anything is sent to it; consent is read in the same transaction.

        Raises:
            ConsentNeeded: it does not hold any more; nothing may leave.
        """
        rounds = [encode_event(each).decode() for each in {*self.earlier(), terms}]
        sealed = seal(self._vault.derived("rounds"), json.dumps(sorted(rounds)).encode(), name="rounds")
        with self._database.writing(durable=True) as connection:
            switches = Switches(connection)
            if not permitted(switches, purpose, now=self._clock()):
                raise ConsentNeeded(f"consent to {purpose} does not hold: nothing leaves")
            switches.set("rounds", sealed)


def merged(own: Settings, other: Settings) -> Settings:
    """Return both sets of settings; where they differ, the own one."""
    tuned: Mapping[str, float] = {**other.tuned, **own.tuned}
    return replace(
        own,
        tuned=tuned,
        hidden=tuple(dict.fromkeys((*own.hidden, *other.hidden))),
        interests=tuple(dict.fromkeys((*own.interests, *other.interests))),
        attributes={**other.attributes, **own.attributes},
    )
