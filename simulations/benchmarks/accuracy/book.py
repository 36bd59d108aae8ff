"""The rows of a benchmark on disk: whole cells only, so that an interrupted run goes on where it was."""

import json
import os
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from simulations.benchmarks.accuracy.cells import Cell, Key, key_of
from simulations.benchmarks.rows import Row, encode_rows
from simulations.errors import SimulationError
from simulations.outputs import write

LAST = "seconds"
"""The metric of a cell's last row: without it the cell was interrupted."""
NEEDED = {"dataset", "contestant", "epsilon", "seed", "metric", "value", "config", "code", "note"}
Rows = list[dict[str, Any]]


class BookRefused(SimulationError):
    """The file holds something else than a benchmark's rows: the message names the line."""

    code: ClassVar[str] = "book_refused"


class Book:
    """All whole cells of one file, in the order they were measured.

    What an interrupted run left half-written is dropped from the file when it is opened.

    Args:
        path: the file; it need not exist.

    Raises:
        BookRefused: a line before the last is no row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        self._cells = [rows for rows in _cells(path, text) if rows[-1]["metric"] == LAST]
        whole = "".join(map(_lines, self._cells))
        if whole != text:
            write(path, whole.encode())

    def holds(self, cell: Cell) -> bool:
        """Tell whether a cell was measured already, by the same code with the same settings."""
        return any(cell.is_of(rows[0]) for rows in self._cells)

    def add(self, rows: Iterable[Row], context: Mapping[str, object]) -> None:
        """Append one whole cell in one write, and see it on the disk."""
        text = encode_rows(rows, context)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        self._cells.append([json.loads(line) for line in text.splitlines()])

    def latest(self) -> dict[Key, Rows]:
        """Return each cell as it was measured last."""
        return {key_of(rows[0]): rows for rows in self._cells}


def _cells(path: Path, text: str) -> list[Rows]:
    lines = text.splitlines(keepends=True)
    rows: Rows = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line) if line.endswith("\n") else None
        except ValueError:
            row = None
        if isinstance(row, dict) and row.keys() >= NEEDED:
            rows.append(row)
        elif number < len(lines):
            raise BookRefused(
                f"{path}, line {number}: not a row of this benchmark; take the line out, or name another --out"
            )
    return [part for _, same in groupby(rows, key=_run) for part in _parts(list(same))]


def _run(row: dict[str, Any]) -> tuple[object, ...]:
    return *key_of(row), row["config"], row["code"]


def _parts(rows: Rows) -> list[Rows]:
    """Cut rows of one cell after each last row: it may have been measured twice."""
    parts: list[Rows] = [[]]
    for row in rows:
        parts[-1].append(row)
        if row["metric"] == LAST:
            parts.append([])
    return [part for part in parts if part]


def _lines(rows: Rows) -> str:
    return "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)
