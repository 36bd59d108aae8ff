"""`penchant-server verify-receipt`: check a saved receipt, and its place in both logs, offline."""

import json
from pathlib import Path

from privacy.canonical import CanonicalError, encode
from privacy.errors import PrivacyError
from privacy.keys import VerifyKey
from privacy.log_pins import Pins
from privacy.records import read_receipt
from privacy.succession import Followed
from server.errors import InputRefused
from server.key_file import read_public


def run_verify_receipt(*, file: Path, key: str, proof: Path | None, pins: Path) -> None:
    """Check a receipt offline and print what it proves.

    Raises:
        InputRefused, ReceiptError: it proves nothing.
    """
    data, pinned = _canonical(file, "a receipt"), read_public(key)
    shown = None if proof is None else _logged(data, proof, pins)
    signers = [pinned] if shown is None else _followed(shown, pinned, proof)
    signer = next((each for each in signers if _signed(data, each)), pinned)
    print(json.dumps(read_receipt(data, signer), indent=2, ensure_ascii=False))
    by = (
        "the pinned key" if signer == pinned else "a key that the log's rotations lead to from the pinned one"
    )
    print(f"verified: signed by {by}, not a byte changed")
    if shown is not None:
        head = shown.checkpoint
        print(f"verified: in the consent log, and that in {head.origin}, whose head has {head.size} entries")


def _logged(receipt: bytes, proof: Path, pins: Path) -> Followed:
    shown = _canonical(proof, "a receipt's proof")
    pinned = Pins.decode(_read(pins))
    try:
        return pinned.check(shown, receipt)
    except PrivacyError as problem:
        raise InputRefused(f"{proof}: does not prove that this receipt is in the log: {problem}") from None


def _followed(shown: Followed, pinned: VerifyKey, proof: Path | None) -> list[VerifyKey]:
    """Return the receipt keys that led from, or to, the pinned one; earlier receipts stay valid under theirs."""
    try:
        return [key for _, key in shown.chain("receipt", pinned).keys]
    except PrivacyError as problem:
        raise InputRefused(f"{proof}: {problem}; name the key you kept, or take a newer one") from None


def _signed(receipt: bytes, key: VerifyKey) -> bool:
    try:
        read_receipt(receipt, key)
    except PrivacyError:
        return False
    return True


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
