"""Where the shelf points: one small file, replaced whole."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

MOST_REFUSED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """What is on the shelf.

    Args:
        current: digest of the manifest of the release in use, empty for none.
        previous: of the last good one before it.
        trial: of one whose trial has begun and not ended.
        refused: of those that failed theirs, the newest last.
        withdrawn: releases that the log was shown to have withdrawn, ``line/sequence``; kept for good.
    """

    current: str = ""
    previous: str = ""
    trial: str = ""
    refused: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()

    def refusing(self, name: str) -> "Pointer":
        """Return the pointer with a release refused and no trial under way."""
        return replace(self, trial="", refused=(*self.refused, name)[-MOST_REFUSED:])

    def withdrawing(self, names: Iterable[str]) -> "Pointer":
        """Return the pointer with releases withdrawn."""
        return replace(self, withdrawn=tuple(dict.fromkeys((*self.withdrawn, *names))))

    def encode(self) -> bytes:
        """Write the file."""
        return json.dumps(asdict(self)).encode()


def read_pointer(data: bytes | None) -> Pointer:
    """Read the file; what cannot be read points at nothing."""
    try:
        value = json.loads(data or b"{}")
        lists = {name: tuple(value.get(name, ())) for name in ("refused", "withdrawn")}
        return Pointer(**{**value, **lists})
    except (ValueError, TypeError, AttributeError):
        return Pointer()
