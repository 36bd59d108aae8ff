"""A withdrawn release, as a device hears of it: the log's entry and its proof in one file that verifies offline.

    {"entry": {"kind": "release_withdrawn", "line": "...", "reason": "...", "sequence": 3},
     "format": "penchant-withdrawal-1", "proof": "c2sp.org/tlog-proof@v1..."}

Whoever carries the file need not be believed: without the log's key there is no proof, and with it the withdrawal
stands in the log for everybody to see.
"""

from typing import ClassVar

from privacy.acts import ReleaseWithdrawn
from privacy.canonical import decode, encode
from privacy.errors import PrivacyError
from privacy.events import Event, decode_event, encode_event
from privacy.manifest import TrustAnchors

FORMAT = "penchant-withdrawal-1"
MOST_BYTES = 1 << 16


class WithdrawalRefused(PrivacyError):
    """The file does not show that a release was withdrawn: whoever reads it changes nothing and reports it."""

    code: ClassVar[str] = "withdrawal_forged"


def encode_withdrawal(event: Event, proof: bytes) -> bytes:
    """Write the file.

    Args:
        event: as it stands in the log.
        proof: its log proof.
    """
    return encode({"entry": decode(encode_event(event)), "format": FORMAT, "proof": proof.decode()})


def parts(data: bytes) -> tuple[bytes, bytes]:
    """Return the entry's leaf and its log proof, believing nothing yet.

    Raises:
        WithdrawalRefused, CanonicalError: the bytes are no such file.
    """
    body = decode(data) if len(data) <= MOST_BYTES else None
    if not isinstance(body, dict) or body.keys() != {"entry", "format", "proof"}:
        raise WithdrawalRefused("a withdrawal holds entry, format and proof, nothing else")
    proof = body["proof"]
    if body["format"] != FORMAT or not isinstance(proof, str):
        raise WithdrawalRefused(f"this version reads {FORMAT} only")
    return encode(body["entry"]), proof.encode()


def open_withdrawal(data: bytes, trust: TrustAnchors) -> ReleaseWithdrawn:
    """Return the withdrawal that stands in the pinned log, over whatever keys of the log were replaced since.

    Raises:
        WithdrawalRefused: the bytes are no such file, or the pinned log does not show the entry.
    """
    from privacy.succession import follow_log_proof  # only who hears of a withdrawal needs it

    try:
        leaf, proof = parts(data)
        follow_log_proof(proof, leaf, trust.log_key, origin=trust.origin)
        event = decode_event(leaf)
    except WithdrawalRefused:
        raise
    except (PrivacyError, UnicodeEncodeError) as problem:
        raise WithdrawalRefused(f"the pinned log does not show this withdrawal: {problem}") from None
    if not isinstance(event, ReleaseWithdrawn):
        raise WithdrawalRefused("the entry is of another kind than a withdrawal")
    return event
