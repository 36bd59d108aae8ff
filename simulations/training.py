"""Train one scenario: plan the noise, clear the budget, run the rounds over the simulated fleet."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from models.gradient import GradientSettings
from models.history import Float, Histories
from models.parameters import GlobalParameters
from models.plan import Plan
from privacy.calibration import PlannedRound, calibrate, share_budget
from privacy.noise import Bits, seeded_bits, system_bits
from server.conductor import Conductor
from server.gradient import train_by_gradient
from server.plan import noise_of, plan_line
from server.training import LineTerms, train_by_moments
from simulations.fleet import SimulatedFleet
from simulations.line import ReleaseLine
from simulations.runtimes import Runtime
from simulations.scenario import Scenario
from simulations.sections import GradientTraining, MomentsTraining

Observe = Callable[[str, GlobalParameters], None]
PUBLISHED_HISTORIES = {"ml-100k": 100_000 / 943, "ml-1m": 1_000_209 / 6040}
"""Items a person met on average, where a data set's publisher says so."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training left behind.

    Args:
        parameters: the model to release.
        fleet: who took part and who left.
        seconds: from the first round's terms to the last commit.
        planned: the plan and what came of it, for result.json; empty for gradient rounds.
    """

    parameters: GlobalParameters
    fleet: SimulatedFleet
    seconds: float
    planned: Mapping[str, Any]

    @property
    def updates_per_second(self) -> float:
        """Device contributions that reached a sum, per second of training."""
        return self.fleet.contributions / self.seconds


def gradient_rounds(scenario: Scenario, how: GradientTraining) -> list[PlannedRound]:
    """Choose the noise of every gradient round from public constants: budget, delta, rate and number of rounds."""
    rounds = how.rounds if scenario.privacy.guarantee().private else how.rounds_without_noise
    shares = [how.popularity_share, *[(1 - how.popularity_share) / rounds] * rounds]
    return calibrate(scenario.privacy.guarantee(), share_budget(shares, sampling_rate=how.sampling_rate))


def plan_statistics(scenario: Scenario, how: MomentsTraining, *, features: Float, timed: bool) -> Plan:
    """Plan the statistics rounds from what the scenario declares and what is public of the data."""
    return plan_line(
        scenario.privacy.guarantee(),
        people=scenario.population.declared,
        items=len(features),
        history=scenario.population.history or PUBLISHED_HISTORIES.get(scenario.dataset.name),
        features=bool(features.any()),
        timed=timed,
        shares=how.shares.given() if how.shares else None,
        recipe=how.recipe.model_dump(exclude_none=True),
    )


def without_recency(recipe: GradientSettings) -> GradientSettings:
    """Return the recipe for histories whose order says nothing: all events weigh the same.

    The switch rests on whether the data has times at all, which is public.
    """
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
    how = scenario.training
    plan = None
    if isinstance(how, MomentsTraining):
        plan = plan_statistics(scenario, how, features=features, timed=timed)
        planned = noise_of(plan, scenario.privacy.guarantee())
    else:
        planned = gradient_rounds(scenario, how)
    fleet = SimulatedFleet(
        scenario,
        line,
        train,
        rounds=len(planned),
        least_noise_multiplier=min(each.noise_multiplier for each in planned),
        runtime=runtime,
    )
    fleet.clear(planned)
    shared = LineTerms(
        line=scenario.line.name,
        declared_population=scenario.population.declared,
        clipping_norm=scenario.privacy.clipping_norm,
        scale_bits=scenario.privacy.scale_bits,
        trust=scenario.privacy.trust,
    )
    found: list[tuple[GlobalParameters, Mapping[str, Any]]] = []
    watching = 0.0

    def watch(label: str, parameters: GlobalParameters) -> None:
        nonlocal watching
        began = time.perf_counter()
        observe(label, parameters)
        watching += time.perf_counter() - began

    bits = noise_bits(scenario)

    def rounds(conductor: Conductor) -> None:
        if isinstance(how, GradientTraining):
            model = train_by_gradient(
                conductor,
                line=shared,
                plan=planned,
                items=len(features),
                features=features,
                settings=how.recipe if timed else without_recency(how.recipe),
                bits=bits,
                observe=watch,
            )
            found.append((model, {}))
        elif plan:
            learnt = train_by_moments(
                conductor, line=shared, plan=plan, rounds=planned, features=features, bits=bits, observe=watch
            )
            found.append((learnt.parameters, {**plan.result(), "came": learnt.result()}))

    began = time.perf_counter()
    fleet.conduct(rounds)
    model, came = found[0]
    return Trained(model, fleet, time.perf_counter() - began - watching, came)
