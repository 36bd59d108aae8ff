"""The trust file: which log, and the first keys of its heads and of its releases."""

from typing import NamedTuple

from privacy.audit.faults import Broken
from privacy.audit.forms import NotCanonical, raw_bytes, read

FIELDS = ("format", "log_key", "origin", "release_key")
FORMAT = "penchant-trust-v1"


class Anchors(NamedTuple):
    """Whom a device trusts.

    Args:
        origin: the log's name.
        log_key, release_key: 32 bytes each.
    """

    origin: str
    log_key: bytes
    release_key: bytes


def read_trust(data: bytes, where: str) -> Anchors:
    """Read a trust file.

    Raises:
        Broken: it does not say whom to trust.
    """
    try:
        body = read(data)
        if not isinstance(body, dict) or tuple(sorted(body)) != FIELDS:
            raise NotCanonical("it holds " + ", ".join(FIELDS))
        if body["format"] != FORMAT or not all(isinstance(value, str) for value in body.values()):
            raise NotCanonical(f"its format is {FORMAT}, its values are strings")
        found = Anchors(body["origin"], raw_bytes(body["log_key"]), raw_bytes(body["release_key"]))
    except NotCanonical as problem:
        raise Broken("trust.form", where, f"{problem}") from None
    if len(found.log_key) != 32 or len(found.release_key) != 32 or found.log_key == found.release_key:
        raise Broken("trust.form", where, "two different keys of 32 bytes are needed")
    return found
