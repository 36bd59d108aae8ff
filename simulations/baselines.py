"""What a result is held against: popularity, its private twin, PureSVD and EASE, all in the same harness."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

from models.history import Histories
from simulations.errors import SimulationError
from simulations.metrics import Scorer, evaluate
from simulations.split import Split

LARGEST_EASE = 6_000
Setting = TypeVar("Setting")
SVD_RANKS = (16, 32, 48, 64)
EASE_PENALTIES = (50.0, 100.0, 200.0, 400.0, 800.0)


class TooLarge(SimulationError):
    """The baseline holds a matrix of items by items: the caller leaves it out for such a catalogue."""

    code: ClassVar[str] = "baseline_too_large"


def matrix(histories: Histories, items: int) -> sparse.csr_array:
    """Return the people x items matrix of ones, float32."""
    ones = np.ones(len(histories.item), np.float32)
    return sparse.csr_array((ones, histories.item, histories.indptr), shape=(histories.people, items))


def popularity(train: Histories, items: int) -> Scorer:
    """Rank everything by how many people met it."""
    return _fixed(np.bincount(train.item, minlength=items).astype(np.float32))


def popularity_private(train: Histories, noise: NDArray[np.float64]) -> Scorer:
    """Rank by popularity under the full budget: each person's items at norm 1, summed, plus noise.

    Args:
        train: the people's events.
        noise: (items,) Gaussian noise of the whole budget's standard deviation.
    """
    weight = 1 / np.sqrt(np.maximum(train.lengths, 1))[train.owners()]
    return _fixed((np.bincount(train.item, weight, len(noise)) + noise).astype(np.float32))


def singular_axes(train: Histories, items: int, *, rank: int) -> NDArray[np.float32]:
    """Return the leading right singular vectors of the people x items matrix, (items, rank), strongest first."""
    limit = min(train.people, items) - 1
    start = np.ones(min(train.people, items))
    _, values, axes = svds(matrix(train, items).astype(np.float64), k=min(rank, limit), v0=start)
    return np.ascontiguousarray(axes[np.argsort(-values)].T, np.float32)


def puresvd(axes: NDArray[np.float32], *, rank: int) -> Scorer:
    """Project a history onto the leading singular vectors and back; central, not private.

    Source: Cremonesi, Koren and Turrin, RecSys 2010.
    """
    table = np.ascontiguousarray(axes[:, :rank])
    return lambda histories: np.asarray((matrix(histories, len(table)) @ table) @ table.T)


def ease(train: Histories, items: int, *, penalty: float) -> Scorer:
    """Regress every item on all others in closed form; central, not private.

    Raises:
        TooLarge: the items x items inverse would not fit.

    Source: Steck, arXiv 1905.03375, Algorithm 1.
    """
    if items > LARGEST_EASE:
        raise TooLarge(f"EASE needs {items} x {items} numbers; it runs up to {LARGEST_EASE} items")
    met = matrix(train, items).astype(np.float64)
    inverse = np.linalg.inv((met.T @ met).toarray() + penalty * np.eye(items))
    weights = inverse / -np.diagonal(inverse)
    np.fill_diagonal(weights, 0.0)
    narrow = weights.astype(np.float32)
    return lambda histories: np.asarray(matrix(histories, items) @ narrow)


class Choice(NamedTuple, Generic[Setting]):
    """What validation chose.

    Args:
        scorer: the baseline with that setting.
        setting: the one chosen.
        tried: each setting with its full-catalogue NDCG@10 on validation.
    """

    scorer: Scorer
    setting: Setting
    tried: tuple[tuple[Setting, float], ...]


def best(build: Callable[[Setting], Scorer], settings: Sequence[Setting], split: Split) -> Choice[Setting]:
    """Choose a baseline's one setting on validation, by full-catalogue NDCG@10; two are in memory at most."""
    tried: list[tuple[Setting, float]] = []

    def judged(setting: Setting) -> tuple[float, Scorer, Setting]:
        scorer = build(setting)
        figure = float(evaluate(scorer, split, "validation").ndcg.mean())
        tried.append((setting, figure))
        return figure, scorer, setting

    _, scorer, setting = max(map(judged, settings), key=lambda found: found[0])
    return Choice(scorer, setting, tuple(tried))


def _fixed(scores: NDArray[np.float32]) -> Scorer:
    return lambda histories: np.broadcast_to(scores, (histories.people, len(scores)))
