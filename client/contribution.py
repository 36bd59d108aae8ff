"""What a device contributes to a round: the exact bytes that would leave it and what they cost, before they leave.

One pure function, the same for a device and for the shard of devices behind a Flower node. It refuses before it
computes: terms nobody else can see, terms beyond what was accepted, a line whose cap is reached.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from client.participation import AcceptedTerms
from client.training import update_sum
from models.history import Histories
from privacy.clipping import Int64
from privacy.events import RoundTerms
from privacy.terms import RELATION, UNIT, Guarantee


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a round asks, as it arrives.

    Args:
        terms: canonical bytes of the round's terms, the leaf of the public log.
        proof: the leaf's log proof.
        public: the round's public arrays.
        settings: the rest of its public input, plain JSON.
    """

    terms: bytes
    proof: bytes
    public: Mapping[str, NDArray[Any]]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one contribution costs its device, against readers of releases.

    Args:
        alone: of this round.
        together: of every round of the line this device was in, this one too.
        left: epsilon that remains of what was accepted.
    """

    alone: Guarantee
    together: Guarantee
    left: float

    def statement(self) -> str:
        """Say the cost in one line."""
        if not self.together.private:
            return self.together.statement()
        both = f"with all before {self.together.epsilon:.2f}, {self.left:.2f} left"
        return f"this round {self.alone.statement()}; {both}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What would leave.

    Args:
        terms: of the round.
        total: (dimension,) int64 in grid steps.
        cost: what it costs.
    """

    terms: RoundTerms
    total: Int64
    cost: Cost

    @property
    def payload(self) -> bytes:
        """Everything that leaves about a person's events: little-endian int64, nothing else."""
        return self.total.astype("<i8").tobytes()


def contribute(
    call: Call,
    *,
    accepted: AcceptedTerms,
    earlier: Iterable[RoundTerms],
    histories: Histories,
    subjects: NDArray[np.int64],
) -> Contribution:
    """Return what these devices would send to a round.

    Args:
        call: the round, as it arrived.
        accepted: what the notice allows, and the log it pins.
        earlier: terms of every round these devices have sent something to.
        histories: the devices' events, in the order of `subjects`; one row is one device.
        subjects: (devices,) their numbers.

    Raises:
        TermsNotLogged: nobody else can see these terms.
        TermsRefused: they exceed what was accepted; CapReached: so does their cost with what was sent before.
        UpdateError, StatisticsError, GradientError, InputError: the public input does not fit terms or events.
    """
    terms = accepted.open(call.terms, call.proof)
    accepted.check(terms)
    alone, together = accepted.check_cost(terms, earlier)
    total = update_sum(
        terms, public=call.public, settings=call.settings, histories=histories, subjects=subjects
    )
    cost = Cost(
        alone=_guarantee(alone, accepted),
        together=_guarantee(together, accepted),
        left=accepted.largest_epsilon - together,
    )
    return Contribution(terms=terms, total=total, cost=cost)


def _guarantee(epsilon: float, accepted: AcceptedTerms) -> Guarantee:
    return Guarantee(
        epsilon=epsilon,
        delta=accepted.delta,
        unit=UNIT,
        neighboring_relation=RELATION,
        trust=accepted.trust,
    )
