"""From a person to themselves: a portable JSON export, and its encrypted form for their other device.

Two ways to seal, neither of which a server sees: to the other device's pairing code (X25519, HKDF-SHA256,
AES-256-GCM), or under a passphrase (scrypt, AES-256-GCM). A sealed export is a magic line, one letter for the way,
its parameters and the ciphertext; everything before the ciphertext is authenticated with it.
"""

import base64
import hashlib
import json
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from client.device.contracts import StoredEvent
from client.device.personal import Settings, settings_from_json
from client.errors import ClientError

FORMAT = "penchant-export-1"
MAGIC = b"penchant-transfer-1\n"
MOST_BYTES = 256 * 2**20
LEAST_PASSPHRASE = 10
_COST = 15
"""log2 of scrypt's N: 32 MiB with r = 8."""
_CODE = "penchant-pair-1:"


class TransferRefused(ClientError):
    """The file, code or passphrase is not the one: nothing was taken over."""

    code = "transfer_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What a person takes along.

    Args:
        events: as the contract writes them; judged anew by the device that takes them.
        settings: what the person set.
        receipts: of consent and forgetting, as they were signed; for reading, never taken over.
        secret: the device secret, so that services see one subject; only ever in a sealed export.
    """

    events: Sequence[Mapping[str, object]]
    settings: Settings
    receipts: Sequence[bytes] = ()
    secret: bytes | None = field(default=None, repr=False)

    def to_json(self) -> bytes:
        """Write the export as portable JSON."""
        value: dict[str, object] = {
            "format": FORMAT,
            "events": list(self.events),
            "settings": self.settings.to_json(),
            "receipts": [json.loads(receipt) for receipt in self.receipts],
        }
        if self.secret is not None:
            value["secret"] = base64.b64encode(self.secret).decode()
        return json.dumps(value, ensure_ascii=False, indent=1).encode()


def export_of(
    events: Sequence[StoredEvent],
    settings: Settings,
    *,
    receipts: Sequence[bytes] = (),
    secret: bytes | None = None,
) -> Export:
    """Put together what a device has."""
    return Export(
        events=[event.to_wire() for event in events], settings=settings, receipts=receipts, secret=secret
    )


def read_export(data: bytes) -> Export:
    """Read an export; its events are believed by nobody yet.

    Raises:
        TransferRefused: it is none.
    """
    try:
        value = json.loads(data) if len(data) <= MOST_BYTES else None
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise TransferRefused(f"the file is no export of format {FORMAT}")
        events, settings = value["events"], settings_from_json(value["settings"])
        secret = base64.b64decode(value["secret"], validate=True) if "secret" in value else None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise TransferRefused("the export is cut off or was changed") from None
    if (
        settings is None
        or not isinstance(events, list)
        or not all(isinstance(event, dict) for event in events)
    ):
        raise TransferRefused("the export's events or settings are not in its format")
    if secret is not None and len(secret) != 32:
        raise TransferRefused("the export's secret is none")
    return Export(events=events, settings=settings, secret=secret)


class Pairing:
    """The receiving device's half: shown as a code, kept in memory, good for one export.

    Args:
        key: made anew for every pairing.
    """

    def __init__(self) -> None:
        self._key: X25519PrivateKey | None = X25519PrivateKey.generate()
        self._public = _public(self._key)

    @property
    def code(self) -> str:
        """What the other device is given, by a QR code or by typing."""
        return _CODE + base64.urlsafe_b64encode(_checked(self._public)).decode()

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed to this pairing, which is used up by it.

        Raises:
            TransferRefused: it was sealed to another one, or changed; or the pairing was used before.
        """
        if self._key is None:
            raise TransferRefused("this pairing was used: make a new one, and export to its code")
        head = len(MAGIC) + 1 + 32
        if sealed[: len(MAGIC) + 1] != MAGIC + b"x" or len(sealed) < head:
            raise TransferRefused("the file was not sealed to a pairing code")
        other = sealed[len(MAGIC) + 1 : head]
        key = _agreed(self._key, X25519PublicKey.from_public_bytes(other), other, self._public)
        plain = _open(key, bytes(12), sealed[head:], sealed[:head])
        self._key = None
        return plain


def seal_to(code: str, plain: bytes) -> bytes:
    """Encrypt to another device's pairing code.

    Raises:
        TransferRefused: the code was mistyped.
    """
    receiver = _read_code(code)
    ephemeral = X25519PrivateKey.generate()
    head = MAGIC + b"x" + _public(ephemeral)
    key = _agreed(ephemeral, X25519PublicKey.from_public_bytes(receiver), _public(ephemeral), receiver)
    # The key is used once, so that a fixed nonce never meets it twice.
    return head + AESGCM(key).encrypt(bytes(12), plain, head)


def seal_under(passphrase: str, plain: bytes) -> bytes:
    """Encrypt under a passphrase.

    Raises:
        TransferRefused: it is shorter than ten characters.
    """
    if len(passphrase) < LEAST_PASSPHRASE:
        raise TransferRefused(
            f"a passphrase has at least {LEAST_PASSPHRASE} characters; four random words do well"
        )
    salt, nonce = os.urandom(16), os.urandom(12)
    head = MAGIC + b"p" + bytes([_COST]) + salt + nonce
    return head + AESGCM(_stretched(passphrase, salt, _COST)).encrypt(nonce, plain, head)


def open_under(passphrase: str, sealed: bytes) -> bytes:
    """Return what was sealed under a passphrase.

    Raises:
        TransferRefused: another passphrase, or a changed file.
    """
    start = len(MAGIC) + 1
    head = start + 1 + 16 + 12
    if sealed[:start] != MAGIC + b"p" or len(sealed) < head or not 14 <= sealed[start] <= 17:
        raise TransferRefused("the file was not sealed under a passphrase")
    salt, nonce = sealed[start + 1 : start + 17], sealed[start + 17 : head]
    return _open(_stretched(passphrase, salt, sealed[start]), nonce, sealed[head:], sealed[:head])


def _open(key: bytes, nonce: bytes, sealed: bytes, head: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce, sealed, head)
    except (InvalidTag, ValueError):
        raise TransferRefused(
            "the file does not open: another code or passphrase, or it was changed"
        ) from None


def _stretched(passphrase: str, salt: bytes, cost: int) -> bytes:
    plain = unicodedata.normalize("NFC", passphrase).encode()
    return hashlib.scrypt(plain, salt=salt, n=1 << cost, r=8, p=1, maxmem=(1 << cost) * 1200, dklen=32)


def _agreed(own: X25519PrivateKey, other: X25519PublicKey, sender: bytes, receiver: bytes) -> bytes:
    try:
        shared = own.exchange(other)
    except ValueError:
        raise TransferRefused("the code or file holds no usable key") from None
    info = b"penchant transfer v1\n" + sender + receiver
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(shared)


def _public(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _checked(public: bytes) -> bytes:
    return public + hashlib.sha256(_CODE.encode() + public).digest()[:4]


def _read_code(code: str) -> bytes:
    try:
        data = base64.b64decode(code.removeprefix(_CODE), altchars=b"-_", validate=True)
    except ValueError:
        data = b""
    if not code.startswith(_CODE) or len(data) != 36 or _checked(data[:32]) != data:
        raise TransferRefused("the pairing code is mistyped: copy it whole")
    return data[:32]
