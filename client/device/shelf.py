"""The shelf: verified releases on this device; one is current, one is the last good, and no crash leaves neither.

A release is put beside the others whole, tried, and only then pointed at: the pointer is one small file that is
replaced by renaming. A release whose trial fails, or ends the process, is never tried again. What was held once is
a floor: an older release, or another one of the same number, is refused whatever happened to the newer one.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Generic, TypeVar

from client.device.files import HomeError, private_folder, read_private, replace_private, sync_folder
from client.device.flagged import check_standing
from client.device.pointed import Pointer, read_pointer
from client.device.release import (
    ReleaseError,
    ReleaseExpired,
    ReleaseForged,
    ReleaseIncomplete,
    VerifiedRelease,
    check_succession,
    open_release,
    read_folder,
)
from client.device.seen_keys import open_held, read_seen, write_seen
from client.errors import ClientError
from privacy.attested import Seen, check_newer
from privacy.channel import MANIFEST, PROOF
from privacy.errors import PrivacyError
from privacy.manifest import Manifest, TrustAnchors

POINTER = "pointer.json"
HIGHEST = "highest.json"
KEYS = "keys.json"
LOCK = "lock"

Loaded = TypeVar("Loaded")


class ReleaseRefusedBefore(ReleaseError):
    """This release failed its trial on this device: the caller waits for another one."""

    code = "release_refused_before"


class ReleaseBroken(ReleaseError):
    """A signed release that cannot rank: the caller keeps what it has."""

    code = "release_broken"


class Shelf(Generic[Loaded]):
    """The releases of one line on this device.

    Args:
        folder: of its own, private.
        trust: the keys the app pins.
        clock: seconds since 1970 UTC.
        trial: loads a release and ranks with it once, before it is pointed at and at every start; raises what a
            release that cannot be used raises.
    """

    def __init__(
        self,
        folder: Path,
        *,
        trust: TrustAnchors,
        clock: Callable[[], int],
        trial: Callable[[VerifiedRelease], Loaded],
    ) -> None:
        self._folder = private_folder(folder)
        self._trust = trust
        self._clock = clock
        self._trial = trial

    def newest(self) -> Loaded | None:
        """Load the current release, or the last good one where the current one does not open any more.

        Expired and withdrawn releases are loaded too where nothing else is: they may still rank public content.
        """
        pointer = self._pointer()
        for name in (pointer.current, pointer.previous):
            if name and name not in pointer.refused:
                with contextlib.suppress(ClientError):
                    return self._trial(self._held(name))
        return None

    def withdrawn(self) -> frozenset[str]:
        """Return every release that the log was shown to have withdrawn, ``line/sequence``."""
        return frozenset(self._pointer().withdrawn)

    def withdraw(self, names: Iterable[str]) -> tuple[str, ...]:
        """Remember releases as withdrawn, for good, and go back to the last good one from a withdrawn one.

        Args:
            names: ``line/sequence``, each shown by the log.

        Returns:
            Those that were not known to be.
        """
        if not (news := tuple(name for name in names if name not in self.withdrawn())):
            return ()
        with self._alone():
            pointer = self._pointer().withdrawing(news)
            over = pointer.withdrawn
            if self._usable(pointer.previous, over) and not self._usable(pointer.current, over):
                pointer = replace(pointer, current=pointer.previous, previous="")
            self._point(pointer)
        return news

    def _usable(self, name: str, withdrawn: tuple[str, ...] = ()) -> bool:
        """Tell whether a release, by its manifest's digest, is whole on the disk and none of the withdrawn."""
        try:
            return bool(name) and self._held(name).name not in withdrawn
        except ClientError:
            return False

    def highest(self) -> Manifest | None:
        """Return the manifest of the newest release ever held here: nothing older is taken."""
        data = read_private(self._folder / HIGHEST)
        return open_held(data, self._seen(), self._trust) if data else None

    def intact(self, manifest: str | None = None) -> bool:
        """Tell whether the current release, or this one if it is the current one, is whole on the disk."""
        current = self._pointer().current
        return bool(current) and manifest in (None, current) and self._usable(current)

    def points_at(self, manifest: str) -> bool:
        """Tell whether a release, by its manifest's digest, is the current one; its files are not looked at."""
        return self._pointer().current == manifest

    def check(self, manifest: Manifest, name: str) -> None:
        """Refuse a release by its manifest alone, before anything larger is fetched.

        Args:
            manifest: signed by the pinned key.
            name: the digest of its file.

        Raises:
            ReleaseError: one of its subclasses, by what the caller does next.
        """
        if name in self._pointer().refused:
            raise ReleaseRefusedBefore("this release failed its trial on this device: wait for another one")
        check_standing(manifest, self.withdrawn())
        if self._clock() >= manifest.expires:
            raise ReleaseExpired(f"release {manifest.sequence} expired: ask for a newer one")
        held = self.highest()
        if held is not None:
            check_succession(manifest, held)

    def install(self, files: Mapping[str, bytes]) -> tuple[VerifiedRelease, Loaded]:
        """Verify a release, try it, and make it current; the one before stays as the last good.

        Returns:
            The release, and what its trial loaded.

        Raises:
            ReleaseError, GuardError, ModelRefused: it is not for this device; what was current still is.
        """
        name = hashlib.sha256(files.get(MANIFEST, b"")).hexdigest()
        with self._alone():
            pointer = self._pointer()
            if pointer.trial:  # the lock was free: whoever tried this one has died of it
                pointer = self._point(pointer.refusing(pointer.trial))
            if name in pointer.refused:
                raise ReleaseRefusedBefore(
                    "this release failed its trial on this device: wait for another one"
                )
            release = self._open(files)
            check_standing(release.manifest, pointer.withdrawn)
            if name == pointer.current and self._usable(name):
                return release, self._trial(release)
            pointer = self._point(replace(pointer, trial=name))
            try:
                loaded = self._trial(release)
            except Exception as error:
                self._point(pointer.refusing(name))
                if isinstance(error, ClientError):
                    raise
                raise ReleaseBroken(f"the release fails its trial: {type(error).__name__}") from None
            self._put(name, files)
            replace_private(self._folder / KEYS, write_seen(release.seen))
            replace_private(self._folder / HIGHEST, files[MANIFEST])
            previous = pointer.current if pointer.current != name else pointer.previous
            self._point(replace(pointer, current=name, previous=previous, trial=""))
            self._tidy({name, previous})
        return release, loaded

    def proved_by(self, digest: str) -> bool:
        """Tell whether the current release lies here with the log proof of this digest."""
        proof = read_private(self._folder / self._pointer().current / PROOF)
        return proof is not None and hashlib.sha256(proof).hexdigest() == digest

    def prove(self, proof: bytes) -> None:
        """Keep another log proof of the current release: it may show that keys were replaced since.

        Raises:
            ReleaseError: it does not hold; the one that is kept does.
        """
        with self._alone():
            name = self._pointer().current
            files = {**read_folder(self._folder / name), PROOF: proof}
            release = self._believed(
                open_release(files, trust=self._trust, now=self._clock(), expired=True, known=True)
            )
            replace_private(self._folder / KEYS, write_seen(release.seen))
            replace_private(self._folder / name / PROOF, proof)

    def roll_back(self) -> bool:
        """Go back to the last good release and never take the current one again; return whether there was one."""
        with self._alone():
            pointer = self._pointer()
            if not self._usable(pointer.previous, pointer.withdrawn):
                return False
            refusing = pointer.refusing(pointer.current)
            self._point(replace(refusing, current=pointer.previous, previous=""))
            return True

    def _open(self, files: Mapping[str, bytes]) -> VerifiedRelease:
        return self._believed(open_release(files, trust=self._trust, now=self._clock(), held=self.highest()))

    def _believed(self, release: VerifiedRelease) -> VerifiedRelease:
        """Return a release if it rests on no key that this device has seen replaced.

        Raises:
            ReleaseForged: it does.
        """
        try:
            check_newer(release.seen, self._seen(), self._trust)
        except PrivacyError as error:
            raise ReleaseForged(f"the release is not to be believed: {error}") from None
        return release

    def _seen(self) -> Seen:
        """Return the keys over which the newest release was believed."""
        return read_seen(read_private(self._folder / KEYS))

    def _held(self, name: str) -> VerifiedRelease:
        """Open a release that was installed here, expired or not; its bytes are held to their digests again."""
        files = read_folder(self._folder / name)
        return open_release(files, trust=self._trust, now=self._clock(), expired=True, known=True)

    def _pointer(self) -> Pointer:
        """Return what is pointed at; a pointer that cannot be read points at nothing."""
        with contextlib.suppress(HomeError):
            return read_pointer(read_private(self._folder / POINTER))
        return Pointer()

    def _point(self, pointer: Pointer) -> Pointer:
        replace_private(self._folder / POINTER, pointer.encode())
        return pointer

    def _put(self, name: str, files: Mapping[str, bytes]) -> None:
        """Write a release's folder whole, then give it its name."""
        staged = self._folder / f".{name}.{os.urandom(4).hex()}"
        private_folder(staged)
        for file, data in files.items():
            replace_private(staged / file, data)
        place = self._folder / name
        try:
            if place.exists():
                shutil.rmtree(place)
            os.replace(staged, place)
        except OSError as error:
            raise ReleaseIncomplete(f"the release cannot be put on the shelf: {error.strerror}") from None
        sync_folder(self._folder)

    def _tidy(self, kept: set[str]) -> None:
        for entry in self._folder.iterdir():
            if entry.is_dir() and entry.name not in kept:
                shutil.rmtree(entry, ignore_errors=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from changing the shelf; a process that dies lets go."""
        handle = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with contextlib.suppress(ImportError):  # where there is no flock, the app runs one process
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
