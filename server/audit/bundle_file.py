"""Read a bundle for showing it: its seal is checked, the rest is taken as it stands; the audit checks everything.

The lines are those of privacy/BUNDLE.md.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from privacy.canonical import decode, encode
from privacy.errors import PrivacyError
from privacy.events import Event, decode_event
from privacy.manifest import TrustAnchors
from server.audit.errors import SourceRefused


@dataclass(frozen=True, slots=True)
class BundleFile:
    """What stands in a bundle.

    Args:
        origin: the log's name.
        events: every event, oldest first.
        labels: label.json of every release, in the log's order.
    """

    origin: str
    events: tuple[Event, ...]
    labels: tuple[bytes, ...]


def is_bundle(path: Path) -> bool:
    """Tell a bundle from a database: its first line is an object."""
    with path.open("rb") as file:
        return file.read(1) == b"{"


def read_bundle(path: Path) -> BundleFile:
    """Read a bundle whose seal holds.

    Raises:
        SourceRefused: it is none, or not whole.
    """
    try:
        *lines, last = path.read_bytes().removesuffix(b"\n").split(b"\n")
        seal = hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
        if last != encode({"sha256": seal}) or not lines:
            raise SourceRefused(f"{path}: its seal does not fit; penchant-audit verify says more")
        heads, releases, entries = _counts(lines[0])
        first = 2 + heads
        start = first + 3 * releases
        return BundleFile(
            TrustAnchors.decode(lines[1]).origin,
            tuple(decode_event(line) for line in lines[start : start + entries]),
            tuple(lines[first + 1 : start : 3]),
        )
    except (PrivacyError, KeyError, TypeError, ValueError, IndexError) as problem:
        raise SourceRefused(f"{path}: not a bundle that this version reads: {problem}") from None
    except OSError as problem:
        raise SourceRefused(f"{path}: {problem.strerror}") from None


def _counts(header: bytes) -> tuple[int, int, int]:
    body = decode(header)
    if not isinstance(body, Mapping):
        raise ValueError("the header is an object")
    heads, releases, entries = (body[name] for name in ("checkpoints", "releases", "entries"))
    if not all(type(count) is int and count >= 0 for count in (heads, releases, entries)):
        raise ValueError("the header counts lines")
    return heads, releases, entries  # type: ignore[return-value]
