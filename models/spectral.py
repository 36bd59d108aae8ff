"""Two small tools of linear algebra that every table of the recipe is made with."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]
BLOCK = 4096


def unit(table: NDArray[np.floating[Any]], *, axis: int) -> Wide:
    """Scale the columns (axis 0) or rows (axis 1) of a table to length 1; zeros stay."""
    lengths = np.linalg.norm(table, axis=axis, keepdims=True)
    return np.asarray(table / np.where(lengths > 0, lengths, 1.0), np.float64)


def principal_scores(table: NDArray[np.floating[Any]], count: int) -> Wide:
    """Return the rows' coordinates along the table's leading right singular vectors, strongest first.

    Args:
        table: (rows, columns); it is not centred here.
        count: most directions returned; directions without any extent are left out.

    Returns:
        (rows, at most count) float64 with orthogonal columns.
    """
    columns = table.shape[1]
    gram = np.zeros((columns, columns))
    for block in _blocks(table):
        gram += block.T @ block
    values, axes = np.linalg.eigh(gram) if table.size else (np.zeros(0), np.zeros((columns, 0)))
    leading = np.argsort(-values, kind="stable")[:count]
    kept = axes[:, leading[values[leading] > 1e-9 * values.max(initial=0.0)]]
    return np.concatenate([block @ kept for block in _blocks(table)] or [np.zeros((0, kept.shape[1]))])


def _blocks(table: NDArray[np.floating[Any]]) -> Iterator[Wide]:
    """Yield some rows at a time in float64, so that no wide copy of a large table is made."""
    for start in range(0, len(table), BLOCK):
        yield table[start : start + BLOCK].astype(np.float64)
