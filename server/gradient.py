"""From public features to a model by gradient rounds: DP-FedAvg through the one aggregator."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from models.basis import positive_popularity
from models.gradient import GradientSettings, assemble_gradient, initial_tables
from models.history import Float
from models.inputs import to_parts
from models.objective import GradientInput
from models.parameters import GlobalParameters
from models.recipe import popularity_input
from privacy.calibration import PlannedRound
from privacy.noise import Bits
from server.aggregation import Aggregator
from server.conductor import Conductor
from server.learning import Observe
from server.training import LineTerms, released_statistic


def train_by_gradient(
    conductor: Conductor,
    *,
    line: LineTerms,
    plan: Sequence[PlannedRound],
    items: int,
    features: Float,
    settings: GradientSettings,
    bits: Callable[[], Bits],
    observe: Observe,
) -> GlobalParameters:
    """Run one popularity round, then gradient rounds over Poisson cohorts.

    Args:
        conductor: carries each round over the fleet.
        line: what the rounds share.
        plan: the popularity round, then every gradient round.
        items: size of the catalogue.
        features: (items, f) public item knowledge; it starts the tables.
        settings: objective, server step and scoring.
        bits: makes the noise's random bits, `system_bits` outside tests.
        observe: hears the model after the popularity round and after eight of the gradient rounds.

    Returns:
        The parameters to release: tables averaged over the last `average_share` of the rounds.
    """
    first, rounds = plan[0], plan[1:]
    terms = line.round_terms(1, mechanism="popularity", dimension=items, planned=first)
    mean, std = released_statistic(conductor, terms, popularity_input(items), bits=bits)
    popularity = positive_popularity(mean, std=std, population=terms.denominator)
    bias = np.log(popularity / popularity.sum()).astype(np.float32)

    tables = initial_tables(features, settings)
    aggregator = Aggregator(tables.ravel(), inner=server_step(settings), bits=bits)
    observe("popularity", assemble_gradient(tables, popularity, features, settings))
    total, averaged = np.zeros(tables.shape), 0
    for number, planned in enumerate(rounds):
        now = aggregator.value.reshape(tables.shape)
        question = GradientInput(
            taste_in=now[0],
            taste_out=now[1],
            bias=bias,
            alpha=settings.alpha,
            tau=settings.tau,
            folds=settings.folds,
            local_steps=settings.local_steps,
            local_learning_rate=settings.local_learning_rate,
            round=number,
        )
        public, rest = to_parts(question)
        terms = line.round_terms(number + 2, mechanism="gradient", dimension=now.size, planned=planned)
        value = conductor.run(terms, public=public, settings=rest, aggregator=aggregator)
        if number >= min(len(rounds) - 1, round((1 - settings.average_share) * len(rounds))):
            total += value.reshape(tables.shape)
            averaged += 1
        if (number + 1) % max(len(rounds) // 8, 1) == 0:
            shown = total / averaged if averaged else value.reshape(tables.shape)
            observe(
                f"round {number + 1}",
                assemble_gradient(shown.astype(np.float32), popularity, features, settings),
            )
    return assemble_gradient((total / averaged).astype(np.float32), popularity, features, settings)


def server_step(
    settings: GradientSettings,
) -> Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]:
    """Return the maker of the server's inner optimizer."""
    rate, momentum = settings.server_learning_rate, settings.momentum
    if settings.server_optimizer == "adam":
        return lambda parameters: torch.optim.Adam(parameters, lr=rate, betas=(momentum, 0.99))
    return lambda parameters: torch.optim.SGD(parameters, lr=rate, momentum=momentum)
