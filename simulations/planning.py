"""What `penchant-sim plan` shows: a line's plan and its reasons, from what is declared and public alone."""

import math

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from privacy.terms import RELATION, UNIT, Guarantee, largest_delta
from server.plan import noise_of, plan_line
from simulations.errors import SimulationError


class NothingToPlan(SimulationError):
    """A number on the command line cannot be planned for: the message names it and its range."""

    code = "plan_arguments_refused"


def show_plan(
    *,
    people: int,
    items: int,
    epsilon: float,
    delta: float | None,
    history: float | None,
    features: bool,
    timed: bool,
) -> None:
    """Print the plan of a line as a table.

    Args:
        people: the declared population, at least 2.
        items: size of the public catalogue, at least 1.
        epsilon: the line's budget, at most 100, or inf.
        delta: at most people ** -1.1, which it is where none is given.
        history: items a person has typically met, where that is public.
        features: whether items have public text, genres or years.
        timed: whether events come with times.

    Raises:
        NothingToPlan: a number is out of range.
        PlanError: history is.
    """
    guarantee = _guarantee(people, items, epsilon, delta)
    plan = plan_line(guarantee, people=people, items=items, history=history, features=features, timed=timed)
    rounds = noise_of(plan, guarantee)
    table = Table(
        title=f"{people:,} people, {items:,} items",
        caption=guarantee.statement(),
        box=SIMPLE_HEAD,
    )
    for column in ("what", "chosen", "because"):
        table.add_column(column, overflow="fold")
    for choice in plan.choices:
        table.add_row(choice.name, choice.value, choice.because)
    noise = ", ".join(
        f"{name.replace('_', ' x ')} {planned.noise_multiplier:.2f}"
        for (name, _), planned in zip(plan.shares, rounds, strict=True)
    )
    table.add_row("noise", noise, "deviation over clipping norm; everyone is in every round")
    Console(highlight=False).print(table)


def _guarantee(people: int, items: int, epsilon: float, delta: float | None) -> Guarantee:
    if people < 2 or items < 1:
        raise NothingToPlan(f"--people must be at least 2 and --items at least 1, not {people} and {items}")
    if not (0 < epsilon <= 100 or epsilon == math.inf):
        raise NothingToPlan(f"--epsilon must be above 0 and at most 100, or inf, not {epsilon:g}")
    limit = largest_delta(people)
    if delta is not None and not 0 < delta <= limit:
        raise NothingToPlan(f"--delta must be above 0 and at most N^-1.1 = {limit:.6g}, not {delta:g}")
    return Guarantee(
        epsilon=epsilon,
        delta=limit if delta is None else delta,
        unit=UNIT,
        neighboring_relation=RELATION,
        trust="central",
    )
