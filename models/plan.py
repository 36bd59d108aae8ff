"""The plan: what each round asks and what it may spend, chosen before anything is spent.

It rests on what a line declares and on what everyone may know. Nothing private is looked at; the second look, after
the popularity round, and the third, after the moments, read nothing but those rounds' releases.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from models.evidence import LEAST_POPULARITY, MOMENTS_SHARE, Declared, Evidence, PlanError
from models.plan_words import Choice, in_words
from models.recipe import RecipeSettings

Mechanism = Literal["popularity", "moments", "item_context", "vote"]
Gate = Literal["open", "shut", "look", "forced"]
"""Tastes are looked for, or not; or the popularity round's release decides; or the scenario did."""
ORDER: tuple[Mechanism, ...] = ("popularity", "moments", "item_context", "vote")
Shares = tuple[tuple[Mechanism, float], ...]
LARGEST_POPULARITY_SHARE, LARGEST_POPULARITY_SHARE_ALONE = 0.4, 0.6
"""With public features or long histories, and with neither."""
CLEAR_POPULARITY, CLEAR_POPULARITY_OF_SHORT = 6.0, 2.4
"""Its share grows from 1/7 where mean popularity over noise is small: as the first over that figure's square where
histories are long, unless features stand in for it, and as the second over the figure where they are short."""
COMPANY_SHARE, NEAR_SHARE = 0.58, 0.8
"""Where public features help to find tastes: the item x context round's part of what popularity and the vote leave,
since its noise costs more than that of the moments; and what counts as near, more than without noise."""
VOTE_SHARE, LARGEST_VOTE_SHARE = 0.01, 0.08
VOTES_TOLD_APART = 113.0
"""The vote's share is (113 s / N)² where that lies between the two: the votes of one in 113 are its noise."""
MANY_TOP_ITEMS, DIRECTIONS_FOR_MANY = 400, 10_000.0
"""Where so many directions stand above the noise, so many items get one of their own."""
RANK_BESIDE_CONTENT = 16
"""Most tastes under noise where items have features: the rest of an item's numbers are their content's."""

RECIPE = RecipeSettings(
    scale_power=0.4,
    feature_directions=32,
    top_items=128,
    near_window=12,
    near_tau=5.0,
    near_share=0.65,
    rank_limit=20,
    taste_blend=0.25,
    numbers_per_item=64,
    content_dimensions=64,
    recency_floor=0.01,
    recency_tau=5.0,
    fade_in=0.5,
    taste_weight=1.0,
    content_weight=0.65,
    popularity_weight=0.8,
)
"""What every plan starts from; WHY.md says what the choices gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Rounds and recipe of one line.

    Args:
        declared: what it rests on.
        gate: whether tastes are looked for.
        shares: (mechanism, share of the budget) of each round, in order.
        recipe: what the rounds ask and what is made of the answers.
        choices: all of it in words.
    """

    declared: Declared
    gate: Gate
    shares: Shares
    recipe: RecipeSettings
    choices: tuple[Choice, ...]

    @property
    def votes(self) -> bool:
        """Whether devices choose among ways of blending in the end."""
        return self.shares[-1][0] == "vote"

    def opens(self, root_history: float) -> bool:
        """Look again, once the popularity round has told the mean root of history lengths.

        A shut line stays shut; an open one can still be shut.
        """
        if self.gate in ("shut", "forced"):
            return self.gate == "forced"
        return self.declared.suffices(self.declared.evidence(root_history))

    def pays(self, found: float, root_history: float) -> bool:
        """Look a third time, once the moments round has told how many tastes stand above the noise.

        Args:
            found: their fidelities, added up.
            root_history: what the popularity round told.
        """
        if self.gate == "forced" or not self.declared.noise:
            return True
        least = self.declared.least_found(self.declared.evidence(root_history))
        return found >= min(least, self.recipe.rank_limit / 2)

    def result(self) -> dict[str, Any]:
        """Return the plan as result.json holds it."""
        return {
            "gate": self.gate,
            "shares": dict(self.shares),
            "choices": [
                {"choice": each.name, "value": each.value, "because": each.because} for each in self.choices
            ],
        }


def make_plan(
    declared: Declared,
    *,
    shares: Mapping[Mechanism, float] | None = None,
    recipe: Mapping[str, Any] | None = None,
) -> Plan:
    """Choose rounds, shares and recipe.

    Args:
        declared: what the plan may depend on.
        shares: relative shares that replace the chosen ones; with "moments" tastes are looked for whatever
            the evidence, without it never.
        recipe: knobs that replace the chosen ones.

    Raises:
        PlanError, RecipeError: a replacement does not fit.
    """
    evidence = declared.assumed
    gate = _gate(declared, evidence)
    chosen = _shares(declared, evidence, gate)
    if shares is not None:
        chosen = _given(shares)
        gate = "forced" if "moments" in shares else "shut"
    knobs = replace(RECIPE, **{**_knobs(declared, evidence), **(recipe or {})})
    words = in_words(declared, evidence, gate, dict(chosen), knobs, given=shares is not None)
    return Plan(declared=declared, gate=gate, shares=chosen, recipe=knobs, choices=words)


def _gate(declared: Declared, evidence: Evidence) -> Gate:
    if declared.history is None:
        return "look" if declared.noise else "open"
    return "open" if declared.suffices(evidence) else "shut"


def _shares(declared: Declared, evidence: Evidence, gate: Gate) -> Shares:
    """Split the budget: the vote what it needs, popularity more where it is faint, the other two the rest."""
    needed = (VOTES_TOLD_APART * declared.noise / declared.people) ** 2
    vote = min(max(needed, VOTE_SHARE), LARGEST_VOTE_SHARE)
    if gate == "shut":
        if not declared.features:
            return (("popularity", 1.0),)
        return (("popularity", 1 - vote), ("vote", vote))
    known = declared.features and evidence.long
    first = _popularity_share(declared, evidence) * (1 - vote)
    rest = 1 - vote - first
    company = (COMPANY_SHARE if known else 0.5) * rest
    return (("popularity", first), ("moments", rest - company), ("item_context", company), ("vote", vote))


def _popularity_share(declared: Declared, evidence: Evidence) -> float:
    """Return popularity's part of what the vote leaves: who gives up less of it has less to win back by tastes."""
    told, most = max(evidence.popularity, 1e-6), LARGEST_POPULARITY_SHARE
    if not evidence.long:
        faint = CLEAR_POPULARITY_OF_SHORT / told
        most = LARGEST_POPULARITY_SHARE if declared.features else LARGEST_POPULARITY_SHARE_ALONE
    elif declared.features and evidence.popularity >= LEAST_POPULARITY:
        faint = 0.0
    else:
        faint = CLEAR_POPULARITY / told**2
    return min(max(faint, 1 - 2 * MOMENTS_SHARE), most)


def _given(shares: Mapping[Mechanism, float]) -> Shares:
    """Order and scale the scenario's shares."""
    if "popularity" not in shares or ("moments" in shares) != ("item_context" in shares):
        raise PlanError("shares need popularity, and moments and item_context together or neither")
    if not all(0 < share < math.inf for share in shares.values()):
        raise PlanError("every share must be positive; leave a round out by leaving its share out")
    total = sum(shares.values())
    return tuple((name, shares[name] / total) for name in ORDER if name in shares)


def _knobs(declared: Declared, evidence: Evidence) -> dict[str, Any]:
    """Return what of the recipe depends on the declaration."""
    knobs: dict[str, Any] = {}
    if not declared.features:
        knobs |= {"feature_directions": 0, "content_dimensions": 0}
    elif declared.noise:
        knobs["rank_limit"] = RANK_BESIDE_CONTENT
        if evidence.long:
            knobs["near_share"] = NEAR_SHARE
    if evidence.directions >= DIRECTIONS_FOR_MANY:
        knobs["top_items"] = MANY_TOP_ITEMS
    if not declared.timed:
        knobs |= {"recency_floor": 1.0, "near_share": 0.0}
    return knobs
