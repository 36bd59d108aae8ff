"""Oracles: what noise costs, what the vote costs, what the family of models costs. None of them is private.

Each repeats the rounds of `simulations.training` as plain sums over the training events, with noise from a seed or
without any, and may be told what no private run can know. What an oracle gains over ours is what is left to find.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from client.statistics import contribution_sum
from models.ballot import Blend, ways
from models.history import Float
from models.inputs import RoundInput
from models.parameters import GlobalParameters
from models.plan import Mechanism, Plan
from models.quantize import quantized
from models.streams import stream
from server.learning import Learner, Learnt
from server.plan import noise_of
from simulations.benchmarks.accuracy.cells import Cell
from simulations.benchmarks.accuracy.figures import Figure, figures
from simulations.benchmarks.accuracy.source import DEFAULT, Source
from simulations.comparison import scorer_of
from simulations.metrics import evaluate
from simulations.sections import MomentsTraining
from simulations.sources import default_cache
from simulations.split import Split
from simulations.text import describe
from simulations.training import plan_statistics

ROOM_FOR_CONTENT, TOP_ITEMS = 48, 400
"""Numbers an item has for its content beside tastes of any rank, and items with a direction of their own."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an oracle found.

    Args:
        figures: on the test items, of the int8 model.
        setting: what it was told, in words.
    """

    figures: tuple[Figure, ...]
    setting: str


def without_noise(source: Source, cell: Cell) -> Told:
    """Repeat ours without noise: rank and blend are those that the noisy rounds and their vote arrived at."""
    world = _World.of(source, cell)
    noisy = world.learn(world.plan)
    asked = _blended(_without_vote(world.plan), noisy.blend, rank=noisy.tastes)
    return world.judge(world.learn(asked, noisy=False).parameters, noisy.blend, noisy.tastes)


def known_blend(source: Source, cell: Cell) -> Told:
    """Repeat ours with its noise, and choose among the ways of the ballot by the validation items, not by vote."""
    world = _World.of(source, cell)
    return _best_way(world, _without_vote(world.plan), noisy=True)


def of_rank(source: Source, cell: Cell, *, rank: int) -> Told:
    """Learn without noise at a rank of choice, and choose the blend by the validation items."""
    world = _World.of(source, cell)
    plan = _without_vote(world.plan)
    wide = {"numbers_per_item": 2 * rank + ROOM_FOR_CONTENT, "rank_limit": rank, "top_items": TOP_ITEMS}
    return _best_way(world, replace(plan, recipe=replace(plan.recipe, **wide)), noisy=False)


@dataclass(frozen=True, slots=True)
class _World:
    """One cell's people, what is public, and how its rounds would be asked."""

    split: Split
    judged: Split
    features: Float
    plan: Plan
    noise: Sequence[float]
    scale_bits: int
    seed: int

    @staticmethod
    def of(source: Source, cell: Cell) -> "_World":
        scenario = source.scenario(DEFAULT, epsilon=cell.epsilon, seed=cell.seed)
        catalogue = source.dataset.catalogue
        features = describe(
            catalogue, model=scenario.features.text, cache=default_cache(), hear=lambda share: None
        ).table
        how = scenario.training
        if not isinstance(how, MomentsTraining):
            raise TypeError("oracles repeat statistics rounds, and the default scenario asks for others")
        plan = plan_statistics(scenario, how, features=features, timed=source.dataset.timed)
        split = source.split(cell.seed)
        return _World(
            split=split,
            judged=split.sample(items=len(catalogue), seed=cell.seed),
            features=features,
            plan=plan,
            noise=[each.noise_multiplier for each in noise_of(plan, scenario.privacy.guarantee())],
            scale_bits=scenario.privacy.scale_bits,
            seed=cell.seed,
        )

    def learn(self, plan: Plan, *, noisy: bool = True) -> Learnt:
        """Carry a plan's rounds by plain sums; equal rounds draw equal noise."""
        draw, noise, people = stream(self.seed, "oracle noise"), iter(self.noise), self.split.people

        def ask(mechanism: Mechanism, question: RoundInput) -> tuple[NDArray[np.float64], float]:
            total = contribution_sum(
                question, self.split.train, clipping_norm=1.0, scale_bits=self.scale_bits
            )
            std = next(noise) if noisy else 0.0
            return (
                np.ldexp(total, -self.scale_bits) + std * draw.normal(size=len(total))
            ) / people, std / people

        return Learner(plan, features=self.features, ask=ask, observe=lambda label, model: None).learn()

    def judge(self, model: GlobalParameters, blend: Blend, rank: int) -> Told:
        found = evaluate(scorer_of(quantized(model)), self.judged, "test")
        words = f"rank {rank}, taste {blend.taste:g}, content {blend.content:g}, recency {blend.tau:g}"
        return Told(figures(found, self.judged), words)


def _best_way(world: _World, plan: Plan, *, noisy: bool) -> Told:
    """Learn once, then weigh the parts in every way of the ballot and keep what ranks the validation items best."""
    even = Blend(taste=1.0, content=1.0, popularity=1.0, alpha=1.0, tau=1.0)
    learnt = world.learn(_blended(plan, even, rank=plan.recipe.rank_limit), noisy=noisy)
    whole = learnt.parameters
    among = ways(
        content=bool(whole.content.size), tastes=bool(learnt.tastes), timed=plan.declared.timed
    ).listed
    models = [(way, _weighed(whole, way)) for way in among]
    way, model = max(models, key=lambda pair: _validation(pair[1], world.judged))
    return world.judge(model, way, learnt.tastes)


def _validation(model: GlobalParameters, judged: Split) -> float:
    """Return the sum of a model's four figures on the validation items."""
    found = evaluate(scorer_of(model), judged, "validation").table()
    return math.fsum(figure for part in found.values() for figure in part.values())


def _weighed(whole: GlobalParameters, way: Blend) -> GlobalParameters:
    """Weigh the parts of a model whose popularity has weight 1."""
    return replace(
        whole,
        taste_weight=way.taste,
        content_weight=way.content,
        bias=(way.popularity * whole.bias).astype(np.float32),
        alpha=way.alpha,
        tau=way.tau,
    )


def _without_vote(plan: Plan) -> Plan:
    return replace(plan, shares=tuple(share for share in plan.shares if share[0] != "vote"))


def _blended(plan: Plan, blend: Blend, *, rank: int) -> Plan:
    """Let a plan without a vote end with a blend, at a rank."""
    knobs: dict[str, Any] = {
        "rank_limit": max(rank, 1),
        "taste_weight": blend.taste,
        "content_weight": blend.content,
        "popularity_weight": blend.popularity,
        "recency_floor": blend.alpha,
        "recency_tau": blend.tau,
    }
    return replace(plan, recipe=replace(plan.recipe, **knobs))
