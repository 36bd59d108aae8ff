"""The best hour to notify, learned on the device from its own opens; a prior stands in until there is evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from client.errors import ClientError

HOURS = 24
PRIOR_STRENGTH = 8.0
"""Opens after which a person's own habit weighs as much as the prior."""
_NEAR = (0.25, 0.5, 0.25)
"""An open says something about the hours beside it too."""


class PriorRefused(ClientError):
    """The prior is not one number for each hour: the caller mends it."""

    code: ClassVar[str] = "prior_malformed"


@dataclass(frozen=True, slots=True)
class BestTime:
    """When a notification is likeliest to be opened.

    Args:
        hour: of the local day, 0 to 23.
        share: of opens expected in that hour.
        confidence: how far the person's own opens outweigh the prior, from 0 to 1.
    """

    hour: int
    share: float
    confidence: float


def best_time(opens: Sequence[int], prior: Sequence[float] | None = None) -> BestTime:
    """Return the hour with the largest expected share of opens; the earliest of equals.

    Args:
        opens: local hour of each open.
        prior: weight of each hour among everybody; none means noon to the early evening.

    >>> best_time([20, 20, 21, 20]).hour
    20
    """
    before = _DAYTIME if prior is None else _checked(prior)
    counts = [0.0] * HOURS
    for hour in opens:
        for step, share in zip((-1, 0, 1), _NEAR, strict=True):
            counts[(hour + step) % HOURS] += share
    total = len(opens) + PRIOR_STRENGTH
    shares = [(count + PRIOR_STRENGTH * each) / total for count, each in zip(counts, before, strict=True)]
    hour = max(range(HOURS), key=lambda at: (round(shares[at], 12), -at))
    return BestTime(hour, shares[hour], len(opens) / total)


def _checked(prior: Sequence[float]) -> list[float]:
    total = sum(prior) if len(prior) == HOURS and all(0 <= each < float("inf") for each in prior) else 0.0
    if not total:
        raise PriorRefused("a prior is 24 numbers from 0 on, not all 0")
    return [each / total for each in prior]


_DAYTIME = _checked([1.0 if 12 <= hour <= 19 else 0.25 if 8 <= hour <= 21 else 0.0 for hour in range(HOURS)])
