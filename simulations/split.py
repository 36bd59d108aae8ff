"""The honest split: last event tests, second last validates, the rest trains; negatives of their own stream."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.history import Histories, Ids
from models.streams import stream
from simulations.datasets import Dataset, DatasetError

NEGATIVES = 99
MOST_SCORES = 1 << 28
"""Scores of one evaluation; more people than give so many are judged by a sample."""
LEAST_EVENTS = 3


@dataclass(frozen=True, slots=True)
class Split:
    """What each person trains on and is judged by, for people with at least three distinct items.

    Args:
        train: everything before the last two events, oldest first.
        validation: (people,) int32, the second last item.
        test: (people,) int32, the last item.
        negatives: (people, 99) int32, items the person never met, -1 where the catalogue has no more.
    """

    train: Histories
    validation: Ids
    test: Ids
    negatives: Ids

    @property
    def people(self) -> int:
        """Number of people judged."""
        return len(self.test)

    def sample(self, *, items: int, seed: int) -> "Split":
        """Return the people who are judged: everyone, or as many, drawn by the run's seed, as stay affordable.

        Args:
            items: size of the catalogue; people x items scores are made for each evaluation.
            seed: the run's seed.
        """
        limit = max(MOST_SCORES // items, 1)
        if self.people <= limit:
            return self
        rows = np.sort(stream(seed, "judged people").permutation(self.people)[:limit])
        return Split(self.train.take(rows), self.validation[rows], self.test[rows], self.negatives[rows])

    def with_validation(self) -> Histories:
        """Return train plus validation: what a device knows when the test item is still to come."""
        indptr = self.train.indptr + np.arange(self.people + 1)
        item = np.empty(indptr[-1], np.int32)
        last = np.zeros(indptr[-1], np.bool_)
        last[indptr[1:] - 1] = True
        item[~last], item[last] = self.train.item, self.validation
        return Histories(indptr, item)


def leave_two_out(dataset: Dataset, *, seed: int) -> Split:
    """Split every person by time.

    A repeated item counts where it was met first, so nothing ahead is something already seen. Evaluation
    negatives are absent from all of a person's events and come from a stream no training draws from.

    What one person is trained and judged on depends on nobody else's events. Who met fewer than three distinct
    items is left out: ``dataset.people - split.people`` of them.

    Args:
        dataset: entries by person, then time.
        seed: the run's seed; it moves the negatives alone.

    Raises:
        DatasetError: nobody has met enough to be judged.
    """
    histories = [(person, _distinct(items)) for person, items in enumerate(dataset.by_person())]
    judged = [(person, items) for person, items in histories if len(items) >= LEAST_EVENTS]
    if not judged:
        raise DatasetError(
            f"{dataset.name}: nobody met {LEAST_EVENTS} different items, so nobody can be judged"
        )
    kept = [items for _, items in judged]
    train = [items[:-2] for items in kept]
    indptr = np.concatenate([[0], np.cumsum([len(items) for items in train])]).astype(np.int64)
    catalogue = len(dataset.catalogue)
    negatives = [
        draw_negatives(items, catalogue, stream(seed, "evaluation negatives", person))
        for person, items in judged
    ]
    return Split(
        train=Histories(indptr, np.concatenate(train)),
        validation=np.array([items[-2] for items in kept], np.int32),
        test=np.array([items[-1] for items in kept], np.int32),
        negatives=np.array(negatives, np.int32).reshape(len(kept), NEGATIVES),
    )


def draw_negatives(met: Ids, catalogue: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Draw 99 items a person never met, without replacement, padded with -1."""
    unmet = np.ones(catalogue, np.bool_)
    unmet[met] = False
    pool = np.flatnonzero(unmet)
    drawn = np.full(NEGATIVES, -1, np.int32)
    count = min(NEGATIVES, len(pool))
    drawn[:count] = rng.choice(pool, count, replace=False)
    return drawn


def _distinct(items: Ids) -> Ids:
    _, first = np.unique(items, return_index=True)
    return items[np.sort(first)]
