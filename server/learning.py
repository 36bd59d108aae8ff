"""Learn a release from a plan's rounds, whoever carries them: a fleet, or a test's plain sums.

    ask(mechanism, question) -> (noisy mean, noise on each of its values)

Each call spends the plan's next share. Where no taste is worth looking for, or none was found, what is left of the
budget goes to popularity: two measurements at shares a and b tell together what one tells at a + b.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.ballot import HIDDEN, Blend, ballot, elect, ways
from models.basis import Basis
from models.history import Float
from models.inputs import RoundInput
from models.parameters import GlobalParameters
from models.plan import Mechanism, Plan
from models.popularity import Popularity
from models.recipe import (
    basis_of,
    context_input,
    default_blend,
    moments_input,
    popularity_input,
    publish,
    taste_tables,
)
from models.streams import stream
from models.tastes import Tastes, find_tastes
from privacy.moments import to_matrix

Wide = NDArray[np.float64]
Ask = Callable[[Mechanism, RoundInput], tuple[Wide, float]]
Observe = Callable[[str, GlobalParameters], None]
"""Hears what a round was called and the parameters a release would publish after it."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the rounds gave.

    Args:
        parameters: the model to release.
        rounds: what each round measured in fact.
        tastes: how many were found.
        blend: how parts and popularity are weighed, by vote or by the recipe.
    """

    parameters: GlobalParameters
    rounds: tuple[Mechanism, ...]
    tastes: int
    blend: Blend

    def result(self) -> dict[str, Any]:
        """Return what result.json says of it."""
        weights = {
            name: getattr(self.blend, name) for name in ("taste", "content", "popularity", "alpha", "tau")
        }
        return {"rounds": list(self.rounds), "tastes": self.tastes, "blend": weights}


class Learner:
    """One line's learning, round by round.

    Args:
        plan: what is asked and spent.
        features: (items, f) public item knowledge, f may be 0.
        ask: carries a round; its noise is that of the plan's share.
        observe: hears the model after each round.
    """

    def __init__(self, plan: Plan, *, features: Float, ask: Ask, observe: Observe) -> None:
        self._plan, self._features = plan, features
        self._carry, self._observe = ask, observe
        self._taken: list[Mechanism] = []

    def learn(self) -> Learnt:
        """Ask the plan's rounds and put together what they gave."""
        settings = self._plan.recipe
        popularity = self._popularity()
        found = self._tastes(popularity) if self._plan.opens(popularity.root_history) else None
        while self._left:
            popularity = self._popularity(popularity)
        tables = found and taste_tables(*found, settings)
        among = ways(
            content=bool(settings.content_dimensions and self._features.size),
            tastes=tables is not None,
            timed=self._plan.declared.timed,
        )
        blend = default_blend(settings) if among.grids else among.plain
        if self._plan.votes and among.grids:
            whole = replace(blend, taste=1.0, content=1.0)
            model = publish(tables, popularity.logs, self._features, whole, settings)
            question = ballot(
                model, popularity, among, stream(0, "rivals"), spared=self._spared if tables else 0
            )
            mean, std = self._ask("vote", question)
            blend = elect(mean, among, std=std)
        elif self._plan.votes:
            popularity = self._popularity(popularity)
        model = publish(tables, popularity.logs, self._features, blend, settings)
        self._observe(" x ".join(self._taken[-1].split("_")), model)
        return Learnt(model, tuple(self._taken), found[1].rank if found else 0, blend)

    @property
    def _left(self) -> int:
        """Rounds before the vote that are still to be asked."""
        return len(self._plan.shares) - self._plan.votes - len(self._taken)

    @property
    def _spared(self) -> int:
        """Events that devices keep out of what is learnt, since their vote is to be judged by them."""
        return HIDDEN if self._plan.votes else 0

    def _ask(self, mechanism: Mechanism, question: RoundInput) -> tuple[Wide, float]:
        self._taken.append(mechanism)
        return self._carry(mechanism, question)

    def _popularity(self, known: Popularity | None = None) -> Popularity:
        mean, std = self._ask("popularity", popularity_input(len(self._features)))
        people = self._plan.declared.people
        popularity = known.and_again(mean, std) if known else Popularity(mean, std, people)
        self._show(popularity, None)
        return popularity

    def _tastes(self, popularity: Popularity) -> tuple[Basis, Tastes, Wide] | None:
        """Look for tastes, and for the company items keep where there are any."""
        settings = self._plan.recipe
        basis = basis_of(popularity.positive, self._features, settings)
        mean, std = self._ask("moments", moments_input(basis, settings, spared=self._spared))
        tastes = find_tastes(to_matrix(mean), basis, std=std, rank_limit=settings.rank_limit)
        if tastes is None or not self._plan.pays(float(tastes.fidelity.sum()), popularity.root_history):
            return None
        self._show(popularity, (basis, tastes, np.zeros((len(basis.scale), tastes.rank))))
        mean, _ = self._ask("item_context", context_input(basis, tastes, settings, spared=self._spared))
        found = basis, tastes, mean.reshape(len(basis.scale), tastes.rank)
        self._show(popularity, found)
        return found

    def _show(self, popularity: Popularity, found: tuple[Basis, Tastes, Wide] | None) -> None:
        """Let the observer hear what a release would be now."""
        settings = self._plan.recipe
        tables = taste_tables(*found, settings) if found else None
        label = " x ".join(self._taken[-1].split("_"))
        self._observe(
            label, publish(tables, popularity.logs, self._features, default_blend(settings), settings)
        )
