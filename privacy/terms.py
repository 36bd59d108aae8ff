"""The words of a promise: unit, relation, trust, and the guarantee that states epsilon with all of them."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from privacy.errors import PrivacyError

Unit = Literal["enrolled_subject"]
NeighboringRelation = Literal["add_or_remove_one"]
Trust = Literal["central", "secure_sum"]

UNIT: Unit = "enrolled_subject"
RELATION: NeighboringRelation = "add_or_remove_one"


class TermsError(PrivacyError):
    """A privacy parameter is out of range: the caller mends the terms; no default exists."""

    code: ClassVar[str] = "terms_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """What a release line promised or spent: epsilon never stands without the rest.

    Args:
        epsilon: upper bound, ``math.inf`` where no noise bounds it.
        delta: failure probability in (0, 1).
        unit: whose whole contribution is protected.
        neighboring_relation: how two neighbouring populations differ.
        trust: who must be trusted with single updates.
    """

    epsilon: float
    delta: float
    unit: Unit
    neighboring_relation: NeighboringRelation
    trust: Trust

    def __post_init__(self) -> None:
        if not self.epsilon >= 0:
            raise TermsError(f"epsilon must be zero or more, not {self.epsilon}")
        if not 0 < self.delta < 1:
            raise TermsError(f"delta must lie strictly between 0 and 1, not {self.delta}")

    @property
    def private(self) -> bool:
        """Whether any finite bound holds."""
        return math.isfinite(self.epsilon)

    def statement(self) -> str:
        """Say the guarantee in one line, complete.

        >>> Guarantee(epsilon=1.5, delta=1e-6, unit=UNIT, neighboring_relation=RELATION,
        ...           trust="central").statement()
        'epsilon 1.50 at delta 1e-06 for one enrolled subject (add or remove one), trust = central'
        """
        if not self.private:
            return f"NOT PRIVATE: no noise bounds what one enrolled subject reveals, trust = {self.trust}"
        return (
            f"epsilon {self.epsilon:.2f} at delta {self.delta:.3g} for one enrolled subject "
            f"(add or remove one), trust = {self.trust}"
        )


def largest_delta(declared_population: int) -> float:
    """Return the largest delta a line over this many people may state: N ** -1.1.

    >>> round(largest_delta(943), 6)
    0.000535
    """
    if declared_population < 2:
        raise TermsError(f"a population of {declared_population} has no crowd to hide in")
    return float(declared_population**-1.1)
