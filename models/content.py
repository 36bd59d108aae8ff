"""The content table: public item knowledge folded into the few numbers an item has room for."""

import numpy as np

from models.history import Float
from models.spectral import principal_scores, unit


def content_table(features: Float, *, dimensions: int) -> Float:
    """Fold item features into their principal directions, one row of unit length per item.

    Features are brought to length 1 before and after their mean is removed: a long title says no more than
    a short one, and what all items share says nothing.

    Args:
        features: (items, f) public item knowledge, f may be 0.
        dimensions: most columns of the result; 0 gives an empty table.

    Returns:
        (items, d) float32 with d <= dimensions.
    """
    rows = unit(features, axis=1)
    centred = rows - rows.mean(axis=0)
    return unit(principal_scores(unit(centred, axis=1), dimensions), axis=1).astype(np.float32)
