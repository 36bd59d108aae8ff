"""The log's signed tree head, and proofs that travel beside what was logged: C2SP's text formats, byte for byte.

Source: c2sp.org/tlog-checkpoint, c2sp.org/tlog-proof@v1.
"""

from dataclasses import dataclass
from typing import ClassVar

from privacy.canonical import to_base64
from privacy.errors import PrivacyError
from privacy.keys import SigningKey, VerifyKey, is_name
from privacy.merkle import verify_inclusion
from privacy.note import NoteError, open_note, read_bytes, read_text, sign_note, split_note

_PROOF_HEADER = "c2sp.org/tlog-proof@v1"


class OriginError(PrivacyError):
    """A good signature over another log than the one asked for."""

    code: ClassVar[str] = "other_log"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits to: so many entries, under this root.

    Args:
        origin: the log's name, also the name of its key in notes; a URL without scheme.
        size: number of entries.
        root: 32 bytes, over all entries.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not is_name(self.origin):
            raise NoteError("an origin is not empty and holds no space, plus or control character")
        if not 0 <= self.size < 1 << 63:
            raise NoteError(f"a log cannot hold {self.size} entries")
        if len(self.root) != 32:
            raise NoteError(f"a root has 32 bytes, not {len(self.root)}")

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """Sign a tree head as a note under the log's origin."""
    return sign_note(checkpoint.text, name=checkpoint.origin, key=key)


def open_checkpoint(data: bytes, key: VerifyKey, *, origin: str | None = None) -> Checkpoint:
    """Return the tree head that this key signed.

    Args:
        data: the signed note.
        key: the log's pinned key.
        origin: the log asked for, where the key alone does not say it.

    Raises:
        NoteError: the bytes are no checkpoint; lines beyond the three of a tree head are refused too.
        SignatureError: the key did not sign it under the origin it names.
        OriginError: it is another log's.
    """
    name = split_note(data)[0].partition("\n")[0]
    lines = open_note(data, name=name, key=key).split("\n")
    if len(lines) != 4:
        raise NoteError("a checkpoint has three lines: origin, size and root")
    if origin is not None and name != origin:
        raise OriginError(f"this checkpoint is of the log {name}, not of {origin}")
    return Checkpoint(name, _whole(lines[1]), read_bytes(lines[2]))


def _whole(digits: str) -> int:
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 20) or str(int(digits)) != digits:
        raise NoteError("a size or index is a decimal without leading zeros")
    return int(digits)


@dataclass(frozen=True, slots=True)
class LogProof:
    """One entry's place in a log, in a file that verifies offline.

    Args:
        index: the entry's index, from zero.
        hashes: (levels,) 32 bytes each, the leaf's sibling first.
        checkpoint: the signed note of the tree they lead to, verbatim.
        extra: carried along and authenticated by nothing; empty leaves it out.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def encode(self) -> bytes:
        """Write the proof as ``c2sp.org/tlog-proof@v1``."""
        extra = [f"extra {to_base64(self.extra)}"] if self.extra else []
        head = [_PROOF_HEADER, *extra, f"index {self.index}", *map(to_base64, self.hashes)]
        return "\n".join([*head, "", ""]).encode() + self.checkpoint

    @classmethod
    def decode(cls, data: bytes) -> "LogProof":
        """Read a proof without believing it: nothing is verified yet.

        Raises:
            NoteError: the bytes are not what `encode` writes.
        """
        head, _, checkpoint = read_text(data).partition("\n\n")
        header, *lines = head.split("\n")
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = read_bytes(lines.pop(0).removeprefix("extra "))
        if header != _PROOF_HEADER or not lines or not lines[0].startswith("index "):
            raise NoteError("a log proof begins with its format, then an index")
        index = _whole(lines[0].removeprefix("index "))
        proof = cls(index, tuple(read_bytes(line) for line in lines[1:]), checkpoint.encode(), extra)
        if proof.encode() != data:
            raise NoteError("the log proof has another spelling than c2sp.org/tlog-proof@v1")
        return proof


def verify_log_proof(data: bytes, leaf: bytes, key: VerifyKey, *, origin: str | None = None) -> Checkpoint:
    """Return the tree head in which this leaf provably stands.

    Raises:
        NoteError: the bytes are no proof, or hold no checkpoint.
        SignatureError: the log's key did not sign the checkpoint.
        ProofError: the leaf is not in that tree at that index.
        OriginError: it is another log's.
    """
    proof = LogProof.decode(data)
    checkpoint = open_checkpoint(proof.checkpoint, key, origin=origin)
    verify_inclusion(leaf, index=proof.index, size=checkpoint.size, proof=proof.hashes, root=checkpoint.root)
    return checkpoint
