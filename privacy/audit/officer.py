"""The officer's part: the private consent log, and the anchors that bind it to the public one."""

import hashlib
import hmac
import re
from typing import Any, NamedTuple

from privacy.audit.container import Lines
from privacy.audit.faults import Broken
from privacy.audit.forms import NotCanonical, raw_bytes, read
from privacy.audit.heads import Roots
from privacy.audit.notes import Head, read_head
from privacy.audit.pins import Pinned
from privacy.audit.state import Log

PREFIX = b"penchant consent anchor v1\n"
_LEAF = re.compile(rb'\{"commitment":"[0-9a-f]{64}"\}|\{"erased":(0|[1-9][0-9]{0,15})\}')
_SALT = re.compile(r"[0-9a-f]{64}")


class Tick(NamedTuple):
    """A head of the consent log that an anchor of the public one commits to."""

    number: int
    head: Head

    @property
    def where(self) -> str:
        """The tick's place, for people."""
        return f"tick {self.number}"


def check_officer(lines: Lines, counts: tuple[int, int], log: Log, pinned: list[Pinned]) -> None:
    """Read the officer's part and hold it against the public log.

    Args:
        lines: right before it.
        counts: leaves and ticks it has.
        log: the public one: its anchors, those whose heads are lost, and the rotations of the consent log's key.
        pinned: from outside.

    Raises:
        Broken: a rule does not hold.
    """
    leaves, many = counts
    origin = _signer(lines, log, pinned)
    kept = _kept(log)
    if many != len(kept):
        says = f"the public log has {len(kept)} anchors whose heads are kept, here are {many}"
        raise Broken("officer.anchor", "the officer's part", says)
    ticks = [_tick(lines, number, log) for number in kept]
    roots = Roots([tick.head.size for tick in ticks])
    _take_leaves(lines, leaves, roots)
    if leaves != (ticks[-1].head.size if ticks else 0):
        raise Broken("officer.head", "the newest tick", f"it is not over the {leaves} leaves that are here")
    for tick in ticks:
        at = log.anchored[tick.number - 1]
        if tick.head.origin != origin or not tick.head.signed_by(log.key_at(at, "consent_log")):
            raise Broken("officer.head", tick.where, f"the key of {origin} at entry {at} did not sign it")
        if roots.at(tick.head.size) != tick.head.root:
            raise Broken(
                "officer.head", tick.where, f"its {tick.head.size} leaves are others than those here"
            )


def _signer(lines: Lines, log: Log, pinned: list[Pinned]) -> str:
    """Return the consent log's name, once its key is one that the public log leads to, and that was pinned."""
    named = _object(lines, {"key": str, "origin": str})
    try:
        key = raw_bytes(named["key"])
    except NotCanonical as problem:
        raise Broken("officer.key", lines.where, f"the key: {problem}") from None
    log.chains.setdefault("consent_log", [(0, key)])
    known = log.keys("consent_log")
    if key not in known:
        raise Broken(
            "officer.key", lines.where, "the public log's rotations neither begin with it nor lead to it"
        )
    for each in pinned:
        if each.consents is not None and (
            each.consents != named["origin"] or each.keys["consent_log"] not in known
        ):
            says = f"you pinned {each.consents} by a key that never leads to this one of {named['origin']}"
            raise Broken("officer.key", lines.where, says)
    return str(named["origin"])


def _kept(log: Log) -> list[int]:
    """Return the numbers of anchors whose heads were not lost."""
    lost = {number for first, last in log.gaps for number in range(first, last + 1)}
    return [number for number in range(1, len(log.anchored) + 1) if number not in lost]


def _tick(lines: Lines, number: int, log: Log) -> Tick:
    tick = _object(lines, {"checkpoint": str, "number": int, "salt": str})
    if tick["number"] != number:
        says = f"number {tick['number']} stands where {number} is due: a tick is missing"
        raise Broken("officer.anchor", lines.where, says)
    if _SALT.fullmatch(tick["salt"]) is None:
        raise Broken("bundle.form", lines.where, "a salt is 32 bytes in hexadecimal")
    try:
        head = read_head(tick["checkpoint"])
    except NotCanonical as problem:
        raise Broken("officer.head", lines.where, f"{problem}") from None
    content = PREFIX + tick["checkpoint"].encode()
    anchored = log.anchors[32 * number - 32 : 32 * number]
    if hmac.digest(bytes.fromhex(tick["salt"]), content, hashlib.sha256) != anchored:
        raise Broken("officer.anchor", f"tick {number}", "the public log commits to another head")
    return Tick(number, head)


def _take_leaves(lines: Lines, leaves: int, roots: Roots) -> None:
    erased = bytearray()
    for index, leaf in enumerate(lines.some(leaves)):
        found = _LEAF.fullmatch(leaf)
        if found is None:
            raise Broken("officer.form", lines.where, "a leaf is neither a commitment nor an erasure")
        if found[1] is not None and (int(found[1]) >= index or erased[int(found[1])]):
            raise Broken("officer.form", lines.where, f"leaf {int(found[1])} is no earlier commitment")
        erased.append(found[1] is not None)
        roots.add(leaf)


def _object(lines: Lines, fields: dict[str, type]) -> dict[str, Any]:
    try:
        value = read(lines.take())
    except NotCanonical as problem:
        raise Broken("bundle.form", lines.where, f"{problem}") from None
    known = isinstance(value, dict) and value.keys() == fields.keys()
    if not known or any(type(value[name]) is not kind for name, kind in fields.items()):
        raise Broken("bundle.form", lines.where, f"an object with {', '.join(fields)} should stand here")
    return dict(value)
