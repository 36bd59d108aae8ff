"""The public basis: where the moments round looks, from item features and released popularity."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.history import Float
from models.spectral import principal_scores, unit

Wide = NDArray[np.float64]


class BasisError(ModelError):
    """Statistic, features and settings do not describe one catalogue: the caller mends their shapes."""

    code = "basis_malformed"


@dataclass(frozen=True, slots=True)
class Basis:
    """What is public after the popularity round.

    Args:
        popularity: (items,) float64 positive, in people per declared person.
        scale: (items,) float64 positive, lifts rare items so that popular ones do not drown them.
        table: (items, k) float64, orthonormal columns, each orthogonal to scaled popularity.
    """

    popularity: Wide
    scale: Wide
    table: Wide

    @property
    def share(self) -> Wide:
        """What popularity alone makes of each item's row in a scaled statistic, (items,), sum 1."""
        scaled = self.popularity * self.scale
        return np.asarray(scaled / scaled.sum())

    @property
    def log_popularity(self) -> Wide:
        """Standardized log popularity, (items,)."""
        return log_popularity(self.popularity)


def log_popularity(popularity: Wide) -> Wide:
    """Return the logarithm of popularity, standardized over the catalogue; zeros where all are equal."""
    logs = np.log(popularity)
    centred = logs - logs.mean()
    return np.asarray(centred / max(float(centred.std()), 1e-12))


def positive_popularity(mean: Wide, *, std: float, population: float) -> Wide:
    """Make noisy popularity safe to divide by and to take the logarithm of.

    It becomes (m + √(m² + 4 std²)) / 2 and half a person more.
    Far above the noise it is the measurement, at zero one noise level, and what noise pushed below zero keeps
    its order, closer together: nothing ties that did not tie before.

    Args:
        mean: (items,) noisy sum over the denominator.
        std: noise on each value, same unit.
        population: the denominator D.

    Returns:
        (items,) float64 positive.
    """
    return np.asarray((mean + np.hypot(mean, 2 * std)) / 2 + 0.5 / population)


def build_basis(
    popularity: Wide, features: Float, *, scale_power: float, feature_directions: int, top_items: int
) -> Basis:
    """Span what co-occurrence is looked for in: directions of the features and the most popular items.

    Args:
        popularity: (items,) positive.
        features: (items, f) public item knowledge, f may be 0.
        scale_power: item scale = (popularity / its mean) ** -scale_power.
        feature_directions: leading directions of the features, weighted by the root of popularity.
        top_items: number of most popular items that get a direction of their own.

    Returns:
        The basis; k is at most feature_directions + top_items.

    Raises:
        BasisError: the shapes differ or the popularity is not positive.
    """
    items = len(popularity)
    if features.ndim != 2 or len(features) != items or not (np.isfinite(popularity) & (popularity > 0)).all():
        raise BasisError(f"features {features.shape} and {items} positive popularities must share the items")
    relative = popularity / popularity.mean()
    scale = relative**-scale_power
    weighted = features * np.sqrt(relative)[:, None]
    top = np.argsort(-popularity, kind="stable")[:top_items]
    blocks = np.zeros((items, len(top)))
    blocks[top, np.arange(len(top))] = 1.0
    spanning = np.concatenate([unit(principal_scores(weighted, feature_directions), axis=0), blocks], axis=1)
    common = (popularity * scale)[:, None]
    orthogonal, triangle = np.linalg.qr(np.concatenate([common, spanning], axis=1))
    kept = np.abs(np.diagonal(triangle))[1:] > 1e-6
    return Basis(popularity, scale, orthogonal[:, 1:][:, kept])
