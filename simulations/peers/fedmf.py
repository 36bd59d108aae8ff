"""FedMF: person vectors stay on the devices, gradients of the item table go to the server."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.history import Float
from models.streams import stream
from simulations.peers.batches import Batches, portions, sigmoid
from simulations.peers.negatives import draw_round
from simulations.peers.training import EVERY, Task

DIMENSIONS, BATCH, NEGATIVES, SPREAD = 32, 256, 4, 0.1


@dataclass(frozen=True, slots=True)
class FedMFSettings:
    """What validation chooses.

    Args:
        rate: learning rate of person vectors; the item table learns at rate x items of the mean gradient.
    """

    rate: float

    def __str__(self) -> str:
        return f"rate {self.rate:g}"


GRID = (FedMFSettings(0.5), FedMFSettings(1.0), FedMFSettings(2.0))


def fedmf(task: Task, settings: FedMFSettings, seed: int) -> Iterator[Float]:
    """Train with everyone in every round; yield (people, items) scores every `EVERY` rounds.

    In each round a device downloads the item table, carries its person's vector through minibatches of events
    and fresh negatives by binary cross-entropy (events here have no ratings), and sends the sum of its gradients
    in the item table; the server steps along the mean. The encryption of the paper changes no figure.

    Source: Chai et al., "Secure Federated Matrix Factorization", arXiv 1906.05108, with the loss for events without
    ratings that arXiv 2301.08143 measures it with.
    """
    start = stream(seed, "fedmf")
    people, items = task.positives.people, task.items
    table = start.normal(0, SPREAD, (items, DIMENSIONS)).astype(np.float32)
    person = start.normal(0, SPREAD, (people, DIMENSIONS)).astype(np.float32)
    number = 0
    while True:
        number += 1
        rng = stream(seed, "fedmf round", number)
        negatives = draw_round(task.spare, task.positives, items, each=NEGATIVES, rng=rng)
        slope = np.zeros_like(table)
        for rows in portions(task.positives, items):
            batches = Batches.shuffled(
                task.positives.take(rows), negatives.take(rows), items, size=BATCH, rng=rng
            )
            vector = person[rows]
            for share in batches.shares():
                error = share * (sigmoid(vector @ table.T) - batches.met)
                slope += error.T @ vector
                vector = vector - settings.rate * (error @ table)
            person[rows] = vector
        table = table - np.float32(settings.rate * items / people) * slope
        if number % EVERY == 0:
            yield person @ table.T
