"""A release channel: which release is current and which one a share of devices tries, as one small mutable file.

Beside it lie immutable files, each named by its SHA-256:

    <base>/channel.json      {"canary":{"files":{...},"share":"0.05"} or null,"current":{...} or null,
                              "format":"penchant-channel-1","line":"...","withdrawn":["<sha256>",...]}
    <base>/files/<sha256>    manifest.json, manifest.proof, model.onnx, catalogue.json, label.json of any release,
                             and what shows that one was withdrawn (`privacy.withdrawal`)

`withdrawn` is left out where nothing was. The channel is not signed and need not be: it can only point at releases,
and a device takes none that is not signed, logged, current and newer than its own; nor does it drop one unless the
log shows the withdrawal. Any web server that serves a folder serves this.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from privacy.canonical import JSON, CanonicalError, decimal, decode, encode, number
from privacy.errors import PrivacyError

FORMAT = "penchant-channel-1"
MOST_BYTES = 1 << 16
MOST_WITHDRAWN = 64
"""Withdrawals that a channel names: the newest."""
MANIFEST, PROOF, MODEL, CATALOGUE = "manifest.json", "manifest.proof", "model.onnx", "catalogue.json"
LABEL = "label.json"
PARTS = {"format", "line", "current", "canary"}
NAMES = (MANIFEST, PROOF, MODEL, CATALOGUE, LABEL)
_DIGEST = re.compile(r"[0-9a-f]{64}")


class ChannelError(PrivacyError):
    """The file is no channel of this version: the device keeps what it has."""

    code: ClassVar[str] = "channel_refused"


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where a release's files are.

    Args:
        files: SHA-256 by name, hex; every one of `NAMES`.
    """

    files: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.files.keys() != set(NAMES) or not all(_is_digest(digest) for digest in self.files.values()):
            raise ChannelError(f"a release is a SHA-256 each for {', '.join(NAMES)}")

    @property
    def manifest(self) -> str:
        """Digest of the signed manifest: the release's name among files."""
        return self.files[MANIFEST]


def pointer_to(files: Mapping[str, bytes]) -> Pointer:
    """Return the pointer to a release's files.

    Raises:
        ChannelError: one is missing or surplus.
    """
    return Pointer({name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())})


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What devices are pointed at.

    Args:
        line: name of the release line.
        current: what every device takes; None before the first release.
        canary: what a share of devices takes instead.
        share: of devices that try the canary, from 0 to 1, each deciding for itself.
        withdrawn: SHA-256 of the files that show which releases were withdrawn, newest first.
    """

    line: str
    current: Pointer | None
    canary: Pointer | None = None
    share: float = 0.0
    withdrawn: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.line or not 0 <= self.share <= 1:
            raise ChannelError("a channel has a line, and a share from 0 to 1")
        if len(self.withdrawn) > MOST_WITHDRAWN or not all(map(_is_digest, self.withdrawn)):
            raise ChannelError(f"a channel names at most {MOST_WITHDRAWN} withdrawals, each by its SHA-256")

    def encode(self) -> bytes:
        """Write channel.json."""
        canary: JSON = None
        if self.canary is not None:
            canary = {"files": dict(self.canary.files), "share": decimal(self.share)}
        current: JSON = {"files": dict(self.current.files)} if self.current is not None else None
        withdrawn: dict[str, JSON] = {"withdrawn": list(self.withdrawn)} if self.withdrawn else {}
        return encode(
            {"format": FORMAT, "line": self.line, "current": current, "canary": canary, **withdrawn}
        )


def read_channel(data: bytes) -> Channel:
    """Read channel.json, believing nothing yet.

    Raises:
        ChannelError: the bytes are no channel of this version.
    """
    try:
        body = decode(data) if len(data) <= MOST_BYTES else None
        if not isinstance(body, dict) or body.keys() - {"withdrawn"} != PARTS:
            raise ChannelError("a channel holds format, line, current, canary and withdrawn, nothing else")
        current, canary = body["current"], body["canary"]
        line = body["line"]
        if body["format"] != FORMAT or not isinstance(line, str):
            raise ChannelError(f"this version reads {FORMAT} only")
        share = canary.get("share") if isinstance(canary, dict) else "0"
        return Channel(
            line=line,
            current=None if current is None else _pointer(current, {"files"}),
            canary=None if canary is None else _pointer(canary, {"files", "share"}),
            share=number(share) if isinstance(share, str) else -1.0,
            withdrawn=_listed(body["withdrawn"]) if "withdrawn" in body else (),
        )
    except CanonicalError as problem:
        raise ChannelError(f"the channel is not canonical: {problem}") from None


def _listed(value: JSON) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ChannelError("withdrawn is a list of digests, left out where it would be empty")
    return tuple(digest if isinstance(digest, str) else "" for digest in value)


def _pointer(value: JSON, names: set[str]) -> Pointer:
    files = value.get("files") if isinstance(value, dict) and value.keys() == names else None
    if not isinstance(files, dict):
        raise ChannelError("a pointer of the channel holds files, and a share for the canary")
    return Pointer({name: digest if isinstance(digest, str) else "" for name, digest in files.items()})


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None
