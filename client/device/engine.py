"""What a device is made of: its home, its memory, its consent, the release it ranks with, and a courier."""

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from client.device.consent import Consent
from client.device.consent_errors import ConsentError
from client.device.database import Database
from client.device.files import private_folder
from client.device.memory import Memory
from client.device.person import Context, Person
from client.device.purposes import LOCAL
from client.device.ranking import Ranker
from client.device.release import VerifiedRelease, open_signed, read_folder
from client.device.request import Request
from client.device.runtime import give_back
from client.device.shelf import Shelf
from client.device.slate import Slate, SlateItem
from client.device.tables import ModelRefused
from client.device.trial import try_out
from client.device.vault import Vault
from client.errors import ClientError
from privacy.channel import MANIFEST, PROOF
from privacy.errors import PrivacyError
from privacy.keys import VerifyKey
from privacy.manifest import TrustAnchors

if TYPE_CHECKING:
    from client.device.sync import Outcome

PATIENCE = 2.0
"""Seconds that closing waits for a request under way; its answer is asked for again at the next start."""
Answer = TypeVar("Answer")
DATABASE, SHELF, INCOMING = "device.db", "releases", "incoming"


class NoReleaseYet(ClientError):
    """There is nothing to rank with: call `sync`, or ship a release with the app."""

    code = "no_release_yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an app decides when it opens a device; `Device.open` says what each means."""

    bundle: Path | None
    releases: str | None
    server: str | None
    keys: tuple[VerifyKey, ...]
    retention_days: int
    clock: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A release at work.

    Args:
        release: verified.
        ranker: ranks with it.
        kinds: of event the release weighs.
    """

    release: VerifiedRelease
    ranker: Ranker
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """How the device stands, without anything personal.

    Args:
        release: what it ranks with, ``line/sequence``; empty for nothing.
        expires: from when on that no longer personalizes, seconds since 1970 UTC.
        withdrawn: whether it was withdrawn and nothing good is left: slates are public content.
        personal: whether slates may be personal now.
        paused: whether the person paused.
        key_kept_in: where the device's key lies: a keyring, or a file only its owner may read.
    """

    release: str
    expires: int
    withdrawn: bool
    personal: bool
    paused: bool
    key_kept_in: str


def load(release: VerifiedRelease) -> Loaded:
    """Load a release and try it.

    Raises:
        GuardError, ModelRefused: it cannot rank.
    """
    ranker = Ranker(release)
    try_out(ranker, release.catalogue)
    give_back()
    return Loaded(release, ranker, frozenset(release.catalogue.signals.kinds))


class Engine:
    """The parts of one person's device.

    Args:
        home: a folder of its own.
        trust: the keys the app pins.
        options: what the app decided.
    """

    def __init__(self, home: Path, *, trust: TrustAnchors, options: Options) -> None:
        """Open every part.

        Raises:
            HomeError, StoreError, VaultError: the home cannot be used.
            AddressRefused: an address is none a device may talk to.
        """
        self.clock, self._trust, self._options = options.clock, trust, options
        self._home = private_folder(home)
        self.database = Database(home / DATABASE)
        try:
            self.vault = Vault.open(home, self.database)
            self.memory = Memory(
                self.database, self.vault, clock=self.clock, retention_days=options.retention_days
            )
            self.consent = Consent(
                self.database,
                self.vault,
                server=options.server,
                keys=options.keys,
                trust=trust,
                clock=self.clock,
                withdrawn=self._carry,
            )
            self.shelf = Shelf(home / SHELF, trust=trust, clock=self.clock, trial=load)
            self._loaded = self._unpack(repair=False) or self.shelf.newest() or self._unpack(repair=True)
            self._flagged = self.shelf.withdrawn()
        except BaseException:
            self.database.close()
            raise
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        if self.consent.courier.waiting():
            self._carry()

    def close(self) -> None:
        """Close files and connections; what waits goes on at the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(PATIENCE)
        if self._thread is None or not self._thread.is_alive():
            self.consent.close()
        self.database.close()

    def loaded(self) -> Loaded:
        """Return the release at work.

        Raises:
            NoReleaseYet: there is none.
        """
        if self._loaded is None:
            raise NoReleaseYet("there is no release here yet: call sync, or open with a bundle")
        return self._loaded

    def status(self) -> DeviceStatus:
        """Return how the device stands, without anything personal."""
        paused, loaded = self.memory.paused(), self._loaded
        return DeviceStatus(
            release=loaded.release.name if loaded else "",
            expires=loaded.release.manifest.expires if loaded else 0,
            withdrawn=loaded is not None and loaded.release.name in self._flagged,
            personal=self.consent.permits(LOCAL) and not paused,
            paused=paused,
            key_kept_in=self.vault.kept_in,
        )

    def person(self, context: Context | None = None) -> Person:
        """Return who to rank for: nobody without consent, while paused, or by a release that is over or withdrawn."""
        loaded = self.loaded()
        if self.clock() >= loaded.release.manifest.expires or loaded.release.name in self._flagged:
            return Person()
        return self.memory.person(context or Context(), loaded.kinds) or Person()

    def rank(self, request: Request, context: Context | None) -> Slate:
        """Make a slate; non-profiling reads nothing about the person, not even whether there is one.

        Raises:
            RequestError, NoReleaseYet: there can be none.
            ModelRefused: the release fails, and there is none before it.
        """
        return self._good(
            lambda ranker: ranker.rank(self.person(context) if request.profiling else Person(), request)
        )

    def explain(self, item: str, context: Context | None) -> SlateItem | None:
        """Say what an item's score is made of for this person; None if the release does not know it.

        Raises:
            NoReleaseYet, ModelRefused: as `rank`.
        """
        return self._good(lambda ranker: ranker.explain(self.person(context), item))

    def _good(self, ask: Callable[[Ranker], Answer]) -> Answer:
        """Ask the release at work; one that was tried and fails now gives way, for good, to the last good one."""
        try:
            return ask(self.loaded().ranker)
        except ModelRefused:
            if not self.roll_back():
                raise
            return ask(self.loaded().ranker)

    def sync(self) -> "Outcome | None":
        """Fetch a newer release, tell the service what waits, hear how consent stands, drop what is too old.

        Returns:
            What became of the release; None where the app gave no address.
        """
        self.memory.events.expire()
        self.consent.courier.deliver()
        with suppress(ConsentError):  # silence changes nothing: only a yes could, and it has other ways
            self.consent.refresh()
        if self._options.releases is None:
            return None
        from client.device.sync import Synchronizer
        from client.device.web import Web, read_address

        web = Web()
        try:
            outcome = Synchronizer(
                read_address(self._options.releases),
                self._home / INCOMING,
                shelf=self.shelf,
                trust=self._trust,
                salt=self.memory.salt("canary"),
                clock=self.clock,
                web=web,
            ).sync()
        finally:
            web.close()
        self._flagged = self.shelf.withdrawn()
        at_work = self._loaded.release.name if self._loaded is not None else ""
        if outcome.found == "installed" or at_work in self._flagged:
            self._loaded = self.shelf.newest() or self._loaded
        return outcome

    def roll_back(self) -> bool:
        """Go back to the last good release; return whether there was one."""
        if not self.shelf.roll_back():
            return False
        self._loaded = self.shelf.newest() or self._loaded
        return True

    def _unpack(self, *, repair: bool) -> Loaded | None:
        """Install the release that came with the app, if it is newer than all that was ever held here.

        Args:
            repair: install it even where it is pointed at already, since nothing opens.
        """
        if self._options.bundle is None:
            return None
        with suppress(
            ClientError, PrivacyError, OSError
        ):  # it expired, is older, or another app's: what is here stays
            signed, proof = ((self._options.bundle / each).read_bytes() for each in (MANIFEST, PROOF))
            name = hashlib.sha256(signed).hexdigest()
            if repair or not self.shelf.points_at(name):
                self.shelf.check(open_signed(signed, proof, self._trust).manifest, name)
                return self.shelf.install(read_folder(self._options.bundle))[1]
        return None

    def _carry(self) -> None:
        """Let a background thread deliver what waits."""
        self._wake.set()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self.consent.courier.run, args=(self._wake, self._stop), daemon=True, name="courier"
            )
            self._thread.start()
