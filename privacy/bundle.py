"""Write the bundle, the one file that an offline audit needs; BUNDLE.md is its format, line by line.

A line is written as it comes, so a log of any length takes no more memory than its longest entry. The reader is
`privacy.audit`, which shares nothing with this module.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from privacy.canonical import JSON, encode
from privacy.checkpoint import LogProof
from privacy.errors import PrivacyError
from privacy.keys import VerifyKey

FORMAT = "penchant-bundle-1"


class BundleError(PrivacyError):
    """What was given is no whole bundle, or the file cannot be written: nothing half-written remains."""

    code: ClassVar[str] = "bundle_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledRelease:
    """A release without its model.

    Args:
        manifest: manifest.json as it was signed.
        label: label.json, whose digest the manifest names.
        proof: manifest.proof, of its entry in the log.
    """

    manifest: bytes
    label: bytes
    proof: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentTick:
    """One head of the consent log and how the public log anchors it.

    Args:
        number: of the anchor, from 1.
        salt: 32 bytes, the anchor's.
        checkpoint: the consent log's signed head.
    """

    number: int
    salt: bytes
    checkpoint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPart:
    """The officer's part: the private consent log, whose very length is personal data.

    Args:
        origin: the consent log's name.
        key: signs its heads.
        ticks: every anchored head, oldest first.
        leaves: its leaves, oldest first.
        size: how many.
    """

    origin: str
    key: VerifyKey
    ticks: Sequence[ConsentTick]
    leaves: Iterable[bytes]
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Everything an audit needs.

    Args:
        trust: trust.json as devices pin it.
        checkpoints: every signed head that was kept, oldest first; the last is over all entries.
        releases: every release the log publishes, in any order.
        entries: the log's leaves, oldest first; read once.
        size: how many.
        consent: the officer's part, if it is to go along.
    """

    trust: bytes
    checkpoints: Sequence[bytes]
    releases: Sequence[BundledRelease]
    entries: Iterable[bytes]
    size: int
    consent: ConsentPart | None = None


def write_bundle(path: Path, bundle: Bundle) -> str:
    """Write a bundle so that a reader sees the old file or the whole new one; return its seal, hex.

    Raises:
        BundleError: an entry spans lines, there are not as many as was said, or the file cannot be written.
        NoteError: a release's proof is none.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        seal = hashlib.sha256()
        with half.open("wb") as file:
            for line in lines(bundle):
                seal.update(line)
                file.write(line)
            file.write(encode({"sha256": seal.hexdigest()}) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as problem:
        raise BundleError(f"{path}: {problem.strerror or problem}; name a file that can be written") from None
    finally:
        with suppress(OSError):
            half.unlink()
    return seal.hexdigest()


def lines(bundle: Bundle) -> Iterator[bytes]:
    """Yield every line of a bundle but its seal.

    Raises:
        BundleError: an entry spans lines, or there are not as many as was said.
        NoteError: a release's proof is none.
    """
    part = bundle.consent
    header: dict[str, JSON] = {
        "checkpoints": len(bundle.checkpoints),
        "consent": None if part is None else {"entries": part.size, "ticks": len(part.ticks)},
        "entries": bundle.size,
        "format": FORMAT,
        "releases": len(bundle.releases),
    }
    yield encode(header) + b"\n"
    yield _line(bundle.trust)
    yield from (_quoted(checkpoint) for checkpoint in bundle.checkpoints)
    for release in sorted(bundle.releases, key=lambda each: LogProof.decode(each.proof).index):
        yield _line(release.manifest)
        yield _line(release.label)
        yield _quoted(release.proof)
    yield from _counted(bundle.entries, bundle.size)
    if part is not None:
        yield encode({"key": part.key.base64, "origin": part.origin}) + b"\n"
        yield from map(_tick, part.ticks)
        yield from _counted(part.leaves, part.size)


def _tick(tick: ConsentTick) -> bytes:
    told: dict[str, JSON] = {
        "checkpoint": _text(tick.checkpoint),
        "number": tick.number,
        "salt": tick.salt.hex(),
    }
    return encode(told) + b"\n"


def _counted(leaves: Iterable[bytes], size: int) -> Iterator[bytes]:
    count = 0
    for leaf in leaves:
        yield _line(leaf)
        count += 1
    if count != size:
        raise BundleError(f"{size} entries were announced, {count} came: the log changed under the reader")


def _line(value: bytes) -> bytes:
    if b"\n" in value or not value:
        raise BundleError("an entry, manifest, label or trust file is one line of canonical JSON")
    return value + b"\n"


def _quoted(note: bytes) -> bytes:
    return encode(_text(note)) + b"\n"


def _text(note: bytes) -> str:
    try:
        return note.decode()
    except UnicodeDecodeError:
        raise BundleError("a checkpoint or proof is a note in UTF-8") from None
