"""The tables of a release, read from its model without running it: views into the file, nothing copied."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from client.device.guard import GuardedModel
from client.errors import ClientError

Wide = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]
FORMAT = "penchant-ranking-1"
"""The graph these names belong to; the exporter's module documents its inputs and outputs."""
ELEMENTS: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    3: np.dtype("i1"),
    7: np.dtype("<i8"),
    11: np.dtype("<f8"),
}


class ModelRefused(ClientError):
    """The model cannot be run here: the caller keeps the release it has."""

    code = "model_refused"


@dataclass(frozen=True, slots=True)
class Table:
    """One int8 table and its scale; row i stands for rows[i] * scale[i].

    Args:
        rows: (items, d) int8.
        scale: (items,) float32.
    """

    rows: NDArray[np.int8]
    scale: NDArray[np.float32]

    def at(self, positions: NDArray[np.int64] | slice) -> Wide:
        """Return some rows as the graph reads them: float32 products, continued in double."""
        products: NDArray[np.float32] = self.rows[positions] * self.scale[positions, None]
        return products.astype(np.float64)


@dataclass(frozen=True, slots=True)
class Part:
    """One summand of a score: what events fold in, what items answer with.

    Args:
        inward: the table events are read from.
        outward: the table items are ranked by.
        mean: (d,) double, the outward rows' mean over the catalogue.
        covariance: (d, d) double, likewise.
        weight: of this part in a score.
    """

    inward: Table
    outward: Table
    mean: Wide
    covariance: Wide
    weight: float


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything a ranking is computed from.

    Args:
        items: size of the catalogue.
        rows: (items, d) int8, every part's outward rows side by side.
        parts: the summands beside the bias.
        bias: (items,) float32, popularity.
        alpha: recency floor.
        decaying: 1 - alpha.
        tau: recency decay.
        fade_in: evidence at which personalization has half its strength.
    """

    items: int
    rows: NDArray[np.int8]
    parts: tuple[Part, ...]
    bias: NDArray[np.float32]
    alpha: float
    decaying: float
    tau: float
    fade_in: float

    def recency(self, ages: Wide) -> Wide:
        """Return the weight of events by their age, rounded to float as the graph does."""
        weights = np.exp(ages / -self.tau) * self.decaying + self.alpha
        return weights.astype(np.float32).astype(np.float64)

    def strength(self, evidence: float) -> float:
        """Return how far personalization has faded in, in [0, 1)."""
        return evidence / max(evidence + self.fade_in, 1e-12)


def read_tables(model: GuardedModel) -> Tables:
    """Find the tables of a guarded model by their names.

    Raises:
        ModelRefused: it is of another format, or a table is missing or of another shape.
    """
    items = model.metadata.get("items", "")
    if model.metadata.get("format") != FORMAT or not (
        items.isascii() and items.isdigit() and len(items) < 10
    ):
        raise ModelRefused(f"the model is not of format {FORMAT}: update this software")
    count = int(items)
    try:
        arrays: Arrays = {
            name: np.frombuffer(tensor.data, dtype=ELEMENTS[tensor.element]).reshape(tensor.shape)
            for name, tensor in model.tensors.items()
        }
        tables = Tables(
            count,
            arrays["rows"][:count],
            _parts(arrays, count),
            arrays["popularity"][:count],
            float(arrays["alpha"]),
            float(arrays["decaying"]),
            -float(arrays["minus_tau"]),
            float(arrays["fade_in"]),
        )
    except (KeyError, TypeError, IndexError, ValueError):
        raise ModelRefused("the model ships other tables than its format has") from None
    if tables.bias.shape != (count,):
        raise ModelRefused("the model's tables are of another size than its catalogue")
    return tables


def _parts(arrays: Arrays, items: int) -> tuple[Part, ...]:
    """Cut the joined table into its parts; a part without a table of its own for events is read both ways."""
    parts = []
    for row, columns in enumerate(arrays["columns"]):
        first, last = (int(at) for at in np.flatnonzero(columns)[[0, -1]])
        cut = slice(first, last + 1)
        outward = _table(arrays["rows"][:, cut], arrays["scales"][row], items)
        inward = outward
        if row == 0 and "inward" in arrays:
            inward = _table(arrays["inward"], arrays["inward_scale"], items)
        mean, covariance = arrays["mean"][cut], arrays["covariance"][cut, cut]
        weight = float(arrays["weights"][0, row])
        if not outward.rows.shape[1:] == inward.rows.shape[1:] == mean.shape == covariance.shape[:1]:
            raise ValueError(row)
        parts.append(Part(inward, outward, mean.astype(np.float64), covariance.astype(np.float64), weight))
    return tuple(parts)


def _table(rows: NDArray[Any], scale: NDArray[Any], items: int) -> Table:
    rows, scale = rows[:items], scale[:items]
    if rows.ndim != 2 or len(rows) != items or scale.shape != (items,) or rows.dtype != np.int8:
        raise ValueError(items)
    return Table(rows, scale)
