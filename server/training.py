"""From public features to a model in three statistics rounds, each through the one aggregator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from models.basis import Basis
from models.history import Float
from models.inputs import RoundInput, to_parts
from models.parameters import GlobalParameters
from models.recipe import (
    RecipeSettings,
    after_popularity,
    assemble,
    context_input,
    moments_input,
    popularity_input,
)
from models.tastes import Tastes, find_tastes
from privacy.calibration import PlannedRound
from privacy.events import RoundTerms
from privacy.moments import to_matrix
from privacy.noise import Bits
from privacy.terms import Trust
from server.aggregation import Aggregator
from server.conductor import Conductor

Mechanism = Literal["popularity", "moments", "item_context", "gradient"]
STATISTICS: tuple[Mechanism, ...] = ("popularity", "moments", "item_context")
Observe = Callable[[str, GlobalParameters], None]
"""Hears what a round was called and the parameters a release would publish after it."""


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
        self, number: int, *, mechanism: Mechanism, dimension: int, planned: PlannedRound
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
    plan: Sequence[PlannedRound],
    items: int,
    features: Float,
    settings: RecipeSettings,
    bits: Callable[[], Bits],
    observe: Observe,
) -> GlobalParameters:
    """Run the popularity, moments and item x context rounds.

    Args:
        conductor: carries each round over the fleet.
        line: what the rounds share.
        plan: the three rounds' noise and rate.
        items: size of the catalogue.
        features: (items, f) public item knowledge.
        settings: the recipe.
        bits: makes the noise's random bits, `system_bits` outside tests.
        observe: hears the model after each round.

    Returns:
        The parameters to release.
    """

    def ask(index: int, question: RoundInput) -> tuple[NDArray[Any], float]:
        terms = line.round_terms(
            index + 1,
            mechanism=STATISTICS[index],
            dimension=int(np.prod(question.shape)),
            planned=plan[index],
        )
        return released_statistic(conductor, terms, question, bits=bits)

    mean, std = ask(0, popularity_input(items))
    population = plan[0].sampling_rate * line.declared_population
    basis = after_popularity(mean, features, settings, std=std, population=population)
    untaught = Tastes(np.zeros((items, 1)), np.ones(1))
    observe("popularity", assemble(basis, untaught, np.zeros((items, 1)), features, settings))

    mean, std = ask(1, moments_input(basis, settings))
    tastes = find_tastes(to_matrix(mean), basis, std=std, rank_limit=settings.rank_limit)
    observe("moments", _without_company(basis, tastes, features, settings))

    mean, _ = ask(2, context_input(basis, tastes, settings))
    parameters = assemble(basis, tastes, mean.reshape(items, tastes.rank), features, settings)
    observe("item x context", parameters)
    return parameters


def _without_company(
    basis: Basis, tastes: Tastes, features: Float, settings: RecipeSettings
) -> GlobalParameters:
    return assemble(basis, tastes, np.zeros((len(basis.scale), tastes.rank)), features, settings)
