"""What a line declares, and what can be told from noise with that: the ground a plan stands on."""

import math
from dataclasses import dataclass
from typing import ClassVar

from models.errors import ModelError

USUAL_HISTORY = 20.0
"""Items a person is taken to have met where nobody declares how many."""
CONSISTENT = 60.0
"""One person in so many is what a taste is taken to weigh: its eigenvalue is people / 60."""
LEAST_DIRECTIONS = 100.0
"""Directions in which co-occurrence must be able to stand above the noise before it is asked for."""
LEAST_POPULARITY, LEAST_POPULARITY_ALONE = 1.5, 3.0
"""Mean popularity over its noise from which long histories are asked for tastes, with public features and without."""
MANY_DIRECTIONS, LEAST_POPULARITY_OF_MANY, LEAST_POPULARITY_OF_MANY_ALONE = 1000.0, 1.0, 2.0
"""Where so many directions stand above the noise, less will do, with public features and without."""
LONG_HISTORY = 40.0
LEAST_POPULARITY_OF_SHORT = 2.5
LEAST_DIRECTIONS_OF_SHORT, LEAST_DIRECTIONS_OF_SHORT_ALONE = 500.0, 1000.0
"""Histories shorter than that say little of tastes, so all must be clearer before any popularity is given up."""
LEAST_FOUND, LEAST_FOUND_IN_SHORT = 1.5, 2.5
"""So many tastes, counted by fidelity, must be found in long and short histories, or popularity gets the rest."""
FAINT_POPULARITY, LEAST_OF_DIRECTIONS = 2.0, 0.075
"""Below so much mean popularity over its noise, so much of the root of the directions must be found as well."""
MOMENTS_SHARE = 3 / 7
"""Of the budget, at whose noise directions are counted."""


class PlanError(ModelError):
    """What was declared cannot be planned for: the caller mends the named number."""

    code: ClassVar[str] = "plan_refused"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a budget can tell from noise.

    Args:
        popularity: mean popularity of an item over the noise of the whole budget, N √n / (I s).
        directions: size of the largest basis in which a taste of usual weight stands above the noise,
            (N / 60 s1)² / 2 times (n / 20)², s1 being the noise of a round with 3/7 of the budget.
        long: whether histories are long enough to say much of tastes.
    """

    popularity: float
    directions: float
    long: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """All that a plan may depend on.

    Args:
        people: the declared population N.
        items: size of the public catalogue I.
        noise: noise multiplier s of the whole budget spent at once; 0 without privacy.
        history: how many different items n a person has typically met, where somebody declares it.
        features: whether items have public text, genres or years.
        timed: whether events come with times.
    """

    people: int
    items: int
    noise: float
    history: float | None
    features: bool
    timed: bool

    def __post_init__(self) -> None:
        if self.people < 2 or self.items < 1 or not 0 <= self.noise < math.inf:
            raise PlanError("a plan needs at least 2 people, 1 item and a noise that is not negative")
        if self.history is not None and not 1 <= self.history < math.inf:
            raise PlanError(f"history is {self.history:g}; declare how many items a person met, at least 1")

    @property
    def assumed(self) -> Evidence:
        """What is taken to be told from noise before anything is spent."""
        return self.evidence(math.sqrt(self.history or USUAL_HISTORY))

    def evidence(self, root_history: float) -> Evidence:
        """Return what can be told from noise, given the mean root of history lengths."""
        if not self.noise:
            return Evidence(math.inf, math.inf, long=True)
        noise = self.noise / math.sqrt(MOMENTS_SHARE)
        longer = root_history**2 / USUAL_HISTORY
        return Evidence(
            self.people * root_history / (self.items * self.noise),
            (self.people / (CONSISTENT * noise)) ** 2 / 2 * longer**2,
            long=root_history**2 >= LONG_HISTORY,
        )

    def least_popularity(self, evidence: Evidence) -> float:
        """Return from which mean popularity over its noise tastes are looked for."""
        if not evidence.long:
            return LEAST_POPULARITY_OF_SHORT
        if evidence.directions >= MANY_DIRECTIONS:
            return LEAST_POPULARITY_OF_MANY if self.features else LEAST_POPULARITY_OF_MANY_ALONE
        return LEAST_POPULARITY if self.features else LEAST_POPULARITY_ALONE

    def least_directions(self, evidence: Evidence) -> float:
        """Return in how many directions a usual taste must stand above the noise: short histories hold few pairs."""
        if evidence.long:
            return LEAST_DIRECTIONS
        return LEAST_DIRECTIONS_OF_SHORT if self.features else LEAST_DIRECTIONS_OF_SHORT_ALONE

    def least_found(self, evidence: Evidence) -> float:
        """Return how many tastes, counted by fidelity, the moments must show before more is spent on them."""
        if not evidence.long:
            return LEAST_FOUND_IN_SHORT
        if evidence.popularity >= FAINT_POPULARITY:
            return LEAST_FOUND
        return max(LEAST_FOUND, LEAST_OF_DIRECTIONS * math.sqrt(evidence.directions))

    def suffices(self, evidence: Evidence) -> bool:
        """Tell whether looking for tastes can pay, or popularity had better have it all."""
        clear = evidence.popularity >= self.least_popularity(evidence)
        return clear and evidence.directions >= self.least_directions(evidence)
