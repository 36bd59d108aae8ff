"""What stands beside a log proof for devices that pinned an earlier key: rotations, each of them the log's."""

import json
from typing import Any

from privacy.audit.faults import Broken
from privacy.audit.forms import NotCanonical, raw_bytes, read
from privacy.audit.notes import Proof
from privacy.audit.tree import climb

FORMAT = "penchant-rotations-1"
MOST = 16


def check_beside(proof: Proof, where: str) -> None:
    """Return only if every rotation beside a proof stands in the log of its head, in the log's order.

    Raises:
        Broken: one does not, or something else stands there.
    """
    if not proof.beside:
        return
    try:
        steps = _steps(read(proof.beside))
        led = [climb(leaf, index=at, size=proof.head.size, path=path) for leaf, at, path in steps]
    except NotCanonical as problem:
        raise Broken("release.proof", where, f"beside it: {problem}") from None
    places = [at for _, at, _ in steps]
    if places != sorted(set(places)) or any(root != proof.head.root for root in led):
        raise Broken(
            "release.proof", where, "a rotation beside it is not in the log, or not in the log's order"
        )


def _steps(body: Any) -> list[tuple[bytes, int, list[bytes]]]:
    if not isinstance(body, dict) or body.keys() != {"format", "rotations"} or body["format"] != FORMAT:
        raise NotCanonical(f"it is not {FORMAT}")
    listed = body["rotations"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST:
        raise NotCanonical(f"1 to {MOST} rotations stand there")
    return [_step(each) for each in listed]


def _step(each: Any) -> tuple[bytes, int, list[bytes]]:
    if not isinstance(each, dict) or each.keys() != {"entry", "index", "path"}:
        raise NotCanonical("a rotation holds entry, index and path")
    entry, at, path = each["entry"], each["index"], each["path"]
    if not isinstance(entry, dict) or entry.get("kind") != "key_rotated" or type(at) is not int:
        raise NotCanonical("an entry there is no rotation")
    if not isinstance(path, list) or not all(isinstance(node, str) for node in path):
        raise NotCanonical("a path is a list of hashes")
    leaf = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return leaf, at, [raw_bytes(node) for node in path]
