"""The salted commitment to who was in a sum under which version."""

import hashlib
import hmac

import numpy as np

from server.round_book import Members


def consent_commitment(salt: bytes, members: Members) -> str:
    """Commit to everyone in a sum, in whatever order nodes answered.

    Only the officer, who keeps the round's salt, can open it: without one, anyone could test a guess.

    Args:
        salt: 32 random bytes.
        members: who is in the sum.

    Returns:
        HMAC-SHA256 over little-endian (subject, version) pairs by ascending subject, hex.
    """
    order = np.argsort(members.subjects, kind="stable")
    pairs = np.stack([members.subjects[order], members.versions[order]], axis=1).astype("<i8")
    return hmac.new(salt, pairs.tobytes(), hashlib.sha256).hexdigest()
