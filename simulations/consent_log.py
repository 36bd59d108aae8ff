"""A simulation's private consent log: at every tick one leaf commits to what everybody had decided by then."""

import os
from dataclasses import dataclass, field
from typing import Any

from privacy.acts import ConsentRootAnchored, NoticePublished
from privacy.canonical import encode
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
    _ticks: list[dict[str, Any]] = field(default_factory=list)

    def tick(self, consents: str) -> ConsentRootAnchored:
        """Commit to a state of consent and return the anchor for the public log.

        Args:
            consents: SHA-256 of everybody's consent versions, hex.
        """
        number, salt, anchor_salt = len(self._ticks) + 1, os.urandom(SALT_BYTES), os.urandom(SALT_BYTES)
        record = encode({"consents": consents, "tick": number})
        self._tree.append(commitment(record, salt))
        head = sign_checkpoint(Checkpoint(self.origin, self._tree.size, self._tree.root()), self.key)
        self._ticks.append(
            {
                "record": record.decode(),
                "salt": salt.hex(),
                "checkpoint": head.decode(),
                "anchor_salt": anchor_salt.hex(),
            }
        )
        return anchor(head, number=number, salt=anchor_salt)

    def officer(self) -> dict[str, Any]:
        """Return what opens every commitment, for the officer alone."""
        return {"origin": self.origin, "key": self.key.public.base64, "ticks": self._ticks}
