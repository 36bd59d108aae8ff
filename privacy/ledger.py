"""The public log: events as canonical leaves of a Merkle tree whose head is signed. Bytes in, bytes out, no disk.

An export is one leaf a line. It means nothing without a checkpoint, and with one no byte of it can change.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from privacy.acts import KeyPurpose, KeyRotated
from privacy.checkpoint import Checkpoint, LogProof, open_checkpoint, sign_checkpoint
from privacy.errors import PrivacyError
from privacy.events import Event, decode_event, encode_event
from privacy.keys import SignatureError, SigningKey, VerifyKey
from privacy.merkle import EMPTY_ROOT, root
from privacy.rotation import current_key, rotated
from privacy.succession import carry
from privacy.tree import Tree


class LedgerError(PrivacyError):
    """The entries are not those that the checkpoint commits to: the log was changed, cut or forked."""

    code: ClassVar[str] = "ledger_refused"


class Ledger:
    """An append-only log with one writer.

    Args:
        origin: the log's name, as in its checkpoints.
        key: signs checkpoints.
    """

    def __init__(self, origin: str, key: SigningKey) -> None:
        self._origin = Checkpoint(origin, 0, EMPTY_ROOT).origin
        self._keys = [(0, key)]
        self._events: list[Event] = []
        self._leaves: list[bytes] = []
        self._tree = Tree()
        self._rotations: list[tuple[int, KeyRotated]] = []

    @classmethod
    def resume(cls, data: bytes, checkpoint: bytes, *, origin: str, key: SigningKey) -> "Ledger":
        """Continue a log after a restart.

        Entries beyond the checkpoint are kept: they were recorded before a crash, and forgetting one would forget
        a spend.

        Args:
            data: everything that was stored of `export`, whole lines.
            checkpoint: the latest one that was stored.
            origin: the log's name.
            key: the log's key now; it signed the checkpoint.

        Raises:
            LedgerError: the stored entries do not begin with those of the checkpoint.
            SignatureError: the checkpoint is not of this key and origin.
            CanonicalError, RecordError: an entry is no event.
        """
        signed = open_checkpoint(checkpoint, key.public, origin=origin)
        leaves = _leaves(data)
        _check(leaves[: signed.size], signed)
        ledger = cls(origin, key)
        for leaf in leaves:
            event = decode_event(leaf)
            ledger.append(event)
            if isinstance(event, KeyRotated) and event.purpose == "log":
                ledger._keys = [(ledger.size, key)]
        return ledger

    def append(self, event: Event) -> int:
        """Append one event and return its index: O(log n) hashes."""
        leaf = encode_event(event)
        self._tree.append(leaf)
        self._leaves.append(leaf)
        self._events.append(event)
        if isinstance(event, KeyRotated):
            self._rotations.append((len(self._leaves) - 1, event))
        return len(self._leaves) - 1

    def rotate(self, new: SigningKey, *, proposed_by: str, approved_by: str) -> KeyRotated:
        """Replace the log's key: every head that holds this leaf is signed by the new one.

        Raises:
            RotationError, RecordError: the same key, or one person alone; nothing changes.
        """
        event = rotated(
            self._keys[-1][1],
            new,
            origin=self._origin,
            purpose="log",
            proposed_by=proposed_by,
            approved_by=approved_by,
        )
        self._keys.append((self.append(event) + 1, new))
        return event

    @property
    def events(self) -> tuple[Event, ...]:
        """Every event, oldest first."""
        return tuple(self._events)

    @property
    def leaves(self) -> tuple[bytes, ...]:
        """Every leaf, oldest first."""
        return tuple(self._leaves)

    @property
    def tree(self) -> Tree:
        """The log's Merkle tree, for proofs and tiles; it is the ledger's, to read only."""
        return self._tree

    @property
    def size(self) -> int:
        """Number of entries."""
        return len(self._leaves)

    def checkpoint(self, size: int | None = None) -> bytes:
        """Return the signed head of the log as it stands, or as it stood at an earlier size: O(log n) hashes.

        Raises:
            ProofError: the log never had that size.
            LedgerError: the key that signed heads of that size was replaced before the last restart.
        """
        size = self.size if size is None else size
        head = Checkpoint(self._origin, size, self._tree.root(size))
        keys = [key for since, key in self._keys if since <= size]
        if not keys:
            raise LedgerError(f"the key that signed heads of size {size} is gone; use those that were stored")
        return sign_checkpoint(head, keys[-1])

    def proof(self, index: int, *, purposes: Iterable[KeyPurpose] = ("log", "release")) -> bytes:
        """Return the proof that travels beside one entry: O(log² n) hashes.

        Args:
            index: of the entry.
            purposes: whose rotations go along, for whoever pinned an earlier key.

        Raises:
            ProofError: there is no such entry.
        """
        extra = carry(self._tree, self._rotations, purposes=purposes, size=self.size)
        return LogProof(index, self._tree.inclusion_proof(index), self.checkpoint(), extra).encode()

    def export(self) -> bytes:
        """Return every leaf, one a line."""
        return b"".join(leaf + b"\n" for leaf in self._leaves)


def read_ledger(
    data: bytes, checkpoint: bytes, key: VerifyKey, *, origin: str | None = None
) -> tuple[Event, ...]:
    """Return the events of an exported log, every byte of which the checkpoint vouches for.

    Args:
        data: what `Ledger.export` returned.
        checkpoint: the signed head of exactly these entries.
        key: the log's pinned key; rotations among the entries lead from it to the one that signed the checkpoint.
        origin: the log asked for, where the key alone does not say it.

    Raises:
        NoteError, SignatureError, OriginError: the checkpoint is malformed, not signed by the key or one that
            followed it, or of another log.
        RotationError: a rotation among the entries replaces a key that was not in use.
        LedgerError: entries were changed, added, dropped or moved.
        CanonicalError, RecordError: the log signed an entry that this version cannot read.
    """
    leaves = _leaves(data)
    try:
        signed = open_checkpoint(checkpoint, key, origin=origin)
    except SignatureError:
        signed = open_checkpoint(checkpoint, _followed(leaves, key, origin), origin=origin)
    _check(leaves, signed)
    return tuple(decode_event(leaf) for leaf in leaves)


def _followed(leaves: Sequence[bytes], key: VerifyKey, origin: str | None) -> VerifyKey:
    """Return the key that rotations lead to; they are believed for their own two signatures, not for their place."""
    if origin is None:
        return key
    rotations = (decode_event(leaf) for leaf in leaves if b'"key_rotated"' in leaf)
    return current_key(rotations, origin=origin, purpose="log", first=key)


def _leaves(data: bytes) -> list[bytes]:
    *leaves, rest = data.split(b"\n")
    if rest:
        raise LedgerError(f"entry {len(leaves)} has no end of line: the export was cut off")
    return leaves


def _check(leaves: Sequence[bytes], signed: Checkpoint) -> None:
    if len(leaves) != signed.size:
        raise LedgerError(f"the checkpoint commits to {signed.size} entries, here are {len(leaves)}")
    if root(leaves) != signed.root:
        raise LedgerError("the entries do not lead to the checkpoint's root: one was changed or moved")
