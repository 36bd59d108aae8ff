"""The officer's part: the private consent log, and the anchors that bind it to the public one."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from privacy.audit.container import Lines
from privacy.audit.faults import Broken
from privacy.audit.forms import NotCanonical, raw_bytes, read
from privacy.audit.heads import Roots
from privacy.audit.notes import Head, read_head

PREFIX = b"penchant consent anchor v1\n"
_LEAF = re.compile(rb'\{"commitment":"[0-9a-f]{64}"\}|\{"erased":(0|[1-9][0-9]{0,15})\}')
_SALT = re.compile(r"[0-9a-f]{64}")


class Tick(NamedTuple):
    """A head of the consent log that an anchor of the public one commits to."""

    head: Head
    where: str


def check_officer(
    lines: Lines, counts: tuple[int, int], anchors: bytes, gaps: Sequence[tuple[int, int]] = ()
) -> None:
    """Read the officer's part and hold it against the public log.

    Args:
        lines: right before it.
        counts: leaves and ticks it has.
        anchors: the public log's commitments, 32 bytes each, oldest first.
        gaps: (first, last) number of anchors whose heads were lost, as the public log says.

    Raises:
        Broken: a rule does not hold.
    """
    leaves, many = counts
    log = _object(lines, {"key": str, "origin": str})
    try:
        key = raw_bytes(log["key"])
    except NotCanonical as problem:
        raise Broken("officer.head", lines.where, f"the key: {problem}") from None
    kept = _kept(len(anchors) // 32, gaps)
    if many != len(kept):
        says = f"the public log has {len(kept)} anchors whose heads are kept, here are {many}"
        raise Broken("officer.anchor", "the officer's part", says)
    ticks = [_tick(lines, number, anchors) for number in kept]
    roots = Roots([tick.head.size for tick in ticks])
    _take_leaves(lines, leaves, roots)
    if leaves != (ticks[-1].head.size if ticks else 0):
        raise Broken("officer.head", "the newest tick", f"it is not over the {leaves} leaves that are here")
    for tick in ticks:
        if tick.head.origin != log["origin"] or not tick.head.signed_by(key):
            raise Broken("officer.head", tick.where, f"the key of {log['origin']} did not sign it")
        if roots.at(tick.head.size) != tick.head.root:
            raise Broken(
                "officer.head", tick.where, f"its {tick.head.size} leaves are others than those here"
            )


def _kept(anchors: int, gaps: Sequence[tuple[int, int]]) -> list[int]:
    lost = {number for first, last in gaps for number in range(first, last + 1)}
    return [number for number in range(1, anchors + 1) if number not in lost]


def _tick(lines: Lines, number: int, anchors: bytes) -> Tick:
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
    if (
        hmac.digest(bytes.fromhex(tick["salt"]), content, hashlib.sha256)
        != anchors[32 * number - 32 : 32 * number]
    ):
        raise Broken("officer.anchor", f"tick {number}", "the public log commits to another head")
    return Tick(head, f"tick {number}")


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
