"""From scores to an order: caps and diversity, greedily and deterministically. Public item vectors only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from client.device.rules import Cap
from client.device.tables import Wide


@dataclass(frozen=True, slots=True)
class Placed:
    """One item of the order.

    Args:
        row: which candidate.
        penalty: score it gave up for its likeness to one that stands above, at least 0.
        like: the candidate it is like, where it gave something up.
    """

    row: int
    penalty: float = 0.0
    like: int | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """Candidates, best first.

    Args:
        scores: (n,) double.
        vectors: (n, d) double, rows of length 1 or 0.
        categories: of each candidate, for caps.
    """

    scores: Wide
    vectors: Wide
    categories: Sequence[Sequence[str]]


def arrange(
    pool: Pool, *, k: int, taken: Sequence[int], caps: Sequence[Cap], diversity: float
) -> list[Placed]:
    """Choose up to k candidates, each the best by score less its likeness to those chosen before.

    What is given up only grows, so the values of the chosen fall from first to last.

    Args:
        pool: the candidates.
        k: most to choose.
        taken: candidates that stand on the slate anyway: they count for caps and likeness.
        caps: limits by category.
        diversity: score given up by a perfect likeness.

    Source: maximal marginal relevance, Carbonell and Goldstein 1998, with likeness clipped at 0.
    """
    values = pool.scores.copy()
    likeness, like = np.zeros(len(values)), np.full(len(values), -1)
    counts: Counter[str] = Counter()
    chosen: list[Placed] = []

    def stand(row: int) -> None:
        values[row] = -np.inf
        counts.update(pool.categories[row])
        if diversity:
            closer = pool.vectors @ pool.vectors[row]
            nearer = closer > likeness
            likeness[nearer], like[nearer] = closer[nearer], row

    for row in taken:
        stand(row)
    while len(chosen) < k:
        worth = values - diversity * likeness if diversity else values
        row = int(np.argmax(worth)) if len(worth) else -1
        if row < 0 or worth[row] == -np.inf:
            break
        if _full(pool.categories[row], caps, counts):
            values[row] = -np.inf
            continue
        given = diversity * float(likeness[row])
        chosen.append(Placed(row, given, int(like[row]) if given > 0 else None))
        stand(row)
    return chosen


def unit_rows(rows: Wide) -> Wide:
    """Scale rows to length 1; zeros stay."""
    lengths: NDArray[np.float64] = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0))


def _full(categories: Sequence[str], caps: Sequence[Cap], counts: Counter[str]) -> bool:
    return any(
        counts[name] >= cap.most for cap in caps for name in categories if cap.category in (None, name)
    )
