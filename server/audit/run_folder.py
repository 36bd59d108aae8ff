"""A run's folder as the source of a bundle: what the simulator, or any other publisher, laid out on a disk.

ledger/trust.json        whom devices trust; ledger/entries.jsonl: the log, one entry a line
ledger/checkpoints       a canonical JSON array of every signed head, oldest first
release/                 manifest.json, label.json, manifest.proof of the release; none where it was blocked
officer/consent/         only with the officer's part: log.json {"key","origin"}, leaves.jsonl, and ticks.json,
                         an array of {"checkpoint","number","salt"}
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from privacy.bundle import Bundle, BundledRelease, ConsentPart, ConsentTick
from privacy.canonical import decode
from privacy.errors import PrivacyError
from privacy.keys import VerifyKey
from server.audit.errors import SourceRefused


def read_run(folder: Path, *, officer: bool) -> Bundle:
    """Return everything of a run that an audit needs.

    Args:
        folder: the run's.
        officer: take the private consent log along.

    Raises:
        SourceRefused: a file is missing, or not what it should be.
    """
    ledger, release = folder / "ledger", folder / "release"
    try:
        return Bundle(
            trust=(ledger / "trust.json").read_bytes(),
            checkpoints=_strings(ledger / "checkpoints"),
            releases=[_release(release)] if (release / "manifest.json").exists() else [],
            entries=_lines(ledger / "entries.jsonl"),
            size=_count(ledger / "entries.jsonl"),
            consent=_consent(folder / "officer" / "consent") if officer else None,
        )
    except OSError as problem:
        raise SourceRefused(
            f"{problem.filename}: {problem.strerror}; is {folder} a whole run's folder?"
        ) from None


def _release(folder: Path) -> BundledRelease:
    return BundledRelease(
        manifest=(folder / "manifest.json").read_bytes(),
        label=(folder / "label.json").read_bytes(),
        proof=(folder / "manifest.proof").read_bytes(),
    )


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            yield line.removesuffix(b"\n")


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _strings(path: Path) -> list[bytes]:
    return [value.encode() for value in _array(path, str)]


def _consent(folder: Path) -> ConsentPart:
    log = _read(folder / "log.json")
    try:
        ticks = [
            ConsentTick(
                number=int(tick["number"]),
                salt=bytes.fromhex(tick["salt"]),
                checkpoint=tick["checkpoint"].encode(),
            )
            for tick in _array(folder / "ticks.json", dict)
        ]
        key, origin = VerifyKey.from_base64(log["key"]), str(log["origin"])
    except (KeyError, TypeError, ValueError, AttributeError, PrivacyError) as problem:
        raise SourceRefused(f"{folder}: log.json or ticks.json is not what it should be: {problem}") from None
    leaves = folder / "leaves.jsonl"
    return ConsentPart(origin=origin, key=key, ticks=ticks, leaves=_lines(leaves), size=_count(leaves))


def _array(path: Path, kind: type) -> list[Any]:
    value = _read(path)
    if not isinstance(value, list) or not all(isinstance(each, kind) for each in value):
        raise SourceRefused(f"{path}: should be an array; write the run again")
    return value


def _read(path: Path) -> Any:
    try:
        value = decode(path.read_bytes())
    except PrivacyError as problem:
        raise SourceRefused(f"{path}: {problem}") from None
    return dict(value) if isinstance(value, Mapping) else value
