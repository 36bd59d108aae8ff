"""PFedRec: each person has a score function of their own and, for a round, an item table of their own."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from models.history import Float
from models.streams import stream
from simulations.peers.batches import Batches, portions, sigmoid
from simulations.peers.negatives import draw_round
from simulations.peers.training import EVERY, Task

DIMENSIONS, BATCH, NEGATIVES = 32, 256, 4
"""As published."""


@dataclass(frozen=True, slots=True)
class PFedRecSettings:
    """What validation chooses.

    Args:
        rate: learning rate of the score function.
        item_factor: the item table learns at rate x items x item_factor.
    """

    rate: float
    item_factor: float

    def __str__(self) -> str:
        return f"rate {self.rate:g}, item factor {self.item_factor:g}"


GRID = (PFedRecSettings(0.1, 80.0), PFedRecSettings(0.1, 40.0))
"""The published setting first."""


@dataclass(slots=True)
class OwnTables:
    """The item tables of a few people in one round: the downloaded one, and what each minibatch moved.

    A minibatch moves a person's row of an item along that person's weights alone, so their tables are never
    written out: every step is kept as (people, items) amounts along (people, d) directions.
    """

    shared: Float
    steps: list[tuple[Float, Float]] = field(default_factory=list)

    def logits(self, weight: Float, offset: Float) -> Float:
        """Score everything for everyone, (people, items)."""
        scores = weight @ self.shared.T + offset[:, None]
        for amount, direction in self.steps:
            scores += amount * (direction * weight).sum(axis=1, keepdims=True)
        return np.asarray(scores)

    def slope(self, error: Float) -> Float:
        """Return the gradient of the loss in the weights, (people, d), error being that in the logits."""
        total = error @ self.shared
        for amount, direction in self.steps:
            total += (error * amount).sum(axis=1, keepdims=True) * direction
        return np.asarray(total)

    def step(self, error: Float, weight: Float, *, rate: float) -> None:
        """Move every row against its gradient."""
        self.steps.append((-rate * error, weight))

    def moved(self) -> Float:
        """Return the sum of all people's changes, (items, d)."""
        total = np.zeros_like(self.shared)
        for amount, direction in self.steps:
            total += amount.T @ direction
        return total


def pfedrec(task: Task, settings: PFedRecSettings, seed: int) -> Iterator[Float]:
    """Train with everyone in every round; yield (people, items) scores by personal tables every `EVERY` rounds.

    In each round a device downloads the item table, and for each minibatch of its events and fresh negatives
    takes one step of binary cross-entropy with its score function (an affine map, kept for life) and then one
    with its item table. The server averages the item tables. A person is ranked by their own table as their
    last round left it.

    Source: Zhang et al., "Dual Personalization on Federated Recommendation", arXiv 2301.08143; sizes, rates and
    the order of the two steps as in the authors' code.
    """
    start = stream(seed, "pfedrec")
    limit = DIMENSIONS**-0.5
    people, items = task.positives.people, task.items
    table = start.normal(size=(items, DIMENSIONS)).astype(np.float32)
    weight = np.tile(start.uniform(-limit, limit, DIMENSIONS).astype(np.float32), (people, 1))
    offset = np.full(people, start.uniform(-limit, limit), np.float32)
    number = 0
    while True:
        number += 1
        rng = stream(seed, "pfedrec round", number)
        negatives = draw_round(task.spare, task.positives, items, each=NEGATIVES, rng=rng)
        change = np.zeros_like(table)
        scores = np.empty((people, items), np.float32) if number % EVERY == 0 else None
        for rows in portions(task.positives, items):
            batches = Batches.shuffled(
                task.positives.take(rows), negatives.take(rows), items, size=BATCH, rng=rng
            )
            own = OwnTables(table)
            weight[rows], offset[rows] = _local(own, batches, settings, weight[rows], offset[rows])
            change += own.moved()
            if scores is not None:
                scores[rows] = own.logits(weight[rows], offset[rows])
        table = table + change / np.float32(people)
        if scores is not None:
            yield scores


def _local(
    own: OwnTables, batches: Batches, settings: PFedRecSettings, weight: Float, offset: Float
) -> tuple[Float, Float]:
    """Carry a few people through their minibatches; return their score functions."""
    rate = settings.rate
    item_rate = rate * settings.item_factor * len(own.shared)
    for share in batches.shares():
        error = share * (sigmoid(own.logits(weight, offset)) - batches.met)
        weight, offset = weight - rate * own.slope(error), offset - rate * error.sum(axis=1)
        error = share * (sigmoid(own.logits(weight, offset)) - batches.met)
        own.step(error, weight, rate=item_rate)
    return weight, offset
