"""Two small tools of linear algebra that every table of the recipe is made with."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]


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
    wide = table.astype(np.float64)
    values, axes = np.linalg.eigh(wide.T @ wide) if wide.size else (np.zeros(0), np.zeros((wide.shape[1], 0)))
    leading = np.argsort(-values, kind="stable")[:count]
    return np.asarray(wide @ axes[:, leading[values[leading] > 1e-9 * values.max(initial=0.0)]])
