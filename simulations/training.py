"""Train one scenario: plan the noise, clear the budget, run the rounds over the simulated fleet."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeVar

from models.gradient import GradientSettings
from models.history import Float, Histories
from models.parameters import GlobalParameters
from models.recipe import RecipeSettings
from privacy.calibration import PlannedRound, calibrate, share_budget
from privacy.noise import Bits, seeded_bits, system_bits
from server.conductor import Conductor
from server.gradient import train_by_gradient
from server.training import LineTerms, train_by_moments
from simulations.fleet import SimulatedFleet
from simulations.line import ReleaseLine
from simulations.runtimes import Runtime
from simulations.scenario import MomentsTraining, Scenario

Observe = Callable[[str, GlobalParameters], None]
Recipe = TypeVar("Recipe", RecipeSettings, GradientSettings)


@dataclass(frozen=True, slots=True)
class Trained:
    """What training left behind.

    Args:
        parameters: the model to release.
        fleet: who took part and who left.
        seconds: from the first round's terms to the last commit.
    """

    parameters: GlobalParameters
    fleet: SimulatedFleet
    seconds: float

    @property
    def updates_per_second(self) -> float:
        """Device contributions that reached a sum, per second of training."""
        return self.fleet.contributions / self.seconds


def plan_rounds(scenario: Scenario) -> list[PlannedRound]:
    """Choose the noise of every round from public constants: budget, delta, rate and number of rounds."""
    how = scenario.training
    if isinstance(how, MomentsTraining):
        shape = share_budget(how.shares, sampling_rate=1.0)
    else:
        rounds = how.rounds if scenario.privacy.guarantee().private else how.rounds_without_noise
        shares = [how.popularity_share, *[(1 - how.popularity_share) / rounds] * rounds]
        shape = share_budget(shares, sampling_rate=how.sampling_rate)
    return calibrate(scenario.privacy.guarantee(), shape)


def without_recency(recipe: Recipe) -> Recipe:
    """Return the recipe for histories whose order says nothing: all events weigh the same, near or far.

    The switch rests on whether the data has times at all, which is public.
    """
    if isinstance(recipe, RecipeSettings):
        return replace(recipe, recency_floor=1.0, near_share=0.0)
    return replace(recipe, recency_floor=1.0, alpha=1.0)


def noise_bits(scenario: Scenario) -> Callable[[], Bits]:
    """Return what makes each round's random bits: the operating system, or a test's seed where one is stamped."""
    if scenario.test_seed is None:
        return system_bits
    rounds, seed = count(), scenario.test_seed
    return lambda: seeded_bits(seed << 64 | next(rounds))


def train(
    scenario: Scenario,
    *,
    train: Histories,
    timed: bool,
    features: Float,
    line: ReleaseLine,
    observe: Observe,
    runtime: Runtime,
) -> Trained:
    """Run the scenario's rounds through Flower.

    Args:
        scenario: every knob.
        train: the people's training events.
        timed: whether their order comes from times; without times recency is switched off.
        features: (items, f) public item knowledge.
        line: the release line that pays and records.
        observe: hears the model after each round; its time does not count as training.
        runtime: where the nodes run.

    Raises:
        BudgetExceeded: the plan costs more than the line promised.
        NodeFailed: a simulated node failed.
    """
    plan = plan_rounds(scenario)
    fleet = SimulatedFleet(
        scenario,
        line,
        train,
        rounds=len(plan),
        least_noise_multiplier=min(planned.noise_multiplier for planned in plan),
        runtime=runtime,
    )
    fleet.clear(plan)
    shared = LineTerms(
        line=scenario.line.name,
        declared_population=scenario.population.declared,
        clipping_norm=scenario.privacy.clipping_norm,
        scale_bits=scenario.privacy.scale_bits,
        trust=scenario.privacy.trust,
    )
    found: list[GlobalParameters] = []
    watching = 0.0

    def watch(label: str, parameters: GlobalParameters) -> None:
        nonlocal watching
        began = time.perf_counter()
        observe(label, parameters)
        watching += time.perf_counter() - began

    how, items, bits = scenario.training, len(features), noise_bits(scenario)

    def rounds(conductor: Conductor) -> None:
        if isinstance(how, MomentsTraining):
            model = train_by_moments(
                conductor,
                line=shared,
                plan=plan,
                items=items,
                features=features,
                settings=how.recipe if timed else without_recency(how.recipe),
                bits=bits,
                observe=watch,
            )
        else:
            model = train_by_gradient(
                conductor,
                line=shared,
                plan=plan,
                items=items,
                features=features,
                settings=how.recipe if timed else without_recency(how.recipe),
                bits=bits,
                observe=watch,
            )
        found.append(model)

    began = time.perf_counter()
    fleet.conduct(rounds)
    return Trained(found[0], fleet, time.perf_counter() - began - watching)
