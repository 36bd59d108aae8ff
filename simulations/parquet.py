"""Parquet tables through pyarrow, where it is installed: the extra `penchant[parquet]`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from simulations.columns import Role
from simulations.datasets import BLOCK, DatasetError
from simulations.tables import Block, Numbers


class ParquetTable:
    """A Parquet file, read a batch of the asked columns at a time.

    Raises:
        DatasetError: pyarrow is not installed, or the file is not Parquet.
    """

    unit = "row"

    def __init__(self, path: Path) -> None:
        self.file = str(path)
        try:
            import pyarrow.parquet
        except ImportError:
            raise DatasetError(
                f"{path}: reading Parquet needs pyarrow; pip install 'penchant[parquet]', or give the table as CSV"
            ) from None
        with self._refusing():
            self._table = pyarrow.parquet.ParquetFile(path)
            self._schema = self._table.schema_arrow
        self.names: Sequence[str] = list(self._schema.names)

    def blocks(self, columns: Mapping[Role, int]) -> Iterator[Block]:
        """Read the asked columns once.

        Raises:
            DatasetError: a column has a type its role cannot have, a value is missing, or the file is damaged.
        """
        first = 1
        asked = list(dict.fromkeys(self.names[place] for place in columns.values()))
        batches = self._table.iter_batches(batch_size=BLOCK, columns=asked)
        while True:
            with self._refusing():
                batch = next(batches, None)
                if batch is None:
                    return
                read = {
                    role: self._column(batch, role, self.names[place], first)
                    for role, place in columns.items()
                }
            yield Block(
                range(first, first + batch.num_rows),
                {role: cells for role, cells in read.items() if not isinstance(cells, np.ndarray)},
                {role: values for role, values in read.items() if isinstance(values, np.ndarray)},
            )
            first += batch.num_rows

    def _column(self, batch: Any, role: Role, name: str, first: int) -> Sequence[str] | Numbers:
        import pyarrow

        column, types = batch.column(batch.schema.get_field_index(name)), pyarrow.types
        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        kind = column.type
        if column.null_count and role not in ("text", "genres"):
            row = first + column.is_null().to_pylist().index(True)
            raise DatasetError(
                f"{self.file}, row {row}: {name} is missing; mend the row or leave the column out"
            )
        if types.is_list(kind) and role == "genres" and types.is_string(kind.value_type):
            return ["|".join(name or "" for name in names or ()) for names in column.to_pylist()]
        if types.is_string(kind) or types.is_large_string(kind):
            return [(text or "").strip() for text in column.to_pylist()]
        if role in ("user", "item") and types.is_integer(kind):
            return [str(number) for number in column.to_pylist()]
        if role == "time" and (types.is_timestamp(kind) or types.is_date(kind)):
            column = column.cast(pyarrow.timestamp("us")).cast(pyarrow.int64())
        if role in ("rating", "time") and (types.is_integer(column.type) or types.is_floating(column.type)):
            wide = np.int64 if types.is_integer(column.type) else np.float64
            return np.asarray(column.to_numpy(zero_copy_only=False).astype(wide, casting="same_kind"))
        raise DatasetError(
            f"{self.file}: column {name} holds {kind}, which cannot be the {role}; name another with "
            f"--set dataset.columns.{role}=NAME, or write it as text or whole numbers"
        )

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Turn what pyarrow says of a damaged file into our own words."""
        try:
            yield
        except (ValueError, OSError, LookupError, TypeError, NotImplementedError, MemoryError) as problem:
            reason = str(problem).strip().partition("\n")[0][:200]
            raise DatasetError(f"{self.file}: not readable as Parquet: {reason}; write it again") from None
