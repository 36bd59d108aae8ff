"""Released popularity: how often each item was met, under noise, and what it is without one person."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.basis import log_popularity, positive_popularity

Wide = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Popularity:
    """Noisy popularity.

    Args:
        mean: (items,) float64, in people per declared person.
        std: noise on each value.
        people: the declared population.
    """

    mean: Wide
    std: float
    people: int

    def and_again(self, mean: Wide, std: float) -> "Popularity":
        """Combine with another measurement, each weighed by what it tells."""
        if not self.std:
            return self
        first = std**2 / (self.std**2 + std**2)
        return replace(
            self, mean=first * self.mean + (1 - first) * mean, std=self.std * std / math.hypot(self.std, std)
        )

    @property
    def root_history(self) -> float:
        """Mean root of how many items people met: each adds 1 / √n to n sums."""
        return float(self.mean.sum())

    @property
    def positive(self) -> Wide:
        """Fit to be divided by."""
        return self._positive(self.mean)

    @property
    def logs(self) -> Wide:
        """Standardized logarithm, (items,)."""
        return log_popularity(self.positive)

    def logs_without(self, items: NDArray[np.integer], own: Wide) -> Wide:
        """Return the standardized logarithms that items would have had one person not been counted.

        Args:
            items: (n,) positions in the catalogue.
            own: (n,) what that person added to each item's sum.
        """
        logs = np.log(self.positive)
        fewer = np.log(self._positive(self.mean[items] - own / self.people))
        return np.asarray((fewer - logs.mean()) / max(float(logs.std()), 1e-12))

    def _positive(self, mean: Wide) -> Wide:
        return positive_popularity(mean, std=self.std, population=self.people)
