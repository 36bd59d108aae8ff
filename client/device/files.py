"""Private files: made for one user, written whole or not at all, on the disk when the call returns."""

import contextlib
import os
from pathlib import Path

from client.errors import ClientError

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


class HomeError(ClientError):
    """The device's own folder cannot be used: the caller mends its place or its rights."""

    code = "home_unusable"


def private_folder(folder: Path) -> Path:
    """Make a folder that only its owner may enter, or check that one is.

    Raises:
        HomeError: it cannot be made, or others may enter it.
    """
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        mode = folder.stat().st_mode
    except OSError as error:
        raise HomeError(f"the device's folder cannot be made: {error.strerror}") from None
    if os.name == "posix" and mode & 0o077:
        raise HomeError("others may enter the device's folder: chmod 700 it")
    return folder


def read_private(path: Path) -> bytes | None:
    """Return a private file's bytes, None where there is no such file.

    Raises:
        HomeError: it cannot be read, or others may read it.
    """
    try:
        mode, data = path.stat().st_mode, path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HomeError(f"{path.name} cannot be read: {error.strerror}") from None
    if os.name == "posix" and mode & 0o077:
        raise HomeError(f"others may read {path.name}: chmod 600 it")
    return data


def create_private(path: Path, data: bytes) -> bool:
    """Write a file that must not exist yet; return whether this call made it.

    The bytes are on the disk under another name before the name appears, so nobody ever reads half of them.
    """
    staged = _stage(path, data)
    try:
        os.link(staged, path)
    except FileExistsError:
        return False
    finally:
        staged.unlink()
    sync_folder(path.parent)
    return True


def replace_private(path: Path, data: bytes) -> None:
    """Put new bytes under a name: a reader, and a crash, find the old ones or the new ones, whole."""
    os.replace(_stage(path, data), path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; some systems keep none to be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _stage(path: Path, data: bytes) -> Path:
    staged = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise HomeError(f"{path.name} cannot be written: {error.strerror}") from None
    return staged
