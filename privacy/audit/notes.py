"""Signed notes, heads of a log and log proofs, read from the C2SP texts.

Source: c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-proof@v1.
"""

import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from privacy.audit.forms import NotCanonical, raw_bytes

_NAME = r"[^\s+\x00-\x1f\ud800-\udfff]+"
_SIGNED = re.compile(rf"— ({_NAME}) ([A-Za-z0-9+/]+={{0,2}})")
_HEAD = re.compile(rf"({_NAME})\n(0|[1-9][0-9]{{0,18}})\n([A-Za-z0-9+/]{{43}}=)\n")
_PROOF = re.compile(
    r"c2sp\.org/tlog-proof@v1\n(?:extra ([A-Za-z0-9+/]+={0,2})\n)?index (0|[1-9][0-9]{0,18})\n"
    r"((?:[A-Za-z0-9+/]{43}=\n){0,64})\n"
)
MOST_SIGNATURES = 100


@dataclass(frozen=True, slots=True)
class Head:
    """A signed head of a log: so many entries, under this root.

    Args:
        origin: the log's name.
        size: number of entries.
        root: 32 bytes.
        text: what is signed.
        signatures: (name, 4 bytes of key id, signature) of everybody who signed.
    """

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]

    def signed_by(self, key: bytes) -> bool:
        """Say whether the log's key signed it; a wrong signature beside a right one spoils it."""
        known = hashlib.sha256(self.origin.encode() + b"\n\x01" + key).digest()[:4]
        ours = [s for name, short, s in self.signatures if (name, short) == (self.origin, known)]
        return bool(ours) and all(verified(key, self.text, signature) for signature in ours)

    def others(self, key: bytes) -> int:
        """Return how many signatures are somebody else's, such as a witness's."""
        known = hashlib.sha256(self.origin.encode() + b"\n\x01" + key).digest()[:4]
        return sum((name, short) != (self.origin, known) for name, short, _ in self.signatures)


@dataclass(frozen=True, slots=True)
class Proof:
    """A claim that an entry stands in a log.

    Args:
        index: of the entry.
        path: 32 bytes each, from the leaf up.
        head: of the tree they lead to.
        beside: what it carries along, for devices; empty where nothing.
    """

    index: int
    path: tuple[bytes, ...]
    head: Head
    beside: bytes


def verified(key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether an Ed25519 key, 32 bytes, signed a message."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def read_head(note: str) -> Head:
    """Read a signed head without believing it.

    Raises:
        NotCanonical: it is none.
    """
    text, gap, block = note.rpartition("\n\n")
    text += "\n"
    found = _HEAD.fullmatch(text)
    *lines, end = block.split("\n")
    signed = [_SIGNED.fullmatch(line) for line in lines]
    if not gap or end or found is None or not 1 <= len(lines) <= MOST_SIGNATURES:
        raise NotCanonical("no signed head: three lines, an empty one, signatures")
    signatures = []
    for line in signed:
        if line is None or len(raw_bytes(line[2])) < 5:
            raise NotCanonical("no signature line of a note")
        raw = raw_bytes(line[2])
        signatures.append((line[1], raw[:4], raw[4:]))
    return Head(found[1], int(found[2]), raw_bytes(found[3]), text.encode(), tuple(signatures))


def read_proof(text: str) -> Proof:
    """Read a log proof without believing it.

    Raises:
        NotCanonical: it is none.
    """
    found = _PROOF.match(text)
    if found is None:
        raise NotCanonical("no log proof")
    beside = raw_bytes(found[1]) if found[1] else b""
    path = tuple(raw_bytes(line) for line in found[3].split("\n")[:-1])
    return Proof(int(found[2]), path, read_head(text[found.end() :]), beside)
