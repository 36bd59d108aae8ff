"""Releases as values: what may be published, and which one a line points devices at. No store, no clock, no HTTP."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from privacy.attested import attest, check_newer
from privacy.channel import (
    CATALOGUE,
    LABEL,
    MANIFEST,
    MODEL,
    MOST_WITHDRAWN,
    NAMES,
    PROOF,
    Channel,
    Pointer,
    pointer_to,
)
from privacy.errors import PrivacyError
from privacy.manifest import Manifest, TrustAnchors
from server.errors import ServerError

State = Literal["published", "promoted", "expired", "withdrawn"]


class ReleaseRefused(ServerError):
    """The release must not go out, or cannot be moved so: mend what is named and try again."""

    code: ClassVar[str] = "release_refused"


class NoRelease(ServerError):
    """There is no such line, release or file."""

    code: ClassVar[str] = "no_release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A release the service holds.

    Args:
        sequence: its number in the line.
        expires: from when on devices no longer install it, seconds since 1970 UTC.
        files: where its files are.
        state: published, promoted at least once, expired by hand, or withdrawn.
        withdrawal: SHA-256 of the file that shows its withdrawal to devices; empty where it was not.
    """

    sequence: int
    expires: int
    files: Pointer
    state: State = "published"
    withdrawal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLine:
    """A line and where it points.

    Args:
        line: its name.
        releases: by number.
        current: number of what every device takes, 0 for none.
        canary: number of what a share of devices takes, 0 for none.
        share: of devices that try the canary.
    """

    line: str
    releases: Mapping[int, Published]
    current: int = 0
    canary: int = 0
    share: float = 0.0

    def publish(self, release: Published) -> "ReleaseLine":
        """Add a release; nobody takes it yet.

        Raises:
            ReleaseRefused: its number is not above every other one.
        """
        newest = max(self.releases, default=0)
        if release.sequence <= newest:
            raise ReleaseRefused(f"release {newest} is there: give this one a higher number")
        return replace(self, releases={**self.releases, release.sequence: release})

    def try_out(self, sequence: int, share: float, *, now: int) -> "ReleaseLine":
        """Let a share of devices try a release; 0 takes the canary away.

        Raises:
            NoRelease, ReleaseRefused: it is unknown, over, or not newer than the current one.
        """
        if not 0 <= share <= 1:
            raise ReleaseRefused("a share is a number from 0 to 1")
        self._usable(sequence, now)
        if sequence <= self.current:
            raise ReleaseRefused(f"devices have release {self.current}: a canary must be newer")
        return replace(self, canary=sequence if share else 0, share=share)

    def promote(self, sequence: int, *, now: int) -> "ReleaseLine":
        """Point every device at a release; a canary up to it ends.

        Raises:
            NoRelease, ReleaseRefused: it is unknown, over, or not newer than the current one.
        """
        release = self._usable(sequence, now)
        if sequence <= self.current:
            raise ReleaseRefused(
                f"devices have release {self.current} and never go back: publish a newer one"
            )
        over = self.canary <= sequence
        return replace(
            self,
            releases={**self.releases, sequence: replace(release, state="promoted")},
            current=sequence,
            canary=0 if over else self.canary,
            share=0.0 if over else self.share,
        )

    def roll_back(self, *, now: int) -> "ReleaseLine":
        """Take the canary away, or where there is none point at the newest promoted release before the current one.

        Devices that have the newer one keep it, since going back is what an attacker would want: publish the good
        model again under the next number to move them too.

        Raises:
            ReleaseRefused: there is nothing to go back to.
        """
        if self.canary:
            return replace(self, canary=0, share=0.0)
        before = [
            number
            for number, release in self.releases.items()
            if number < self.current and release.state == "promoted" and now < release.expires
        ]
        if not before:
            raise ReleaseRefused("there is no earlier promoted release that still holds")
        return replace(self, current=max(before))

    def expire(self, sequence: int) -> "ReleaseLine":
        """End a release by hand: nobody is pointed at it any more, nor ever again.

        Raises:
            NoRelease, ReleaseRefused: it is unknown, or withdrawn already.
        """
        return self._ended(replace(self._standing(sequence), state="expired"))

    def withdraw(self, sequence: int, withdrawal: str) -> "ReleaseLine":
        """End a release, and tell the devices that hold it to stop using it.

        Args:
            sequence: its number.
            withdrawal: SHA-256 of the file that shows them the log's entry.

        Raises:
            NoRelease, ReleaseRefused: it is unknown, or withdrawn already.
        """
        return self._ended(replace(self._standing(sequence), state="withdrawn", withdrawal=withdrawal))

    def _ended(self, release: Published) -> "ReleaseLine":
        sequence = release.sequence
        over = self.canary == sequence
        return replace(
            self,
            releases={**self.releases, sequence: release},
            current=0 if self.current == sequence else self.current,
            canary=0 if over else self.canary,
            share=0.0 if over else self.share,
        )

    def channel(self, *, now: int) -> Channel:
        """Return what devices are pointed at; what is over is left out."""

        def pointer(sequence: int) -> Pointer | None:
            release = self.releases.get(sequence)
            return release.files if release is not None and now < release.expires else None

        canary = pointer(self.canary)
        share = self.share if canary is not None else 0.0
        withdrawn = [each.withdrawal for _, each in sorted(self.releases.items(), reverse=True)]
        return Channel(
            line=self.line,
            current=pointer(self.current),
            canary=canary,
            share=share,
            withdrawn=tuple(filter(None, withdrawn))[:MOST_WITHDRAWN],
        )

    def _known(self, sequence: int) -> Published:
        if sequence not in self.releases:
            raise NoRelease(f"the line has no release {sequence}")
        return self.releases[sequence]

    def _standing(self, sequence: int) -> Published:
        release = self._known(sequence)
        if release.state == "withdrawn":
            raise ReleaseRefused(f"release {sequence} is withdrawn already")
        return release

    def _usable(self, sequence: int, now: int) -> Published:
        release = self._known(sequence)
        if release.state in ("expired", "withdrawn") or now >= release.expires:
            raise ReleaseRefused(f"release {sequence} is over: publish a new one")
        return release


def check_release(files: Mapping[str, bytes], *, trust: TrustAnchors, line: str, now: int) -> Published:
    """Return what may be published: signed, logged, in date, and with a complete label that lets it out.

    Raises:
        ReleaseRefused: it may not; says why.
    """
    missing = [name for name in NAMES if name not in files]
    if missing:
        raise ReleaseRefused(f"the release lacks {', '.join(missing)}")
    manifest = check_signed(files, trust)
    try:
        _check_label(files[LABEL], manifest)
    except PrivacyError as problem:
        raise ReleaseRefused(f"the release is not labelled as it should be: {problem}") from None
    if manifest.line != line:
        raise ReleaseRefused(f"the manifest is of line {manifest.line}")
    if now >= manifest.expires:
        raise ReleaseRefused("the release is past its last day")
    model = files[MODEL]
    if len(model) != manifest.size or hashlib.sha256(model).hexdigest() != manifest.sha256:
        raise ReleaseRefused("model.onnx is not the file that was signed")
    if hashlib.sha256(files[CATALOGUE]).hexdigest().encode() not in model:
        raise ReleaseRefused("catalogue.json is not the catalogue the model names")
    return Published(sequence=manifest.sequence, expires=manifest.expires, files=pointer_to(files))


def check_signed(
    files: Mapping[str, bytes], trust: TrustAnchors, *, before: Mapping[str, bytes] | None = None
) -> Manifest:
    """Return the manifest, if the pinned keys or those that followed them signed and logged it.

    Args:
        files: of the release.
        trust: the pinned keys.
        before: the files of an earlier release; a key that it shows to be replaced signs no more.

    Raises:
        ReleaseRefused: they did not.
    """
    try:
        attested = attest(files[MANIFEST], files[PROOF], trust)
        if before is not None:
            check_newer(attested.seen, attest(before[MANIFEST], before[PROOF], trust).seen, trust)
        return attested.manifest
    except PrivacyError as problem:
        raise ReleaseRefused(
            f"the release is not signed and logged by the keys of its line: {problem}"
        ) from None


def _check_label(data: bytes, manifest: Manifest) -> None:
    from privacy.label import read_label  # with the accountants behind it, which take seconds to load

    label = read_label(data)
    label.require()
    if hashlib.sha256(data).hexdigest() != manifest.label_digest:
        raise ReleaseRefused("label.json is not the label whose digest was signed")
    if (label.line, label.sequence) != (manifest.line, manifest.sequence):
        raise ReleaseRefused("the label is of another release")


def static_layout(channel: Channel, releases: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a folder that any web server can serve to devices.

    Args:
        channel: what it points at.
        releases: every file of its releases, in any order, by any name.
    """
    named = {f"files/{hashlib.sha256(data).hexdigest()}": data for data in releases.values()}
    return {**named, "channel.json": channel.encode()}
