"""Training negatives: drawn from everything a device has not met so far, its own future included."""

import numpy as np

from models.history import Ids


def sample_negatives(history: Ids, items: int, count: int, rng: np.random.Generator) -> Ids:
    """Draw items absent from a person's training events, with replacement.

    A device cannot know its future: leaving out the held-out item would tell the model which one it is.

    Args:
        history: the person's training items.
        items: size of the catalogue.
        count: how many to draw.
        rng: a stream of its own, never the evaluation's.

    Returns:
        (count,) int32; empty where the person has met everything.
    """
    absent = np.ones(items, np.bool_)
    absent[history] = False
    pool = np.flatnonzero(absent)
    if not len(pool):
        return np.zeros(0, np.int32)
    return rng.choice(pool, count).astype(np.int32)
