"""What somebody pinned outside a bundle: a trust file or a service's log pins, held against the keys in the bundle.

A pin may be any of the keys that followed each other: the first, the newest, or one between. Each signed for its
neighbours, so who has one has them all.
"""

import hashlib
from typing import NamedTuple

from privacy.audit.faults import Broken, Unreadable
from privacy.audit.forms import NotCanonical, raw_bytes, read
from privacy.audit.state import Log
from privacy.audit.trust import read_trust

PINS = "penchant-log-pins-1"


class Pinned(NamedTuple):
    """Whom somebody trusts, from outside.

    Args:
        origin: the log's name.
        keys: by purpose, 32 bytes each.
        consents: the consent log's name; None where nothing was pinned of it.
    """

    origin: str
    keys: dict[str, bytes]
    consents: str | None = None


def read_pinned(trust: bytes | None, pins: bytes | None) -> list[Pinned]:
    """Read what was pinned.

    Raises:
        Unreadable: a file is none.
    """
    found = []
    if trust is not None:
        try:
            anchors = read_trust(trust, "the trust file")
        except Broken as problem:
            raise Unreadable(f"the trust file given: {problem.says}") from None
        found.append(Pinned(anchors.origin, {"log": anchors.log_key, "release": anchors.release_key}))
    if pins is not None:
        try:
            found.append(_pins(pins))
        except NotCanonical as problem:
            raise Unreadable(f"the file of pins given: {problem}") from None
    return found


def _pins(data: bytes) -> Pinned:
    body = read(data)
    if not isinstance(body, dict) or tuple(sorted(body)) != ("consent_log", "format", "public_log"):
        raise NotCanonical("it holds consent_log, format and public_log")
    if body["format"] != PINS or not all(isinstance(value, str) for value in body.values()):
        raise NotCanonical(f"its format is {PINS}, its values are strings")
    (origin, log), (consents, consent) = _verifier(body["public_log"]), _verifier(body["consent_log"])
    return Pinned(origin, {"log": log, "consent_log": consent}, consents)


def _verifier(text: str) -> tuple[str, bytes]:
    """Read ``name+id+base64`` of a type and a key (c2sp.org/signed-note)."""
    name, _, rest = text.partition("+")
    short, _, encoded = rest.partition("+")
    typed = raw_bytes(encoded)
    known = hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()[:8]
    if not name or len(typed) != 33 or typed[0] != 1 or short != known:
        raise NotCanonical("a log is named as name+id+base64 of an Ed25519 key")
    return name, typed[1:]


def check_origin(pinned: list[Pinned], origin: str) -> None:
    """Return only if the bundle is of the log that was pinned.

    Raises:
        Broken: it is of another.
    """
    for each in pinned:
        if each.origin != origin:
            raise Broken("trust.pinned", "line 2", f"it is of {origin}, you pinned {each.origin}")


def check_pinned(pinned: list[Pinned], log: Log) -> None:
    """Return only if every pinned key is one of those that followed each other in the log.

    The consent log's key is held against the officer's part, where that is there.

    Raises:
        Broken: one is not: the bundle rests on other keys than you do.
    """
    for each in pinned:
        for purpose in ("log", "release"):
            if purpose in each.keys and each.keys[purpose] not in log.keys(purpose):
                says = f"it trusts {log.origin} by another {purpose} key than you do, and yours leads nowhere here"
                raise Broken("trust.pinned", "line 2", says)
