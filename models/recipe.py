"""The three-round recipe: popularity, then tastes, then the company each item keeps, then the parameters.

    basis = basis_of(popularity, ...)       ask moments_input(basis, settings)
    tastes = find_tastes(...)               ask context_input(basis, tastes, settings)
    publish(taste_tables(basis, tastes, context, settings), ...) -> GlobalParameters

Every step is a pure function of released statistics and public features. How many tastes there are follows from
what stands above the noise edge.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from models.ballot import Blend
from models.basis import Basis, build_basis
from models.content import content_table
from models.errors import ModelError
from models.history import Float
from models.inputs import ContextInput, MomentsInput, Nearness, PopularityInput
from models.parameters import GlobalParameters
from models.spectral import unit
from models.tastes import Tastes, company

Wide = NDArray[np.float64]


class RecipeError(ModelError):
    """A setting of the recipe is out of range: the caller mends the scenario."""

    code: ClassVar[str] = "recipe_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeSettings:
    """Every knob of the recipe; none decides privacy.

    Args:
        scale_power: how strongly rare items are lifted: item scale = relative popularity ** -scale_power.
        feature_directions: directions of the public features in the basis of the moments round.
        top_items: most popular items with a direction of their own in that basis.
        near_window: events of one person at most so far apart count as near.
        near_tau: decay of nearness, in events.
        near_share: part that near events have beside all events of a person, in [0, 1].
        rank_limit: most tastes kept.
        taste_blend: part of the plain taste in the output table beside the company an item keeps.
        numbers_per_item: taste in, taste out and content of an item hold at most so many numbers together.
        content_dimensions: most numbers of the content row; tastes come first.
        recency_floor: weight of the oldest event of a history, the latest having 1.
        recency_tau: decay of that weight, in events.
        fade_in: evidence at which personalization has half its strength.
        taste_weight: weight of the learnt part of a score.
        content_weight: weight of the public part.
        popularity_weight: weight of standardized log popularity.
    """

    scale_power: float
    feature_directions: int
    top_items: int
    near_window: int
    near_tau: float
    near_share: float
    rank_limit: int
    taste_blend: float
    numbers_per_item: int
    content_dimensions: int
    recency_floor: float
    recency_tau: float
    fade_in: float
    taste_weight: float
    content_weight: float
    popularity_weight: float

    def __post_init__(self) -> None:
        if self.feature_directions < 0 or self.top_items < 0 or self.feature_directions + self.top_items < 1:
            raise RecipeError(
                "feature_directions and top_items must not be negative, and one must be positive"
            )
        if not 2 <= 2 * self.rank_limit <= self.numbers_per_item:
            raise RecipeError("rank_limit must be at least 1 and at most half of numbers_per_item")
        if self.content_dimensions < 0:
            raise RecipeError("content_dimensions must not be negative")

    @property
    def near(self) -> Nearness:
        """How closeness in time counts, in both rounds that use it."""
        return Nearness(window=self.near_window, tau=self.near_tau, share=self.near_share)


def popularity_input(items: int) -> PopularityInput:
    """Ask the popularity round's question."""
    return PopularityInput(items=items)


def basis_of(popularity: Wide, features: Float, settings: RecipeSettings) -> Basis:
    """Build the public basis from released popularity.

    Args:
        popularity: (items,) positive.
        features: (items, f) public item knowledge, f may be 0.
        settings: the recipe's knobs.
    """
    return build_basis(
        popularity,
        features,
        scale_power=settings.scale_power,
        feature_directions=settings.feature_directions,
        top_items=settings.top_items,
    )


def moments_input(basis: Basis, settings: RecipeSettings, *, spared: int) -> MomentsInput:
    """Ask the moments round's question: what occurs together along the basis."""
    projection = (basis.scale[:, None] * basis.table).astype(np.float32)
    return MomentsInput(projection=projection, near=settings.near, spared=spared)


def context_input(basis: Basis, tastes: Tastes, settings: RecipeSettings, *, spared: int) -> ContextInput:
    """Ask the item x context round's question: which tastes surround each item."""
    table = basis.scale[:, None] * tastes.table * np.sqrt(tastes.fidelity)
    return ContextInput(
        tastes=table.astype(np.float32),
        scale=basis.scale.astype(np.float32),
        near=settings.near,
        spared=spared,
    )


def default_blend(settings: RecipeSettings) -> Blend:
    """Weigh parts as the recipe says: before a vote, and without one."""
    return Blend(
        taste=settings.taste_weight,
        content=settings.content_weight,
        popularity=settings.popularity_weight,
        alpha=settings.recency_floor,
        tau=settings.recency_tau,
    )


def taste_tables(
    basis: Basis, tastes: Tastes, context: Wide, settings: RecipeSettings
) -> tuple[Float, Float]:
    """Make the two tables of the learnt part.

    A history speaks by what its items are (scaled tastes) and by the company they keep, half and half; an
    item answers by the company it keeps and a part of its plain taste.

    Args:
        basis: after the popularity round.
        tastes: after the moments round.
        context: (items, r) noisy mean of the item x context round.
        settings: the recipe's knobs.

    Returns:
        What history items say and what items answer, (items, r) float32 each.
    """
    around = company(context, basis)
    reliable = np.sqrt(tastes.fidelity)
    inward = around + unit(basis.scale[:, None] * tastes.table, axis=0) * reliable
    outward = around + settings.taste_blend * tastes.table * reliable
    return inward.astype(np.float32), outward.astype(np.float32)


def publish(
    tables: tuple[Float, Float] | None,
    log_popularity: Wide,
    features: Float,
    blend: Blend,
    settings: RecipeSettings,
) -> GlobalParameters:
    """Put together what a release publishes; a part that counts for nothing is left out.

    Args:
        tables: the learnt part, where tastes were found.
        log_popularity: (items,) standardized.
        features: (items, f) public item knowledge, f may be 0.
        blend: how the parts are weighed.
        settings: the recipe's knobs.
    """
    nothing = np.zeros((len(log_popularity), 0), np.float32)
    taste_in, taste_out = tables if tables and blend.taste else (nothing, nothing)
    room = min(settings.content_dimensions, settings.numbers_per_item - 2 * taste_in.shape[1])
    content = nothing
    if blend.content:
        content = content_table(features, dimensions=room, log_popularity=log_popularity)
    return GlobalParameters(
        taste_in=taste_in,
        taste_out=taste_out,
        content=content,
        bias=(blend.popularity * log_popularity).astype(np.float32),
        alpha=blend.alpha,
        tau=blend.tau,
        fade_in=settings.fade_in,
        taste_weight=blend.taste,
        content_weight=blend.content,
    )
