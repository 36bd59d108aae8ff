"""Benchmark rows: one JSON line a figure, with everything needed to measure it again."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from simulations.provenance import code_digest, commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured figure.

    Args:
        benchmark: which benchmark.
        contestant: who was measured.
        seed: of the run.
        metric: what was measured.
        value: the figure.
        unit: its unit.
    """

    benchmark: str
    contestant: str
    seed: int
    metric: str
    value: float
    unit: str


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Append rows, each with the digest of the code and the machine it ran on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    context = {"code": code_digest(), "commit": commit(), "machine": machine()}
    with path.open("a", encoding="utf-8") as file:
        file.write(encode_rows(rows, context))


def encode_rows(rows: Iterable[Row], context: Mapping[str, object]) -> str:
    """Return rows as lines of JSON, each with what they have in common."""
    return "".join(json.dumps({**asdict(row), **context}, sort_keys=True) + "\n" for row in rows)


def machine() -> str:
    """Describe this machine and its Python."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
