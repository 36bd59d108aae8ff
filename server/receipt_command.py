"""`penchant-server verify-receipt`: check a saved receipt, and its place in both logs, offline."""

import json
from pathlib import Path

from privacy.canonical import CanonicalError, encode
from privacy.errors import PrivacyError
from privacy.log_pins import Pins
from privacy.records import read_receipt
from server.errors import InputRefused
from server.key_file import read_public


def run_verify_receipt(*, file: Path, key: str, proof: Path | None, pins: Path) -> None:
    """Check a receipt offline and print what it proves.

    Raises:
        InputRefused, ReceiptError: it proves nothing.
    """
    data = _canonical(file, "a receipt")
    receipt = read_receipt(data, read_public(key))
    print(json.dumps(receipt, indent=2, ensure_ascii=False))
    print("verified: signed by the pinned key, not a byte changed")
    if proof is not None:
        _logged(data, proof, pins)


def _logged(receipt: bytes, proof: Path, pins: Path) -> None:
    shown = _canonical(proof, "a receipt's proof")
    pinned = Pins.decode(_read(pins))
    try:
        head = pinned.check(shown, receipt)
    except PrivacyError as problem:
        raise InputRefused(f"{proof}: does not prove that this receipt is in the log: {problem}") from None
    print(f"verified: in the consent log, and that in {head.origin}, whose head has {head.size} entries")


def _canonical(path: Path, what: str) -> bytes:
    try:
        return encode(json.loads(_read(path)))
    except (ValueError, RecursionError, CanonicalError):
        raise InputRefused(f"{path}: not {what}; save the body of the answer as it came") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise InputRefused(f"{path}: {problem.strerror}") from None
