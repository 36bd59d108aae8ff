"""Made-up parameters and catalogues of any size, for the tests of models and device."""

import numpy as np

from models.catalogue import Catalogue
from models.history import Float
from models.parameters import GlobalParameters


def parameters(items: int, *, taste: int = 8, content: int = 48, seed: int = 0) -> GlobalParameters:
    """Draw a model of some size; content rows have unit norm."""
    rng = np.random.default_rng(seed)

    def table(columns: int) -> Float:
        return rng.normal(size=(items, columns)).astype(np.float32)

    rows = table(content)
    if content:
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return GlobalParameters(
        taste_in=table(taste),
        taste_out=table(taste),
        content=rows,
        bias=table(1)[:, 0],
        alpha=float(rng.uniform(0, 0.5)),
        tau=float(rng.uniform(1, 20)),
        fade_in=float(rng.uniform(0.1, 3)),
        taste_weight=1.0,
        content_weight=0.8,
    )


def catalogue(items: int) -> Catalogue:
    """List items "i0", "i1", ... titled "Title 0", "Title 1", ..."""
    return Catalogue(
        ids=tuple(f"i{item}" for item in range(items)),
        titles=tuple(f"Title {item}" for item in range(items)),
        years=np.full(items, 1995, np.int16),
        genres=tuple(("Drama",) if item % 2 else () for item in range(items)),
    )
