"""`penchant-server rotate-key`: what replaces one of the service's keys, for two people to propose and approve."""

import json
from pathlib import Path

from privacy.acts import KeyPurpose
from privacy.rotation import rotated
from server.admin import public_name
from server.key_file import open_key, read_key


def run_rotate_key(
    *, purpose: KeyPurpose, old: Path, new: Path, origin: str, proposer: str, approver: str
) -> None:
    """Print the body for POST /v1/changes; it is worth something only between the two people it names.

    Raises:
        KeyFileRefused, RotationError, RecordError: names what to mend.
    """
    event = rotated(
        read_key(old),
        open_key(new),
        origin=origin,
        purpose=purpose,
        proposed_by=public_name(proposer),
        approved_by=public_name(approver),
    )
    payload = {
        "purpose": event.purpose,
        "old": event.old_key,
        "public": event.new_key,
        "old_signature": event.old_signature,
        "new_signature": event.new_signature,
    }
    print(json.dumps({"kind": "key", "payload": payload}))
