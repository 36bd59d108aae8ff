"""Honest metrics: full-catalogue ranking first, sampled-99 second, ties count against us."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from models.history import Histories
from simulations.errors import SimulationError
from simulations.split import Split

Scorer = Callable[[Histories], NDArray[np.float32]]
"""Histories of a batch of people to (people, items) scores."""
PersonScorer = Callable[[NDArray[np.int64], Histories], NDArray[np.float32]]
"""The same for a model that keeps something of its own for each person: also hears who they are."""
Which = Literal["validation", "test"]
TOP = 10
CELLS = 1 << 24
"""Scores held at once, so that memory stays bounded for any population."""
BLOCK = 256
"""Neighbours of which one maximum is looked at first."""


class ScoresRefused(SimulationError):
    """A scorer gave another shape or a value that is not a number: its ranking means nothing."""

    code: ClassVar[str] = "scores_refused"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How far down each person's held-out item was.

    Args:
        full_rank: (people,) int64, unseen items at or above it in the whole catalogue; 0 is first.
        sampled_rank: (people,) int64, the same among the person's 99 negatives.
        shown: (items,) int64, how often each item was in somebody's top ten.
    """

    full_rank: NDArray[np.int64]
    sampled_rank: NDArray[np.int64]
    shown: NDArray[np.int64]

    @property
    def ndcg(self) -> NDArray[np.float64]:
        """Each person's full-catalogue NDCG@10."""
        return gains(self.full_rank)

    @property
    def coverage(self) -> float:
        """Share of the catalogue that stands in anyone's top ten."""
        return float((self.shown > 0).mean())

    def table(self) -> dict[str, dict[str, float]]:
        """Return HR@10 and NDCG@10 by protocol, as result.json holds them."""
        return {"full": _summary(self.full_rank), "sampled99": _summary(self.sampled_rank)}

    def by_activity(self, lengths: NDArray[np.int64]) -> dict[str, float]:
        """Return full-catalogue NDCG@10 of the light, medium and heavy third of people by training events."""
        return {
            name: float(self.ndcg[rows].mean())
            for name, rows in activity_groups(lengths).items()
            if len(rows)
        }

    def popularity_rank(self, popularity: NDArray[np.int64]) -> float:
        """Return how far down the popularity list a shown item stands on average, 0 the top and 1 the end.

        Args:
            popularity: (items,) number of people who met each item in training.
        """
        return float(np.average(popularity_places(popularity), weights=self.shown))

    @property
    def inequality(self) -> float:
        """Gini coefficient of how often items are shown: 0 where all are shown alike, near 1 where few are."""
        counts = np.sort(self.shown)
        order = np.arange(1, len(counts) + 1)
        return float(((2 * order - len(counts) - 1) * counts).sum() / (len(counts) * counts.sum()))


def activity_groups(lengths: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Return who is in the light, medium and heavy third of people by training events."""
    thirds = np.array_split(np.argsort(lengths, kind="stable"), 3)
    return dict(zip(("light", "medium", "heavy"), thirds, strict=True))


def popularity_places(popularity: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far down the popularity list each item stands, 0 the top and 1 the end."""
    place = np.empty(len(popularity))
    place[np.argsort(-popularity, kind="stable")] = np.linspace(0, 1, len(popularity))
    return place


def evaluate(scorer: Scorer, split: Split, which: Which) -> Evaluation:
    """Rank each person's held-out item by a model that knows nothing of them but their history."""
    return evaluate_each(lambda people, histories: scorer(histories), split, which)


def evaluate_each(scorer: PersonScorer, split: Split, which: Which) -> Evaluation:
    """Rank each person's held-out item against the rest of the catalogue.

    Items the person already met are out of the running; whoever ties with the held-out item stands above it.

    Args:
        scorer: ranks from the events before the held-out one: train, and validation too at test.
        split: the people.
        which: the held-out item to look for.

    Raises:
        ScoresRefused: wrong shape, or not a number.
    """
    known = split.train if which == "validation" else split.with_validation()
    target = split.validation if which == "validation" else split.test
    full, sampled, shown = [], [], np.zeros(0, np.int64)
    batch = 256
    start = 0
    while start < split.people:
        rows = np.arange(start, min(start + batch, split.people))
        some = known.take(rows)
        scores = np.asarray(scorer(rows, some))
        if scores.ndim != 2 or len(scores) != len(rows) or np.isnan(scores).any():
            raise ScoresRefused(f"scores {scores.shape} for {len(rows)} people, or not numbers")
        if not len(shown):
            shown = np.zeros(scores.shape[1], np.int64)
            batch = max(1, min(4096, CELLS // scores.shape[1]))
        wanted = scores[np.arange(len(rows)), target[rows]][:, None]
        rivals = split.negatives[rows]
        sampled.append(((np.take_along_axis(scores, rivals, 1) >= wanted) & (rivals >= 0)).sum(axis=1))
        running = np.ones(scores.shape, np.bool_)
        running[some.owners(), some.item] = False
        full.append(((scores >= wanted) & running).sum(axis=1) - 1)
        top = np.where(running, scores, -np.inf)
        best = _best(top, TOP)
        shown += np.bincount(best[np.take_along_axis(running, best, 1)], minlength=len(shown))
        start += len(rows)
    return Evaluation(np.concatenate(full), np.concatenate(sampled), shown)


def _best(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the places of the highest scores of each row, in any order, (rows, count), fewer where there are fewer.

    A long row is searched by blocks: its highest scores stand in the blocks with the highest maxima.
    """
    rows, items = scores.shape
    blocks = items // BLOCK
    if blocks <= 2 * count:
        return np.argpartition(-scores, min(count, items - 1), axis=1)[:, :count]
    highest = scores[:, : blocks * BLOCK].reshape(rows, blocks, BLOCK).max(axis=2)
    chosen = _best(highest, count)
    places = (chosen[:, :, None] * BLOCK + np.arange(BLOCK)).reshape(rows, -1)
    rest = np.broadcast_to(np.arange(blocks * BLOCK, items), (rows, items - blocks * BLOCK))
    places = np.concatenate([places, rest], axis=1)
    return np.take_along_axis(places, _best(np.take_along_axis(scores, places, 1), count), 1)


def paired_change(after: NDArray[np.float64], before: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean of after - before over people and the half width of its 95 % confidence interval."""
    change = after - before
    return float(change.mean()), float(1.96 * change.std(ddof=1) / np.sqrt(len(change)))


def gains(rank: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return NDCG@10 of one wanted item at each rank, 0 the first."""
    return np.asarray(np.where(rank < TOP, 1 / np.log2(rank + 2.0), 0.0))


def _summary(rank: NDArray[np.int64]) -> dict[str, float]:
    return {"hr@10": float((rank < TOP).mean()), "ndcg@10": float(gains(rank).mean())}
