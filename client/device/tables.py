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
PARTS = ("taste", "content", "nothing")


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
        name: "taste" or "content".
        inward: the table events are read from.
        outward: the table items are ranked by.
        mean: (d,) double, the outward rows' mean over the catalogue.
        covariance: (d, d) double, likewise.
        weight: of this part in a score.
    """

    name: str
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
        parts: the summands beside the bias.
        bias: (items,) float32, popularity.
        alpha: recency floor.
        decaying: 1 - alpha.
        tau: recency decay.
        fade_in: evidence at which personalization has half its strength.
    """

    items: int
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
    arrays: Arrays = {
        name: np.frombuffer(tensor.data, dtype=ELEMENTS[tensor.element]).reshape(tensor.shape)
        for name, tensor in model.tensors.items()
    }
    try:
        tables = Tables(
            count,
            tuple(_part(arrays, name, count) for name in PARTS if name in arrays),
            arrays["popularity"][:count],
            float(arrays["alpha"]),
            float(arrays["decaying"]),
            -float(arrays["minus_tau"]),
            float(arrays["fade_in"]),
        )
    except (KeyError, TypeError, IndexError, ValueError):
        raise ModelRefused("the model ships other tables than its format has") from None
    if not tables.parts or tables.bias.shape != (count,):
        raise ModelRefused("the model's tables are of another size than its catalogue")
    return tables


def _part(arrays: Arrays, name: str, items: int) -> Part:
    outward = _table(arrays, name, items)
    inward = _table(arrays, f"{name}_in", items) if f"{name}_in" in arrays else outward
    mean, covariance = (arrays[f"{name}_{what}"].astype(np.float64) for what in ("mean", "covariance"))
    if not outward.rows.shape[1:] == inward.rows.shape[1:] == mean.shape == covariance.shape[:1]:
        raise ValueError(name)
    return Part(name, inward, outward, mean, covariance, float(arrays[f"{name}_weight"]))


def _table(arrays: Arrays, name: str, items: int) -> Table:
    rows, scale = arrays[name][:items], arrays[f"{name}_scale"][:items]
    if rows.ndim != 2 or len(rows) != items or scale.shape != (items,) or rows.dtype != np.int8:
        raise ValueError(name)
    return Table(rows, scale)
