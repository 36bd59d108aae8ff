"""The keys a device has seen follow the pinned ones: a key that was replaced signs nothing newer here.

They are one small file beside the releases. It counts for as long as a pinned key is among its keys: an app that pins
keys of another line of succession starts anew.
"""

import json

from privacy.attested import Seen
from privacy.errors import PrivacyError
from privacy.keys import VerifyKey
from privacy.manifest import Manifest, TrustAnchors, open_manifest


def write_seen(seen: Seen) -> bytes:
    """Write what was seen."""
    return json.dumps(seen._asdict()).encode()


def read_seen(data: bytes | None) -> Seen:
    """Read what was seen; what cannot be read was not."""
    try:
        body = json.loads(data or b"{}")
        log, release = (tuple(str(key) for key in body.get(name, ())) for name in Seen._fields)
    except (ValueError, TypeError, AttributeError):
        return Seen()
    return Seen(log, release)


def open_held(manifest: bytes, seen: Seen, trust: TrustAnchors) -> Manifest | None:
    """Return a manifest that was held here, if the pinned key or one seen to follow it signed it, else None."""
    followers = seen.release if trust.release_key.base64 in seen.release else ()
    for text in (trust.release_key.base64, *followers):
        try:
            return open_manifest(manifest, VerifyKey.from_base64(text))
        except PrivacyError:
            continue
    return None
