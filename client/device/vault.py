"""The vault: one key-encryption key for the device, and the secret every pseudonym is derived from.

The key lies in the operating system's keyring where a `keyring` module with a working backend is installed, else in
a file that only its owner may read; `kept_in` says which. Everything else on the disk is wrapped by it.
"""

import base64
import hashlib
import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from client.device.database import Database
from client.device.files import HomeError, create_private, private_folder, read_private
from client.errors import ClientError
from privacy.keys import SigningKey
from privacy.pseudonym import derive_key

KEY_FILE = "vault.key"
SERVICE = "penchant-device"
NONCE = 12
MARK = b"\xffpnchky\xff"
"""What every wrapped key on the disk begins with, so that one that should be gone is found. No text in UTF-8 holds
such a byte: nobody's notice, name or receipt is counted for a key."""

Keeper = Literal["keyring", "file"]


class VaultError(ClientError):
    """The device's key is missing or another one: what it locked cannot be read, and is not read wrongly."""

    code = "vault_locked"


def seal(key: bytes, plain: bytes, *, name: str) -> bytes:
    """Encrypt bytes so that they open under this key and name alone; AES-256-GCM, a random nonce in front."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, name.encode())


def unseal(key: bytes, sealed: bytes, *, name: str) -> bytes:
    """Return what `seal` encrypted.

    Raises:
        VaultError: another key, another name, or changed bytes.
    """
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], name.encode())
    except (InvalidTag, ValueError):
        raise VaultError(
            "sealed bytes do not open under the device's key: they were changed or moved"
        ) from None


class Vault:
    """Wrap and derive keys; the raw ones stay in here.

    Args:
        key: the 32 bytes that wrap everything.
        kept_in: where they are kept.
        database: keeps the wrapped device secret.
    """

    def __init__(self, key: bytes, kept_in: Keeper, database: Database) -> None:
        self._key = key
        self._database = database
        self.kept_in = kept_in

    @classmethod
    def open(cls, home: Path, database: Database) -> "Vault":
        """Find the device's key, or make one on first use.

        Raises:
            HomeError: the folder or key file is open to others.
            VaultError: the database is locked by a key that is not here.
        """
        private_folder(home)
        vault = cls(*_find_key(home, database), database)
        vault._secret()
        return vault

    def wrap(self, key: bytes, *, name: str) -> bytes:
        """Encrypt a key under the device's own."""
        return MARK + seal(self._key, key, name=name)

    def unwrap(self, wrapped: bytes, *, name: str) -> bytes:
        """Return a key that `wrap` encrypted.

        Raises:
            VaultError: it was wrapped on another device, or changed.
        """
        return unseal(self._key, wrapped[len(MARK) :], name=name)

    def signing_key(self, *, audience: str) -> SigningKey:
        """Return the key this device shows to one service."""
        return derive_key(self._secret(), audience=audience)

    def derived(self, name: str) -> bytes:
        """Return a key for something of the device's own that no week's key covers."""
        return hashlib.blake2b(name.encode(), key=self._key, digest_size=32).digest()

    def secret(self) -> bytes:
        """Return the device secret, for the person's other device alone."""
        return self._secret()

    def adopt(self, secret: bytes) -> None:
        """Take over the secret of the person's other device, so that services see one subject."""
        with self._database.writing(durable=True) as connection:
            sealed = seal(self._key, secret, name="device secret")
            connection.execute("INSERT OR REPLACE INTO settings VALUES ('device_secret', ?)", (sealed,))

    def _secret(self) -> bytes:
        query = "SELECT value FROM settings WHERE name = 'device_secret'"
        with self._database.reading() as connection:
            row = connection.execute(query).fetchone()
        if row is None:
            sealed = seal(self._key, os.urandom(32), name="device secret")
            with self._database.writing(durable=True) as connection:
                connection.execute("INSERT OR IGNORE INTO settings VALUES ('device_secret', ?)", (sealed,))
                row = connection.execute(query).fetchone()
        return unseal(self._key, row[0], name="device secret")


def _find_key(home: Path, database: Database) -> tuple[bytes, Keeper]:
    """Return the key and where it is kept; a database that has data never gets a new key."""
    path = home / KEY_FILE
    held = read_private(path)
    if held is not None:
        return _checked(held), "file"
    with database.reading() as connection:
        used = connection.execute("SELECT 1 FROM settings WHERE name = 'device_secret'").fetchone()
    ring, name = _keyring(), hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:32]
    if ring is not None and (kept := _ask(ring, name)) is not None:
        return _checked(kept), "keyring"
    if used:
        raise VaultError(
            "this device's key is neither in its folder nor in a keyring here: nothing can be opened"
        )
    fresh = os.urandom(32)
    if ring is not None and _tell(ring, name, fresh):
        return fresh, "keyring"
    create_private(path, fresh)
    made = read_private(path)
    if made is None:
        raise HomeError(f"{KEY_FILE} cannot be written")
    return _checked(made), "file"


def _checked(key: bytes) -> bytes:
    if len(key) != 32:
        raise VaultError(f"the device's key has 32 bytes, not {len(key)}: restore {KEY_FILE}")
    return key


def _keyring() -> Any:
    return import_module("keyring") if find_spec("keyring") else None


def _ask(ring: Any, name: str) -> bytes | None:
    try:
        kept = ring.get_password(SERVICE, name)
        return base64.b64decode(kept, validate=True) if kept else None
    except Exception:  # a keyring's backends share no base class of errors
        return None


def _tell(ring: Any, name: str, key: bytes) -> bool:
    try:
        ring.set_password(SERVICE, name, base64.b64encode(key).decode())
    except Exception:  # a keyring's backends share no base class of errors
        return False
    return _ask(ring, name) == key
