"""A plan's statistics rounds over a fleet, each through the one aggregator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from models.history import Float
from models.inputs import RoundInput, to_parts
from models.plan import Mechanism, Plan
from privacy.calibration import PlannedRound
from privacy.events import RoundTerms
from privacy.noise import Bits
from privacy.terms import Trust
from server.aggregation import Aggregator
from server.conductor import Conductor
from server.learning import Learner, Learnt, Observe


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTerms:
    """What all rounds of a release line share.

    Args:
        line: the line's name.
        declared_population: N, a public constant.
        clipping_norm: C of every contribution.
        scale_bits: grid step 2**-scale_bits.
        trust: who may see a single contribution.
    """

    line: str
    declared_population: int
    clipping_norm: float
    scale_bits: int
    trust: Trust

    def round_terms(
        self,
        number: int,
        *,
        mechanism: Mechanism | Literal["gradient"],
        dimension: int,
        planned: PlannedRound,
    ) -> RoundTerms:
        """Return the terms of one round."""
        return RoundTerms(
            line=self.line,
            round=number,
            mechanism=mechanism,
            dimension=dimension,
            clipping_norm=self.clipping_norm,
            noise_multiplier=planned.noise_multiplier,
            sampling_rate=planned.sampling_rate,
            denominator=planned.sampling_rate * self.declared_population,
            scale_bits=self.scale_bits,
            trust=self.trust,
        )


def plain_mean(parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Step by the noisy mean itself: from zero, the parameter becomes the statistic."""
    return torch.optim.SGD(parameters, lr=1.0)


def released_statistic(
    conductor: Conductor, terms: RoundTerms, question: RoundInput, *, bits: Callable[[], Bits]
) -> tuple[NDArray[Any], float]:
    """Run one statistics round.

    Contributions have norm 1, or C where that is less; the result is brought back to norm 1.

    Returns:
        The noisy sum over the denominator, (dimension,) float64, and the noise on each of its values.
    """
    public, rest = to_parts(question)
    aggregator = Aggregator(np.zeros(terms.dimension), inner=plain_mean, bits=bits)
    mean = conductor.run(terms, public=public, settings=rest, aggregator=aggregator)
    length = min(terms.clipping_norm, 1.0)
    return mean / length, terms.noise_multiplier * terms.clipping_norm / terms.denominator / length


def train_by_moments(
    conductor: Conductor,
    *,
    line: LineTerms,
    plan: Plan,
    rounds: Sequence[PlannedRound],
    features: Float,
    bits: Callable[[], Bits],
    observe: Observe,
) -> Learnt:
    """Run a plan's rounds over a fleet.

    Args:
        conductor: carries each round.
        line: what the rounds share.
        plan: what is asked.
        rounds: noise and rate of each of its shares.
        features: (items, f) public item knowledge.
        bits: makes the noise's random bits, `system_bits` outside tests.
        observe: hears the model after each round.

    Returns:
        The parameters to release, and how they came about.
    """
    coming = enumerate(rounds, 1)

    def ask(mechanism: Mechanism, question: RoundInput) -> tuple[NDArray[Any], float]:
        number, planned = next(coming)
        dimension = int(np.prod(question.shape))
        terms = line.round_terms(number, mechanism=mechanism, dimension=dimension, planned=planned)
        return released_statistic(conductor, terms, question, bits=bits)

    return Learner(plan, features=features, ask=ask, observe=observe).learn()
