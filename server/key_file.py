"""Key files: 32 secret bytes in base64, for their owner alone, with the public half beside them."""

import os
from pathlib import Path
from typing import ClassVar

from privacy.canonical import CanonicalError, from_base64, to_base64
from privacy.checkpoint import Checkpoint
from privacy.keys import KeyRefused, SigningKey, VerifyKey
from privacy.merkle import EMPTY_ROOT
from server.errors import ServerError
from server.ledger_store import LogKey
from server.logs import Logs


class KeyFileRefused(ServerError):
    """The key file cannot be used as it is: mend it, or name another."""

    code: ClassVar[str] = "key_file_refused"


def open_key(path: Path) -> SigningKey:
    """Read the service's signing key; make it, for its owner alone, where there is none.

    The public half lies beside it, ending in ``.pub``: whoever keeps receipts pins it.

    Raises:
        KeyFileRefused: it is not a key, others may read it, or it cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return read_key(path)
    except OSError as problem:
        raise KeyFileRefused(f"{path}: {problem.strerror}; name a file that can be made") from None
    key = SigningKey.generate()
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(to_base64(key.seed) + "\n")
        file.flush()
        os.fsync(file.fileno())
    public = path.with_name(f"{path.name}.pub")
    public.write_text(key.public.base64 + "\n", encoding="ascii")
    public.chmod(0o644)
    return key


def open_logs(origin: str, *, log_key: Path, consent_log_key: Path) -> Logs:
    """Read or make the keys of both logs, and write what people pin beside the public one, ending in ``.pins``.

    Raises:
        KeyFileRefused: a key cannot be used or made, or both logs would have one.
        NoteError: the origin is no name.
    """
    public = LogKey(Checkpoint(origin, 0, EMPTY_ROOT).origin, open_key(log_key))
    logs = Logs(public=public, consent=LogKey(f"{origin}/consent", open_key(consent_log_key)))
    if logs.public.key == logs.consent.key:
        raise KeyFileRefused(f"{consent_log_key}: each log has a key of its own; name another file")
    pins = log_key.with_name(f"{log_key.name}.pins")
    pins.write_bytes(logs.pins.encode())
    pins.chmod(0o644)
    return logs


def read_public(key: str) -> VerifyKey:
    """Read a public key, given as such or as the name of a file that holds it.

    Raises:
        KeyRefused: it is none.
    """
    path = Path(key)
    return VerifyKey.from_base64(path.read_text(encoding="ascii").strip() if path.is_file() else key)


def read_key(path: Path) -> SigningKey:
    """Read a signing key.

    Raises:
        KeyFileRefused: there is none, it is not a key, or others may read it.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise KeyFileRefused(f"{path}: others may read this key; chmod 600 {path}")
        return SigningKey.from_seed(from_base64(path.read_text(encoding="ascii").strip()))
    except OSError as problem:
        raise KeyFileRefused(f"{path}: {problem.strerror}") from None
    except (ValueError, CanonicalError, KeyRefused):
        raise KeyFileRefused(f"{path}: not the base64 of a 32-byte key") from None
