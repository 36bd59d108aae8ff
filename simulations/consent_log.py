"""A simulation's private consent log: at every tick one leaf commits to what everybody had decided by then."""

import os
from dataclasses import dataclass, field

from privacy.acts import ConsentRootAnchored, NoticePublished
from privacy.canonical import JSON, encode
from privacy.checkpoint import Checkpoint, sign_checkpoint
from privacy.consent_log import SALT_BYTES, anchor, commitment
from privacy.keys import SigningKey
from privacy.tree import Tree
from server.consent import Purpose
from server.notices import shipped_notices

PURPOSE: Purpose = "federated_contribution"
PROPOSER, APPROVER = "simulated-operator", "simulated-officer"


def notices() -> list[NoticePublished]:
    """Return what the simulated people were shown, as two simulated people published it."""
    known = shipped_notices()
    found = (known.find(digest) for digest in sorted(known.current(PURPOSE)))
    return [
        NoticePublished(
            purpose=notice.purpose,
            language=notice.language,
            edition=notice.edition,
            notice=notice.digest,
            proposed_by=PROPOSER,
            approved_by=APPROVER,
        )
        for notice in found
        if notice is not None
    ]


@dataclass(slots=True)
class SimulatedConsentLog:
    """Grows by one leaf a tick, whatever anyone decided: its length tells nothing.

    Args:
        origin: the log's name.
        key: signs its heads.
    """

    origin: str
    key: SigningKey = field(default_factory=SigningKey.generate)
    _tree: Tree = field(default_factory=Tree)
    _leaves: list[bytes] = field(default_factory=list)
    _records: list[JSON] = field(default_factory=list)
    _ticks: list[JSON] = field(default_factory=list)

    def tick(self, consents: str) -> ConsentRootAnchored:
        """Commit to a state of consent and return the anchor for the public log.

        Args:
            consents: SHA-256 of everybody's consent versions, hex.
        """
        number, salt, anchor_salt = len(self._ticks) + 1, os.urandom(SALT_BYTES), os.urandom(SALT_BYTES)
        record = encode({"consents": consents, "tick": number})
        leaf = commitment(record, salt)
        self._tree.append(leaf)
        self._leaves.append(leaf)
        self._records.append({"record": record.decode(), "salt": salt.hex()})
        head = sign_checkpoint(Checkpoint(self.origin, self._tree.size, self._tree.root()), self.key)
        self._ticks.append({"checkpoint": head.decode(), "number": number, "salt": anchor_salt.hex()})
        return anchor(head, number=number, salt=anchor_salt)

    def officer(self) -> dict[str, bytes]:
        """Return the files that open every commitment, for the officer alone, by name.

        log.json names the log and its key, leaves.jsonl holds a leaf a line, records.json what each commits to
        and ticks.json the heads that the public log anchors.
        """
        return {
            "log.json": encode({"key": self.key.public.base64, "origin": self.origin}),
            "leaves.jsonl": b"".join(leaf + b"\n" for leaf in self._leaves),
            "records.json": encode(self._records),
            "ticks.json": encode(self._ticks),
        }
