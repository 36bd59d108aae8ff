"""Tables as streams of blocks: delimited UTF-8 text by the standard library, bad lines named by their number."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from simulations.columns import Role
from simulations.datasets import BLOCK, DatasetError

DELIMITERS = ",\t;|"
LONGEST_HEADER = 1 << 16
Numbers = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a table.

    Args:
        lines: where each row stands in the file.
        cells: the text of each asked column.
        numbers: instead of it the values of a column that the file itself types as numbers or times.
    """

    lines: Sequence[int]
    cells: Mapping[Role, Sequence[str]]
    numbers: Mapping[Role, Numbers] = field(default_factory=dict)


class Table(Protocol):
    """A table on disk, read in blocks and never held as a whole."""

    @property
    def file(self) -> str:
        """The file, for messages."""

    @property
    def unit(self) -> str:
        """What `Block.lines` counts: "line" or "row"."""

    @property
    def names(self) -> Sequence[str]:
        """The columns' names."""

    def blocks(self, columns: Mapping[Role, int]) -> Iterator[Block]:
        """Read the asked columns once, from the first row to the last."""


class TextTable:
    """Comma-, tab-, semicolon- or bar-separated text, whichever the first line has most of.

    Cells may be quoted as in RFC 4180, except between tabs, where a quote is a quote; they lose surrounding blanks.

    Args:
        path: the file.
        header: whether its first line names the columns; else they are called 1, 2, ...

    Raises:
        DatasetError: the file cannot be opened, or its first line is none of a table.
    """

    unit = "line"

    def __init__(self, path: Path, *, header: bool) -> None:
        self._path, self._header = path, header
        self.file = str(path)
        with open_binary(path) as raw:
            first = raw.readline(LONGEST_HEADER).decode("utf-8", errors="replace")
        self._delimiter = max(DELIMITERS, key=first.count)
        _, row = next(self._rows(), (1, [""]))
        if not any(cell.strip() for cell in row):
            raise DatasetError(f"{self.file}, line 1: empty; a table starts with the names of its columns")
        named = [cell.strip() for cell in row]
        self.names: Sequence[str] = named if header else [str(place) for place in range(1, len(row) + 1)]

    def blocks(self, columns: Mapping[Role, int]) -> Iterator[Block]:
        """Read the asked columns once.

        Raises:
            DatasetError: the first line that is no row of this table.
        """
        rows = self._rows()
        if self._header:
            next(rows)
        lines: list[int] = []
        kept: list[list[str]] = []
        width, blank = len(self.names), 0
        for line, row in rows:
            if not row:
                blank = blank or line
                continue
            if blank or len(row) != width:
                self._refuse(blank or line, row=[] if blank else row)
            lines.append(line)
            kept.append(row)
            if len(lines) == BLOCK:
                yield _block(lines, kept, columns)
                lines, kept = [], []
        if lines:
            yield _block(lines, kept, columns)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (line number, cells)."""
        with open_binary(self._path) as raw, TextIOWrapper(raw, "utf-8-sig", newline="") as stream:
            if self._delimiter == "\t":
                reader = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True)
            else:
                reader = csv.reader(stream, delimiter=self._delimiter, strict=True)
            try:
                for row in reader:
                    yield reader.line_num, row
            except UnicodeDecodeError:
                line = self._undecodable()
                raise DatasetError(f"{self.file}, line {line}: not UTF-8 text; save it as UTF-8") from None
            except csv.Error as problem:
                raise DatasetError(
                    f"{self.file}, line {reader.line_num}: {problem}; quote a cell that holds a delimiter, a "
                    "quote or a line break, and double a quote inside it"
                ) from None

    def _refuse(self, line: int, *, row: list[str]) -> NoReturn:
        mend = f"quote a cell that holds {self._delimiter!r}" if row else "delete blank lines"
        raise DatasetError(
            f"{self.file}, line {line}: {len(row)} columns, expected {len(self.names)} separated by "
            f"{self._delimiter!r}; {mend}"
        )

    def _undecodable(self) -> int:
        with open_binary(self._path) as raw:
            for number, line in enumerate(raw, 1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError:
                    return number
        return 1


def _block(lines: list[int], rows: list[list[str]], columns: Mapping[Role, int]) -> Block:
    return Block(lines, {role: [row[place].strip() for row in rows] for role, place in columns.items()})


@contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """Open a data file.

    Raises:
        DatasetError: it cannot be opened or read.
    """
    try:
        with path.open("rb") as stream:
            yield stream
    except OSError as problem:
        raise DatasetError(f"{path}: {problem.strerror or problem}; name it with --data PATH") from None
