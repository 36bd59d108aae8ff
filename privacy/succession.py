"""Key rotations that travel beside a log proof: who pinned an earlier key follows them without reading the log.

They stand in the proof's `extra` line (c2sp.org/tlog-proof@v1), which by itself vouches for nothing:

    {"format":"penchant-rotations-1","rotations":[{"entry":{...},"index":7,"path":["...",...]},...]}

Each entry is a `key_rotated` leaf that both its keys signed, and its path leads to the root of the proof's own head.
A proof without rotations has no such line and is read as ever. At most `MOST_ROTATIONS` are carried, the newest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from privacy.acts import KeyPurpose, KeyRotated
from privacy.canonical import JSON, decode, encode, from_base64, to_base64
from privacy.checkpoint import Checkpoint, LogProof, open_checkpoint
from privacy.errors import PrivacyError
from privacy.events import decode_event, encode_event
from privacy.keys import VerifyKey
from privacy.merkle import ProofError, verify_inclusion
from privacy.rotation import RotationError, check_rotation

if TYPE_CHECKING:
    from privacy.tree import Nodes

FORMAT = "penchant-rotations-1"
MOST_ROTATIONS = 16
MOST_BYTES = 1 << 15
"""The longest `extra` that is read at all: sixteen rotations in a log of a billion entries."""


@dataclass(frozen=True, slots=True)
class Step:
    """A rotation and its place in the log.

    Args:
        index: of its entry.
        event: the entry.
        path: (levels,) 32 bytes each, the leaf's sibling first.
    """

    index: int
    event: KeyRotated
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """The keys of one purpose, as they followed each other.

    Args:
        keys: (from which entry on, key), oldest first.
    """

    keys: tuple[tuple[int, VerifyKey], ...]

    @property
    def newest(self) -> VerifyKey:
        """The one in use at the head."""
        return self.keys[-1][1]

    def at(self, index: int) -> VerifyKey:
        """Return the one in use when an entry was appended."""
        return next(key for since, key in reversed(self.keys) if since <= index)

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them, base64, oldest first."""
        return tuple(key.base64 for _, key in self.keys)

    def holds(self, key: VerifyKey) -> bool:
        """Tell whether a key is one of them."""
        return any(key == each for _, each in self.keys)


@dataclass(frozen=True, slots=True)
class Followed:
    """A log's head, over whatever rotations were needed to believe it, and the way from one leaf up to it.

    Args:
        checkpoint: the head.
        index: the leaf's.
        hashes: (levels,) 32 bytes each, the leaf's sibling first.
        log: the keys of the log, up to the one that signed the head.
        steps: rotations that stand in the log, of any purpose.
    """

    checkpoint: Checkpoint
    index: int
    hashes: tuple[bytes, ...]
    log: Chain
    steps: tuple[Step, ...]

    def chain(self, purpose: KeyPurpose, pinned: VerifyKey) -> Chain:
        """Return the keys of another purpose, one of which is pinned.

        Raises:
            RotationError: they never lead to the pinned one, or do not follow each other.
        """
        return _chain(self.steps, purpose, pinned)

    def after(self, purpose: KeyPurpose, pinned: VerifyKey) -> tuple[VerifyKey, ...]:
        """Return the keys that followed a pinned one, oldest first; none where it is not among them."""
        try:
            keys = [key for _, key in self.chain(purpose, pinned).keys]
        except RotationError:
            return ()
        return tuple(keys[keys.index(pinned) + 1 :])

    def require(self, leaf: bytes) -> None:
        """Return only if this leaf stands in the log at the proof's index.

        Raises:
            ProofError: it does not.
        """
        _include(leaf, self.index, self.hashes, self.checkpoint)


def carry(
    tree: "Nodes", rotations: Sequence[tuple[int, KeyRotated]], *, purposes: Iterable[KeyPurpose], size: int
) -> bytes:
    """Return what a proof carries in its `extra` line: the newest rotations, as many as a reader takes.

    Empty where no key of these purposes was ever replaced.

    Args:
        tree: the log's.
        rotations: (index, event) of every rotation in it, oldest first.
        purposes: whose rotations a reader of this proof needs.
        size: of the head that the proof is under.
    """
    wanted = frozenset(purposes)
    needed = [(at, event) for at, event in rotations if event.purpose in wanted and at < size]
    carried: list[JSON] = [
        {
            "entry": decode(encode_event(event)),
            "index": at,
            "path": [to_base64(node) for node in tree.inclusion_proof(at, size)],
        }
        for at, event in needed[-MOST_ROTATIONS:]
    ]
    while carried:
        extra = encode({"format": FORMAT, "rotations": carried})
        if len(extra) <= MOST_BYTES:
            return extra
        carried.pop(0)
    return b""


def follow(data: bytes, key: VerifyKey, *, origin: str) -> Followed:
    """Return the head of a log proof, following the log's rotations from the pinned key.

    Args:
        data: the log proof, with the rotations beside it.
        key: the log's pinned key: the one that signed the head, or one that led to it.
        origin: the log asked for.

    Raises:
        NoteError: the bytes are no proof, or hold no checkpoint.
        RotationError: the rotations are malformed, too many, of another log, out of order, or lead elsewhere.
        SignatureError: a key did not sign its replacement, or the last one not the head.
        ProofError: a rotation is not in that tree at its index.
        OriginError: it is another log's.
    """
    proof = LogProof.decode(data)
    steps = read_steps(proof.extra, origin=origin) if proof.extra else ()
    for step in steps:
        check_rotation(step.event)
    log = _chain(steps, "log", key)
    head = open_checkpoint(proof.checkpoint, log.newest, origin=origin)
    for step in steps:
        try:
            _include(encode_event(step.event), step.index, step.path, head)
        except ProofError:
            where = f"entry {step.index} of the log"
            raise ProofError(
                f"{where} is not the rotation of the {step.event.purpose} key beside it"
            ) from None
    return Followed(head, proof.index, proof.hashes, log, steps)


def follow_log_proof(data: bytes, leaf: bytes, key: VerifyKey, *, origin: str) -> Followed:
    """Return the head in which a leaf provably stands, following the log's rotations from the pinned key.

    Raises:
        PrivacyError: what `follow` raises; a ProofError also where the leaf is not in that tree at its index.
    """
    followed = follow(data, key, origin=origin)
    followed.require(leaf)
    return followed


def _include(leaf: bytes, index: int, path: tuple[bytes, ...], head: Checkpoint) -> None:
    verify_inclusion(leaf, index=index, size=head.size, proof=path, root=head.root)


def read_steps(data: bytes, *, origin: str) -> tuple[Step, ...]:
    """Read the rotations beside a proof, believing nothing yet.

    Raises:
        RotationError: they are malformed, too many, of another log, or not in the order of the log.
    """
    if len(data) > MOST_BYTES:
        raise RotationError(f"the rotations beside a proof take at most {MOST_BYTES} bytes")
    try:
        body = decode(data)
        if not isinstance(body, dict) or body.keys() != {"format", "rotations"} or body["format"] != FORMAT:
            raise RotationError(f"what stands beside the proof is not {FORMAT}")
        listed = body["rotations"]
        if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_ROTATIONS:
            raise RotationError(f"a proof carries 1 to {MOST_ROTATIONS} rotations; pin a newer key")
        steps = tuple(_step(each) for each in listed)
    except RotationError:
        raise
    except PrivacyError as problem:
        raise RotationError(f"a rotation beside the proof cannot be read: {problem}") from None
    if any(step.event.origin != origin for step in steps):
        raise RotationError(f"a rotation beside the proof is of another log than {origin}")
    places = [step.index for step in steps]
    if places != sorted(set(places)):
        raise RotationError("the rotations beside the proof are not in the order of the log")
    return steps


def _step(value: JSON) -> Step:
    if not isinstance(value, dict) or value.keys() != {"entry", "index", "path"}:
        raise RotationError("a rotation beside a proof holds entry, index and path, nothing else")
    index, path = value["index"], value["path"]
    if type(index) is not int or index < 0 or not isinstance(path, list) or len(path) > 64:
        raise RotationError("a rotation's place is an index and at most 64 hashes")
    event = decode_event(encode(value["entry"]))
    if not isinstance(event, KeyRotated):
        raise RotationError("an entry beside the proof is no rotation")
    hashes = (from_base64(each) if isinstance(each, str) else b"" for each in path)
    return Step(index, event, tuple(hashes))


def _chain(steps: Iterable[Step], purpose: KeyPurpose, pinned: VerifyKey) -> Chain:
    """Follow the rotations of one purpose; the pinned key may be any link, since each signed for its neighbours."""
    keys: list[tuple[int, VerifyKey]] = []
    for step in steps:
        if step.event.purpose != purpose:
            continue
        old, new = (VerifyKey.from_base64(key) for key in (step.event.old_key, step.event.new_key))
        keys = keys or [(0, old)]
        if old != keys[-1][1]:
            raise RotationError(f"the rotations beside the proof replace a {purpose} key that was not in use")
        if any(new == known for _, known in keys):
            raise RotationError(f"the rotations beside the proof come back to a replaced {purpose} key")
        keys.append((step.index + 1, new))
    chain = Chain(tuple(keys) or ((0, pinned),))
    if not chain.holds(pinned):
        raise RotationError(f"the rotations beside the proof never lead to the pinned {purpose} key")
    return chain
