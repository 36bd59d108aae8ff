"""A plan in words: every choice with its reason, for whoever asks before anything is spent."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf

from models.evidence import LEAST_FOUND, LEAST_FOUND_IN_SHORT, Declared, Evidence
from models.recipe import RecipeSettings


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that was chosen.

    Args:
        name: what.
        value: how.
        because: why.
    """

    name: str
    value: str
    because: str


def in_words(
    declared: Declared,
    evidence: Evidence,
    gate: str,
    shares: Mapping[str, float],
    recipe: RecipeSettings,
    *,
    given: bool,
) -> tuple[Choice, ...]:
    """Say what was chosen and why.

    Args:
        declared: what the plan rests on.
        evidence: what it takes to be told from noise.
        gate: whether tastes are looked for.
        shares: of the budget, by mechanism.
        recipe: the knobs.
        given: whether the scenario set the shares.
    """
    choices = [_tastes(declared, evidence, gate), _budget(shares, given=given)]
    if gate != "shut":
        side = recipe.feature_directions + min(recipe.top_items, declared.items)
        choices += [
            Choice(
                "basis",
                _basis(declared, recipe),
                "text places items nobody met, an own direction places best",
            ),
            Choice(
                "upload", f"{side * (side + 1) // 2:,} numbers at most", f"a {side} x {side} symmetric matrix"
            ),
            Choice(
                "rank",
                f"at most {recipe.rank_limit} tastes",
                "as many as stand above the noise edge; taste in, taste out and content share "
                f"{recipe.numbers_per_item} numbers an item",
            ),
        ]
    if gate in ("open", "look") and declared.noise:
        choices.append(
            Choice(
                "third look",
                f"{_least_found(declared, evidence)}, or popularity gets what is left",
                "counted by fidelity once the moments are known: where less stands out, tastes win back less "
                "than popularity gives up for them",
            )
        )
    choices.append(
        Choice(
            "clipping",
            "norm 1",
            "contributions are scaled to norm 1 on the device, so clipping loses nothing",
        )
    )
    if "vote" in shares:
        choices.append(
            Choice(
                "blend",
                "by the devices' vote",
                "each judges ways of blending by its own latest events; one that is not surely better than "
                "popularity alone is not taken",
            )
        )
    if not declared.timed:
        choices.append(Choice("recency", "off", "there are no times, so order says nothing"))
    choices.append(
        Choice(
            "gradient rounds",
            "none",
            "statistics beat them at every epsilon measured, for 1k to 200k people",
        )
    )
    return tuple(choices)


def _tastes(declared: Declared, evidence: Evidence, gate: str) -> Choice:
    """Say whether tastes are looked for, with the two figures the gate compares."""
    least, directions = declared.least_popularity(evidence), declared.least_directions(evidence)
    value = {
        "open": "looked for",
        "shut": "not looked for: private popularity"
        + (", and content where the vote wants it" if declared.features else ""),
        "look": "the popularity round decides",
        "forced": "looked for",
    }[gate]
    if gate == "forced":
        return Choice("tastes", value, "the scenario says so")
    if isinf(evidence.popularity):
        return Choice("tastes", value, "without noise everything can be told")
    told = "" if declared.history is not None else ", taking a person to have met 20 items; measured after it"
    return Choice(
        "tastes",
        value,
        f"mean popularity is {evidence.popularity:.1f} times the noise (needs {least:g}), and a usual taste stands "
        f"above the noise in {evidence.directions:,.0f} directions (needs {directions:g}){told}",
    )


def _least_found(declared: Declared, evidence: Evidence) -> str:
    """Say how many tastes the third look wants."""
    if declared.history is None:
        return f"{LEAST_FOUND_IN_SHORT:g} tastes ({LEAST_FOUND:g} or more if histories are long)"
    return f"{declared.least_found(evidence):.2g} tastes"


def _budget(shares: Mapping[str, float], *, given: bool) -> Choice:
    parts = ", ".join(f"{name.replace('_', ' x ')} {share:.3f}" for name, share in shares.items())
    why = "1/noise² adds up over rounds; popularity gets more where it is faint and no text stands in for it"
    return Choice("budget", parts, "the scenario says so" if given else why)


def _basis(declared: Declared, recipe: RecipeSettings) -> str:
    parts = [f"the {min(recipe.top_items, declared.items)} most popular items"] if recipe.top_items else []
    if recipe.feature_directions:
        parts.append(f"{recipe.feature_directions} directions of text, genres and years")
    return " and ".join(parts)
