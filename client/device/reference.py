"""The ranking in numpy, from the same file: what the ONNX runtime's answers are held against, and profiles read.

It scores the whole catalogue in double where the graph first chooses candidates in eight bits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from client.device.guard import read_model
from client.device.runtime import Deltas, Ranked
from client.device.tables import Part, Tables, Wide, read_tables

VARIANCE_FLOOR = 1e-12


@dataclass(frozen=True, slots=True)
class Folded:
    """A history as one part of the score sees it.

    Args:
        part: which part.
        shares: (H, d) double; an item's row minus the mean, times a share, is what that event adds to its score.
    """

    part: Part
    shares: Wide


def fold(tables: Tables, history: ArrayLike, *, ages: ArrayLike, kinds: ArrayLike) -> list[Folded]:
    """Fold a history into every part of the score.

    Args:
        tables: of the release.
        history: (H,) catalogue positions.
        ages: (H,) age of each event, 0 the latest.
        kinds: (H,) weight of each event's kind.
    """
    positions = np.asarray(history, np.int64)
    weights = tables.recency(np.asarray(ages, np.float32).astype(np.float64))
    weights = (weights.astype(np.float32) * np.asarray(kinds, np.float32)).astype(np.float64)
    fade = tables.strength(float(np.abs(weights).sum()))
    folded = []
    for part in tables.parts:
        met = part.inward.at(positions)
        sums = weights @ met
        deviation = np.sqrt(sums @ part.covariance @ sums + VARIANCE_FLOOR)
        folded.append(Folded(part, weights[:, None] * met * (part.weight * fade / deviation)))
    return folded


class Reference:
    """Stand where the ONNX runtime stands: the same arguments, the same answers, in numpy."""

    def __init__(self, model: bytes) -> None:
        """Read a model.

        Raises:
            GuardError, ModelRefused: it is not one this software ranks with.
        """
        self.tables = read_tables(read_model(model))

    def rank(
        self,
        history: ArrayLike,
        *,
        ages: ArrayLike,
        kinds: ArrayLike,
        deltas: Mapping[int, float] | Deltas,
        seen: ArrayLike,
        k: int,
    ) -> Ranked:
        """Rank the whole catalogue for one person, as `Runtime.rank` does."""
        tables = self.tables
        events = np.zeros((tables.items, np.size(history)))
        for one in fold(tables, history, ages=ages, kinds=kinds):
            events += (one.part.outward.at(slice(None)) - one.part.mean) @ one.shares.T
        shifted, shifts = deltas if isinstance(deltas, tuple) else (list(deltas), list(deltas.values()))
        local = np.zeros(tables.items, np.float32)
        np.add.at(local, np.asarray(shifted, np.int64), np.asarray(shifts, np.float32))
        local[np.asarray(seen, np.int64)] = -np.inf
        scores = tables.bias.astype(np.float64) + local + events.sum(axis=1)
        best: NDArray[np.int64] = np.argsort(-scores, kind="stable")[:k]
        best = best[np.isfinite(scores[best])]
        bias, own = tables.bias[best].astype(np.float64), local[best].astype(np.float64)
        return Ranked(best, scores[best], events[best], bias, own)
