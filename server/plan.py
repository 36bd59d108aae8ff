"""A line's plan: from its guarantee to the noise of every round."""

from collections.abc import Mapping
from typing import Any

from models.evidence import Declared
from models.plan import Mechanism, Plan, make_plan
from privacy.calibration import PlannedRound, calibrate, share_budget
from privacy.gaussian import least_noise
from privacy.terms import Guarantee


def plan_line(
    guarantee: Guarantee,
    *,
    people: int,
    items: int,
    history: float | None,
    features: bool,
    timed: bool,
    shares: Mapping[Mechanism, float] | None = None,
    recipe: Mapping[str, Any] | None = None,
) -> Plan:
    """Plan a line's statistics rounds before anything is spent.

    Args:
        guarantee: the budget; its noise, spent at once, is what the plan weighs against.
        people: the declared population.
        items: size of the public catalogue.
        history: items a person has typically met, where that is public.
        features: whether items have public text, genres or years.
        timed: whether events come with times.
        shares: relative shares that replace the planned ones.
        recipe: knobs that replace the planned ones.

    Raises:
        PlanError, RecipeError: what was declared or replaced does not fit.
    """
    declared = Declared(
        people=people,
        items=items,
        noise=least_noise(guarantee.epsilon, guarantee.delta),
        history=history,
        features=features,
        timed=timed,
    )
    return make_plan(declared, shares=shares, recipe=recipe)


def noise_of(plan: Plan, guarantee: Guarantee) -> list[PlannedRound]:
    """Return noise and rate of each of a plan's rounds; everyone is in every round.

    Raises:
        CalibrationError: no noise meets the budget.
    """
    return calibrate(guarantee, share_budget([share for _, share in plan.shares], sampling_rate=1.0))
