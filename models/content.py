"""The content table: what everyone may know of an item, folded into the few numbers it has room for."""

import numpy as np
from numpy.typing import NDArray

from models.history import Float
from models.spectral import principal_scores, unit

Wide = NDArray[np.float64]
LEVELS = np.linspace(-2.0, 4.0, 13)
LEVEL_WIDTH = 1.4
"""Levels of standardized log popularity, and how far an item reaches into those beside its own."""
LEVEL_WEIGHT = 0.5
"""Length of an item's row of levels where its features have 1."""
EVENNESS = 0.25
"""How far strong directions are brought towards weak ones: each is divided by its size to this power."""


def content_table(features: Float, *, dimensions: int, log_popularity: Wide | None = None) -> Float:
    """Fold item features into their principal directions, one row per item.

    Features are brought to length 1 before and after their mean is removed: a long title says no more than
    a short one, and what all items share says nothing. Nor may it say anything in a history, so rows end with
    length 1 less the mean of all. Who met blockbusters lately is likelier to meet another than an unknown film
    of the same genre, so how popular an item is counts among what it is like.

    Args:
        features: (items, f) public item knowledge, f may be 0.
        dimensions: most columns of the result; 0 gives an empty table.
        log_popularity: (items,) as released and standardized; without it the features stand alone.

    Returns:
        (items, d) float32 with d <= dimensions; empty where there are no features.
    """
    rows = unit(features, axis=1)
    if log_popularity is not None and features.size:
        rows = np.concatenate([rows, LEVEL_WEIGHT * _levels(log_popularity)], axis=1)
    centred = unit(rows - rows.mean(axis=0), axis=1)
    scores = principal_scores(centred, dimensions)
    even = unit(scores / np.linalg.norm(scores, axis=0) ** EVENNESS, axis=1)
    return np.asarray(even - even.mean(axis=0), np.float32)


def _levels(log_popularity: Wide) -> Wide:
    """Place each item softly among levels of popularity, (items, levels), rows of length 1."""
    within = np.clip(log_popularity, LEVELS[0], LEVELS[-1])
    return unit(np.exp(-0.5 * ((within[:, None] - LEVELS) / LEVEL_WIDTH) ** 2), axis=1)
