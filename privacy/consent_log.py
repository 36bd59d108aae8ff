"""The private consent log: what each person decided, as salted commitments that outlive their content.

A leaf is HMAC-SHA256(salt, record): without the salt it says nothing, so erasing salt and record leaves every
other proof and every root as they were. Even the log's length is a count, and whoever gets a proof sees it. So the
log grows by a constant number of slots a tick, unused ones filled with random commitments, and a decision's place in
its tick is drawn: length and position tell nothing about anyone. Bytes in, bytes out; the server stores them.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from privacy.acts import ConsentRootAnchored
from privacy.canonical import decode, encode
from privacy.checkpoint import LogProof, verify_log_proof
from privacy.errors import PrivacyError
from privacy.events import decode_event
from privacy.keys import VerifyKey
from privacy.succession import Followed, follow_log_proof
from privacy.tree import Nodes

SALT_BYTES = 32
_LEAF = b"penchant consent leaf v1\n"
_ANCHOR = b"penchant consent anchor v1\n"


class ConsentLogError(PrivacyError):
    """The bytes are no leaf, a batch is too large for its tick, or a proof shows something else than it should."""

    code: ClassVar[str] = "consent_log_refused"


@dataclass(frozen=True, slots=True)
class Erased:
    """Says that the content of an earlier leaf was erased.

    Args:
        index: the leaf whose salt and record are gone.
    """

    index: int


def _keyed(prefix: bytes, salt: bytes, content: bytes) -> bytes:
    if len(salt) != SALT_BYTES:
        raise ConsentLogError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return hmac.digest(salt, prefix + content, hashlib.sha256)


def commitment(record: bytes, salt: bytes) -> bytes:
    """Return the leaf that commits to a record.

    Args:
        record: what was decided, e.g. a signed receipt's canonical bytes.
        salt: 32 random bytes, kept beside the record and erased with it.

    Raises:
        ConsentLogError: the salt has another length.
    """
    return encode({"commitment": _keyed(_LEAF, salt, record).hex()})


def erasure(index: int) -> bytes:
    """Return the marker leaf that says the content of a leaf was erased."""
    return encode({"erased": index})


def read_leaf(leaf: bytes) -> Erased | None:
    """Return what a marker erased, or None for a commitment.

    Raises:
        ConsentLogError, CanonicalError: the bytes are no leaf.
    """
    body = decode(leaf)
    if isinstance(body, dict) and body.keys() == {"erased"}:
        index = body["erased"]
        if type(index) is int and index >= 0:
            return Erased(index)
    if isinstance(body, dict) and body.keys() == {"commitment"}:
        value = body["commitment"]
        if isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef"):
            return None
    raise ConsentLogError("a leaf of the consent log is a commitment or an erasure")


def fill_tick(
    leaves: Sequence[bytes], *, slots: int, bits: Callable[[int], bytes] = os.urandom
) -> tuple[list[bytes], list[int]]:
    """Lay a tick's leaves among random commitments, each in a place of its own.

    Args:
        leaves: commitments and markers of this tick.
        slots: how many leaves every tick has, a declared constant.
        bits: makes n random bytes; the operating system's outside tests.

    Returns:
        The tick's leaves, and for each of those given its place among them.

    Raises:
        ConsentLogError: there are more than slots; the rest waits for the next tick.
    """
    if len(leaves) > slots:
        raise ConsentLogError(
            f"{len(leaves)} leaves do not fit into a tick of {slots}; keep some for the next"
        )
    places = sorted(range(slots), key=lambda _: bits(16))[: len(leaves)]
    tick = [encode({"commitment": bits(32).hex()}) for _ in range(slots)]
    for place, leaf in zip(places, leaves, strict=True):
        tick[place] = leaf
    return tick, places


def anchor(checkpoint: bytes, *, number: int, salt: bytes) -> ConsentRootAnchored:
    """Commit to the consent log's checkpoint for the public log.

    Args:
        checkpoint: the consent log's signed head.
        number: of the tick.
        salt: 32 random bytes, kept by the officer and given out with receipts' proofs.
    """
    return ConsentRootAnchored(number=number, commitment=_keyed(_ANCHOR, salt, checkpoint).hex())


def receipt_proof(
    tree: Nodes,
    index: int,
    *,
    salt: bytes,
    checkpoint: bytes,
    anchor_salt: bytes,
    anchored: bytes,
    proof: bytes,
) -> bytes:
    """Write what a person needs to check offline that their receipt stands in both logs: a few KB.

    Args:
        tree: the consent log's.
        index: of the receipt's leaf.
        salt: the leaf's.
        checkpoint: the consent log's signed head.
        anchor_salt: with which that head was anchored.
        anchored: the anchor's leaf in the public log.
        proof: the anchor's log proof there.
    """
    size = _size(checkpoint)
    log_proof = LogProof(index, tree.inclusion_proof(index, size), checkpoint, salt)
    parts = {"anchor": anchored, "anchor_proof": proof, "consent_proof": log_proof.encode()}
    return encode({"anchor_salt": anchor_salt.hex(), **{name: part.decode() for name, part in parts.items()}})


def _size(checkpoint: bytes) -> int:
    return int(checkpoint.split(b"\n")[1])


def verify_receipt_proof(
    data: bytes,
    receipt: bytes,
    *,
    consent_key: VerifyKey,
    consent_origin: str,
    log_key: VerifyKey,
    log_origin: str,
) -> Followed:
    """Return what shows that a receipt is anchored in the public log, over whatever keys were replaced since.

    Args:
        data: what `receipt_proof` wrote.
        receipt: the receipt's canonical bytes, as kept by the person.
        consent_key: a key of the consent log, pinned.
        consent_origin: the consent log's name.
        log_key: a key of the public log, pinned.
        log_origin: the public log's name.

    Raises:
        ConsentLogError: the proof is malformed, or anchors another head.
        RotationError: the rotations beside it do not lead from, or to, the pinned keys.
        NoteError, ProofError, SignatureError, OriginError, CanonicalError, RecordError: a part does not hold.
    """
    anchored, anchor_proof, salt, consent_proof = _parts(data)
    shown = follow_log_proof(anchor_proof, anchored, log_key, origin=log_origin)
    signer = shown.chain("consent_log", consent_key).at(shown.index)
    ours = LogProof.decode(consent_proof)
    verify_log_proof(consent_proof, commitment(receipt, ours.extra), signer, origin=consent_origin)
    event = decode_event(anchored)
    if not isinstance(event, ConsentRootAnchored) or event != anchor(
        ours.checkpoint, number=event.number, salt=salt
    ):
        raise ConsentLogError("the public log anchors another head of the consent log")
    return shown


def _parts(data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Return the anchor's leaf, its proof and salt, and the receipt's proof, believing nothing yet."""
    body = decode(data)
    names = {"anchor", "anchor_proof", "anchor_salt", "consent_proof"}
    if not isinstance(body, dict) or body.keys() != names:
        raise ConsentLogError("a receipt's proof holds " + ", ".join(sorted(names)))
    texts = {name: value for name, value in body.items() if isinstance(value, str)}
    if texts.keys() != names:
        raise ConsentLogError("every part of a receipt's proof is a string")
    try:
        salt = bytes.fromhex(texts["anchor_salt"])
        anchored, anchor_proof, consent_proof = (
            texts[name].encode() for name in ("anchor", "anchor_proof", "consent_proof")
        )
    except ValueError as problem:
        raise ConsentLogError("a part of the receipt's proof has another spelling") from problem
    return anchored, anchor_proof, salt, consent_proof
