"""Where a result comes from: the digest of the code that made it."""

import hashlib
from pathlib import Path

ROOMS = ("client", "models", "privacy", "server", "simulations")


def code_digest() -> str:
    """Return the SHA-256 over every Python source of the five packages, by sorted path, hex."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (root / room).rglob("*.py")):
        text = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()
