"""What local training of many people at once works on: shuffled minibatches as counts, a few people at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.history import Float, Histories

CELLS = 1 << 17
"""Counts held at once for one minibatch, so that everything about it stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Batches:
    """One pass over the events of a few people and their negatives, shuffled person by person.

    Args:
        met: (people, items) float32, 1 where the label is "met".
        owner: (samples,) int64, the person of each sample.
        item: (samples,) int32.
        number: (samples,) int64, the minibatch of each sample within its person's pass.
    """

    met: Float
    owner: NDArray[np.int64]
    item: NDArray[np.int32]
    number: NDArray[np.int64]

    @classmethod
    def shuffled(
        cls, positives: Histories, negatives: Histories, items: int, *, size: int, rng: np.random.Generator
    ) -> "Batches":
        """Shuffle each person's samples and cut them into minibatches.

        Args:
            positives: training events.
            negatives: drawn for the same people.
            items: size of the catalogue.
            size: samples in a minibatch; a person's last one is smaller.
            rng: the round's own stream.
        """
        owner = np.concatenate([positives.owners(), negatives.owners()])
        item = np.concatenate([positives.item, negatives.item])
        order = np.argsort(owner + rng.random(len(owner)))
        owner, item = owner[order], item[order]
        place = np.arange(len(owner)) - (positives.indptr + negatives.indptr)[owner]
        met = np.zeros((positives.people, items), np.float32)
        met[positives.owners(), positives.item] = 1.0
        return cls(met, owner, item, place // size)

    def shares(self) -> Iterator[Float]:
        """Yield for each minibatch the share every item has in its person's, (people, items).

        Rows sum to 1, or to 0 for people who have no more samples.
        """
        people, items = self.met.shape
        for number in range(int(self.number.max(initial=-1)) + 1):
            now = self.number == number
            counts = np.bincount(self.owner[now] * items + self.item[now], minlength=people * items)
            table = counts.reshape(people, items).astype(np.float32)
            yield table / np.maximum(table.sum(axis=1, keepdims=True), 1.0)


def portions(histories: Histories, items: int) -> Iterator[NDArray[np.int64]]:
    """Yield a few people at a time, alike in activity, so that they run out of minibatches together."""
    order = np.argsort(histories.lengths, kind="stable")
    at_once = max(1, CELLS // items)
    for start in range(0, len(order), at_once):
        yield order[start : start + at_once]


def sigmoid(logits: Float) -> Float:
    """Return 1 / (1 + exp(-logits)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)), np.float32)
