"""Made populations from dense to very sparse, and the recipe over them by plain sums and seeded noise."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from client.statistics import contribution_sum
from models.history import Float, Histories
from models.inputs import RoundInput
from models.plan import Mechanism, Plan
from models.streams import stream
from privacy.gaussian import least_noise
from privacy.terms import RELATION, UNIT, Guarantee, largest_delta
from server.learning import Learner, Learnt
from server.plan import plan_line
from simulations.baselines import popularity_private
from simulations.comparison import scorer_of
from simulations.metrics import Evaluation, evaluate
from simulations.split import Split, draw_negatives

BITS = 30
TASTES = 10


@dataclass(frozen=True, slots=True)
class Population:
    """People, what is publicly known of the items, and what is to be found."""

    split: Split
    features: Float

    @property
    def items(self) -> int:
        """Size of the catalogue."""
        return len(self.features)


def populate(*, people: int, items: int, events: int, features: str, seed: int = 1) -> Population:
    """Draw people who meet popular items more often, and items of their own taste.

    Args:
        people: how many.
        items: size of the catalogue.
        events: a person's events at the median.
        features: "text" that says what an item is like, "noise" that says nothing, or "none".
        seed: of everything drawn.
    """
    draw = stream(seed, "population", people, items)
    likeness = _unit(draw.normal(size=(30, TASTES)))[draw.integers(0, 30, items)]
    likeness = _unit(likeness + 0.15 * draw.normal(size=(items, TASTES)))
    logits = -0.8 * np.log(draw.permutation(items) + 5.0)
    met: list[NDArray[np.int32]] = []
    for length in np.clip(draw.lognormal(np.log(events), 0.6, people), 4, items // 3).astype(int):
        wanted = logits + 2.5 * (likeness @ _unit(draw.normal(size=(1, TASTES)))[0])
        met.append(np.argsort(-(wanted + draw.gumbel(size=items)))[:length].astype(np.int32))
        draw.shuffle(met[-1])
    lengths = np.array([len(row) - 2 for row in met])
    split = Split(
        train=Histories(np.concatenate([[0], np.cumsum(lengths)]), np.concatenate([row[:-2] for row in met])),
        validation=np.array([row[-2] for row in met], np.int32),
        test=np.array([row[-1] for row in met], np.int32),
        negatives=np.stack([draw_negatives(row, items, draw) for row in met]),
    )
    said = {
        "text": _unit(np.concatenate([likeness, 0.3 * draw.normal(size=(items, 8))], axis=1)),
        "noise": _unit(draw.normal(size=(items, 24))),
        "none": np.zeros((items, 0)),
    }
    return Population(split, said[features].astype(np.float32))


def learn(
    population: Population,
    *,
    epsilon: float,
    seed: int,
    shares: Mapping[Mechanism, float] | None = None,
    history: float | None = None,
) -> tuple[Plan, Learnt]:
    """Plan and carry every round over a population, with noise of a seed in place of the system's."""
    people = population.split.people
    plan = plan_line(
        guarantee(population, epsilon),
        people=people,
        items=population.items,
        history=history,
        features=bool(population.features.size),
        timed=True,
        shares=shares,
    )
    noise = iter([plan.declared.noise / share**0.5 for _, share in plan.shares])
    draw = stream(seed, "noise")

    def ask(mechanism: Mechanism, question: RoundInput) -> tuple[NDArray[np.float64], float]:
        total = contribution_sum(question, population.split.train, clipping_norm=1.0, scale_bits=BITS)
        std = next(noise)
        return (np.ldexp(total, -BITS) + draw.normal(size=len(total)) * std) / people, std / people

    learner = Learner(plan, features=population.features, ask=ask, observe=lambda label, parameters: None)
    return plan, learner.learn()


def guarantee(population: Population, epsilon: float) -> Guarantee:
    """Return the budget of a line over a population."""
    return Guarantee(
        epsilon=epsilon,
        delta=largest_delta(population.split.people),
        unit=UNIT,
        neighboring_relation=RELATION,
        trust="central",
    )


def ours(
    population: Population, *, epsilon: float, seed: int, shares: Mapping[Mechanism, float] | None = None
) -> Evaluation:
    """Evaluate what the plan's rounds give."""
    _, learnt = learn(population, epsilon=epsilon, seed=seed, shares=shares)
    return evaluate(scorer_of(learnt.parameters), population.split, "test")


def private_popularity(population: Population, *, epsilon: float, seed: int) -> Evaluation:
    """Evaluate popularity with all of the budget."""
    whole = guarantee(population, epsilon)
    noise = stream(seed, "noise of popularity").normal(size=population.items) * least_noise(
        whole.epsilon, whole.delta
    )
    return evaluate(popularity_private(population.split.train, noise), population.split, "test")


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
