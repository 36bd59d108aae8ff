"""The run folder: written whole or not at all, file by file."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from privacy import canonical
from simulations.errors import SimulationError
from simulations.line import ReleaseLine
from simulations.publishing import DRAFT, RELEASE, Publication

LEDGER = "ledger"
OFFICER = "officer"


class OutputRefused(SimulationError):
    """The run folder cannot be written: the caller names another."""

    code: ClassVar[str] = "output_refused"


def claim(out: Path) -> None:
    """See that the run folder can be written, before any work is done; leave no trace.

    Raises:
        OutputRefused: it cannot.
    """
    existed = out.exists()
    try:
        write(out / ".claim", b"")
        (out / ".claim").unlink()
        if not existed:
            out.rmdir()
    except OSError as problem:
        raise OutputRefused(
            f"--out {out}: {problem.strerror or problem}; name a folder that can be written"
        ) from None


def write(path: Path, content: bytes) -> None:
    """Write one file so that a reader sees the old bytes or the new ones, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.write_bytes(content)
    half.replace(path)


def write_release(out: Path, publication: Publication) -> Path:
    """Write a release folder with the keys its devices pin, in place of an earlier run's; return the folder."""
    for name in (RELEASE, DRAFT):
        for file in publication.files:
            (out / name / file).unlink(missing_ok=True)
    folder = out / publication.folder
    for name, content in publication.files.items():
        write(folder / name, content)
    return folder


def write_ledger(out: Path, line: ReleaseLine) -> None:
    """Write the public log and its signed checkpoints, and apart from them what only the officer may see.

    The file of all checkpoints is a canonical JSON array, oldest first, its last entry the one in `checkpoint`.
    """
    write(out / LEDGER / "entries.jsonl", line.ledger.export())
    write(out / LEDGER / "checkpoint", line.checkpoints[-1])
    write(out / LEDGER / "checkpoints", canonical.encode([head.decode() for head in line.checkpoints]))
    write(out / LEDGER / "trust.json", line.anchors.encode())
    rounds = [
        {
            "round": report.terms.round,
            "mechanism": report.terms.mechanism,
            "invited": report.invited,
            "in_sum": report.in_sum,
            "recomputed": report.recomputed,
            "salt": report.salt.hex(),
        }
        for report in line.reports
    ]
    warning = "exact counts are outside epsilon: for the compliance officer, never for publication"
    write(out / OFFICER / "rounds.json", encode({"warning": warning, "rounds": rounds}))
    for name, content in line.consent_log.officer().items():
        write(out / OFFICER / "consent" / name, content)


def encode(value: Mapping[str, Any]) -> bytes:
    """Return readable JSON; not-a-number and infinity are refused, infinity is null by then."""
    return (json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()
