"""Fetch releases from a release service, or from a folder behind any web server, and trust neither.

The channel is asked with its ETag; immutable files are fetched by digest, resumed where a connection broke, and
checked before anything reads them. Manifest and log proof come first: no model is fetched that would be refused.
Requests carry nothing about the person; that a device drew a canary shows in which file it asks for.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from client.device.files import private_folder, read_private, replace_private
from client.device.flagged import hear
from client.device.release import CAPS, ReleaseError, ReleaseForged, ReleaseIncomplete, open_signed
from client.device.shelf import Shelf
from client.device.web import Address, Answer, Web, WebError
from client.errors import ClientError
from privacy.channel import MANIFEST, MODEL, MOST_BYTES, PROOF, Channel, ChannelError, Pointer, read_channel
from privacy.errors import PrivacyError
from privacy.manifest import Manifest, TrustAnchors

CHANNEL = "channel.json"
TAG = "channel.tag"
Found = Literal["installed", "unchanged", "nothing", "kept"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sync did.

    Args:
        found: a release was installed; nothing new is there; there is no release for this device; or what there
            is was refused, and the device keeps what it has.
        release: the installed one, ``line/sequence``; empty otherwise.
        problem: stable code of what was refused or did not answer; empty where nothing was.
        withdrawn: the releases that the log was now shown to have withdrawn, ``line/sequence``.
    """

    found: Found
    release: str = ""
    problem: str = ""
    withdrawn: tuple[str, ...] = ()


def draws(salt: bytes, manifest: str, share: float) -> bool:
    """Tell whether this device belongs to a share of devices: a local salted hash, the same at every call.

    Args:
        salt: this device's own random bytes, never sent.
        manifest: digest of the release's manifest.
        share: from 0 to 1; who is in a share is in every larger one.
    """
    digest = hashlib.sha256(b"penchant canary v1\n" + salt + manifest.encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


class Synchronizer:
    """Bring the shelf up to date.

    Args:
        address: base of the channel.
        folder: keeps what is half fetched, private.
        shelf: where verified releases stand.
        trust: the keys the app pins.
        salt: this device's own random bytes.
        clock: seconds since 1970 UTC.
        web: sends requests.
    """

    def __init__(
        self,
        address: Address,
        folder: Path,
        *,
        shelf: Shelf[Any],
        trust: TrustAnchors,
        salt: bytes,
        clock: Callable[[], int],
        web: Web,
    ) -> None:
        self._base = address.origin + address.path
        self._folder = private_folder(folder)
        self._shelf = shelf
        self._trust = trust
        self._salt = salt
        self._clock = clock
        self._web = web

    def sync(self) -> Outcome:
        """Look for a release and install it; whatever comes, the device can rank with what it has."""
        try:
            channel, tag = self._channel()
            outcome = Outcome("unchanged") if channel is None else self._heed(channel)
        except (WebError, ChannelError) as error:
            return Outcome("kept", problem=error.code)
        if tag and not outcome.problem:
            replace_private(self._folder / TAG, json.dumps([self._base, tag]).encode())
        return outcome

    def _channel(self) -> tuple[Channel | None, str]:
        """Return the channel and its tag, or None where it has not changed."""
        answer = self._web.send("GET", f"{self._base}/{CHANNEL}", headers=self._condition(), most=MOST_BYTES)
        if answer.status == 304:
            return None, ""
        if answer.status != 200:
            raise WebError(f"the channel is answered with {answer.status}")
        return read_channel(answer.body), answer.headers.get("etag", "")

    def _condition(self) -> dict[str, str]:
        """Ask whether the channel changed only while the release it led to is on the shelf."""
        try:
            base, tag = json.loads(read_private(self._folder / TAG) or b"[]")
        except ValueError:
            return {}
        known = base == self._base and isinstance(tag, str) and self._shelf.intact()
        return {"if-none-match": tag} if known else {}

    def _heed(self, channel: Channel) -> Outcome:
        """Drop what the log shows to be withdrawn, then take what there is instead; a forged one changes nothing."""
        self._tidy(channel)
        heard, problem = hear(channel, self._trust, self._fetch)
        news = self._shelf.withdraw(heard)
        outcome = self._take(channel)
        return replace(outcome, problem=problem or outcome.problem, withdrawn=news)

    def _take(self, channel: Channel) -> Outcome:
        """Install the first release that is for this device and in order: the canary, then the current one."""
        problem = ""
        for pointer, share in ((channel.canary, channel.share), (channel.current, 1.0)):
            if pointer is None or not draws(self._salt, pointer.manifest, share):
                continue
            if self._shelf.intact(pointer.manifest):
                return Outcome("unchanged", problem=problem or self._prove(pointer.files[PROOF]))
            try:
                release = self._install(pointer, channel.line, share)
            except (ReleaseError, ClientError, PrivacyError) as error:
                problem = problem or error.code
                continue
            if release:
                return Outcome("installed", release, problem)
        if problem:
            return Outcome("kept", problem=problem)
        return Outcome("nothing")

    def _tidy(self, channel: Channel) -> None:
        """Drop what was half fetched under names the channel no longer says: a server cannot fill the disk."""
        pointers = [pointer for pointer in (channel.current, channel.canary) if pointer is not None]
        wanted = {digest for pointer in pointers for digest in pointer.files.values()} | {*channel.withdrawn}
        for path in self._folder.iterdir():
            if len(path.name) == 64 and path.name not in wanted:
                path.unlink(missing_ok=True)

    def _install(self, pointer: Pointer, line: str, share: float) -> str:
        """Fetch, verify and install one release; return its name, or nothing where it is not for this device."""
        manifest = self._manifest(pointer, line)
        if not draws(self._salt, pointer.manifest, min(share, manifest.rollout)):
            return ""
        files = {MANIFEST: self._fetch(pointer.manifest, CAPS[MANIFEST])}
        caps = {**CAPS, MODEL: manifest.size}
        for name, digest in pointer.files.items():
            if name != MANIFEST:
                files[name] = self._fetch(digest, caps[name])
        release, _ = self._shelf.install(files)
        for digest in pointer.files.values():
            (self._folder / digest).unlink(missing_ok=True)
        return release.name

    def _prove(self, digest: str) -> str:
        """Fetch the log proof anew where keys were replaced since; return the code of what went wrong, or nothing."""
        if self._shelf.proved_by(digest):
            return ""
        try:
            self._shelf.prove(self._fetch(digest, CAPS[PROOF]))
        except (ClientError, PrivacyError) as error:
            return error.code
        (self._folder / digest).unlink(missing_ok=True)
        return ""

    def _manifest(self, pointer: Pointer, line: str) -> Manifest:
        """Return the signed manifest, if the release could be taken at all."""
        data = self._fetch(pointer.manifest, CAPS[MANIFEST])
        proof = self._fetch(pointer.files[PROOF], CAPS[PROOF])
        manifest = open_signed(data, proof, self._trust).manifest
        if manifest.line != line:
            raise ReleaseForged("the channel is of another line than its release")
        self._shelf.check(manifest, pointer.manifest)
        if manifest.size > CAPS[MODEL]:
            raise ReleaseForged("the model is larger than any this device runs")
        return manifest

    def _fetch(self, digest: str, most: int) -> bytes:
        """Return an immutable file's bytes, going on where an earlier attempt ended.

        Raises:
            WebError: it does not come.
            ReleaseIncomplete: it is not the file of that name, or longer than it may be.
        """
        path = self._folder / digest
        held = path.stat().st_size if path.exists() else 0
        if held < most or not held:
            self._download(path, digest, held, most)
        data = read_private(path) or b""
        if len(data) > most or hashlib.sha256(data).hexdigest() != digest:
            path.unlink(missing_ok=True)
            raise ReleaseIncomplete("a file of the release is not the one its name says: it is fetched anew")
        return data

    def _download(self, path: Path, digest: str, held: int, most: int) -> None:
        if held and hashlib.sha256(read_private(path) or b"").hexdigest() == digest:
            return
        if not held:
            replace_private(path, b"")
        wanted: Mapping[str, str] = {"range": f"bytes={held}-"} if held else {}
        with path.open("r+b") as file:

            def into(head: Answer) -> Callable[[bytes], object]:
                if head.status == 206 and head.headers.get("content-range", "").startswith(f"bytes {held}-"):
                    file.seek(held)
                elif head.status in (200, 206, 416):
                    file.truncate(0)
                if head.status not in (200, 206):
                    return lambda part: None
                return file.write

            answer = self._web.send(
                "GET", f"{self._base}/files/{digest}", headers=wanted, most=most + 1, into=into
            )
        if answer.status not in (200, 206):
            raise WebError(f"a file of the release is answered with {answer.status}")
