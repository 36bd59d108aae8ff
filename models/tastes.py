"""Tastes: the directions of co-occurrence that stand above the noise, and what the items' company adds."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.basis import Basis, BasisError
from models.spectral import unit

Wide = NDArray[np.float64]

LEAST_FIDELITY = 0.05
"""Where a direction at the noise edge, whose estimated fidelity is zero, still starts."""
BEYOND_EDGE = 1.02
"""How far above the noise edge an eigenvalue must stand: that of noise alone passes the edge itself at times."""


@dataclass(frozen=True, slots=True)
class Tastes:
    """Latent directions of co-occurrence over the catalogue.

    Args:
        table: (items, r) float64, orthonormal columns, the strongest taste first.
        fidelity: (r,) float64 in (0, 1], estimated squared cosine to the direction without noise.
    """

    table: Wide
    fidelity: Wide

    @property
    def rank(self) -> int:
        """Number of tastes."""
        return len(self.fidelity)


def noise_edge(side: int, *, std: float) -> float:
    """Return the largest eigenvalue that noise alone gives a symmetric matrix: 2 (std / √2) √k.

    Args:
        side: k.
        std: noise on each number of the matrix in vector form: std on its diagonal, std / √2 elsewhere.

    Source: Wigner's semicircle; Füredi and Komlós 1981, Theorem 2.
    """
    return math.sqrt(2.0 * side) * std


def find_tastes(moments: Wide, basis: Basis, *, std: float, rank_limit: int) -> Tastes | None:
    """Keep the eigenvectors whose eigenvalues stand above the noise edge.

    A kept eigenvalue λ is debiased to l = (λ + √(λ² - edge²)) / 2, and its eigenvector has the squared
    cosine 1 - edge² / (4 l²) to the one without noise.

    Args:
        moments: (k, k) float64 noisy mean, symmetric.
        basis: what the matrix is expressed in.
        std: noise on each number of the matrix in vector form.
        rank_limit: most tastes kept, at least 1.

    Returns:
        One to rank_limit tastes, or nothing where all is noise.

    Raises:
        BasisError: the matrix does not fit the basis.

    Source: Benaych-Georges and Nadakuditi, arXiv 0910.2120, Theorems 2.1 and 2.2, Section 3.1.
    """
    side = basis.table.shape[1]
    if moments.shape != (side, side) or rank_limit < 1:
        raise BasisError(f"moments of shape {moments.shape} do not fit a basis of {side} directions")
    edge = noise_edge(side, std=std)
    values, vectors = np.linalg.eigh(moments)
    rank = min(int((values > BEYOND_EDGE * edge).sum()), rank_limit)
    if not rank:
        return None
    values, vectors = values[::-1][:rank], vectors[:, ::-1][:, :rank]
    doubled = np.maximum(values, edge) + np.sqrt(np.maximum(values**2 - edge**2, 0.0))
    fidelity = 1.0 - (edge / np.maximum(doubled, np.finfo(np.float64).tiny)) ** 2
    return Tastes(basis.table @ vectors, np.maximum(fidelity, LEAST_FIDELITY))


def company(context: Wide, basis: Basis) -> Wide:
    """Return in which company each item occurs beyond what its popularity explains.

    Args:
        context: (items, r) noisy mean of the item x context statistic.
        basis: the popularity and scale it was collected under.

    Returns:
        (items, r) float64 with columns of unit length.

    Raises:
        BasisError: other items than the basis has.
    """
    if context.ndim != 2 or len(context) != len(basis.scale):
        raise BasisError(f"a context table of shape {context.shape} does not fit {len(basis.scale)} items")
    return unit(context - np.outer(basis.share, context.sum(axis=0)), axis=0)
