"""The run folder: written whole or not at all, file by file."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from models.export import ExportedRelease
from simulations.errors import SimulationError
from simulations.line import ReleaseLine

RELEASE = "release"
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


def write_release(out: Path, exported: ExportedRelease, line: ReleaseLine) -> Path:
    """Sign, log and write a release folder with the keys its devices pin; return the folder."""
    folder = out / RELEASE
    manifest, proof = line.publish(exported.model)
    for name, content in {
        "model.onnx": exported.model,
        "catalogue.json": exported.catalogue,
        "manifest.json": manifest,
        "manifest.proof": proof,
        "trust.json": line.anchors.encode(),
    }.items():
        write(folder / name, content)
    return folder


def write_ledger(out: Path, line: ReleaseLine) -> None:
    """Write the public log and its signed checkpoint, and apart from them what only the officer may see."""
    write(out / LEDGER / "entries.jsonl", line.ledger.export())
    write(out / LEDGER / "checkpoint", line.ledger.checkpoint())
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


def encode(value: Mapping[str, Any]) -> bytes:
    """Return readable JSON; not-a-number and infinity are refused, infinity is null by then."""
    return (json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()
