"""The gradient recipe: where the tables start, how the server steps, how the result scores."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from models.basis import log_popularity
from models.content import content_table
from models.errors import ModelError
from models.history import Float
from models.parameters import GlobalParameters

Wide = NDArray[np.float64]


class GradientRecipeError(ModelError):
    """A setting of the gradient recipe is out of range: the caller mends the scenario."""

    code: ClassVar[str] = "gradient_recipe_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientSettings:
    """Every knob of gradient rounds but the private ones.

    Args:
        dimensions: numbers of taste_in, and of taste_out, per item.
        initial_scale: length of the rows the tables start with, directions of the public features.
        alpha: recency floor in the training objective.
        tau: recency decay in the training objective, in events.
        folds: stretches a history is cut into.
        local_steps: gradient steps on the device, each on another stretch.
        local_learning_rate: how far each moves the device's tables; 0 averages gradients at one point.
        server_optimizer: the server's inner step.
        server_learning_rate: its rate.
        momentum: its momentum, or Adam's first beta.
        average_share: share of the last rounds whose tables are averaged into the release.
        content_dimensions: most numbers of the content row.
        recency_floor: weight of the oldest event in ranking, the latest having 1.
        recency_tau: decay of that weight, in events.
        fade_in: evidence at which personalization has half its strength.
        taste_weight: weight of the learnt part of a score.
        content_weight: weight of the public part.
        popularity_weight: weight of standardized log popularity.
    """

    dimensions: int
    initial_scale: float
    alpha: float
    tau: float
    folds: int
    local_steps: int
    local_learning_rate: float
    server_optimizer: Literal["sgd", "adam"]
    server_learning_rate: float
    momentum: float
    average_share: float
    content_dimensions: int
    recency_floor: float
    recency_tau: float
    fade_in: float
    taste_weight: float
    content_weight: float
    popularity_weight: float

    def __post_init__(self) -> None:
        if self.dimensions < 1 or self.content_dimensions < 0:
            raise GradientRecipeError("dimensions must be positive and content_dimensions not negative")
        if not (0 < self.average_share <= 1 and 0 <= self.momentum < 1 and self.server_learning_rate > 0):
            raise GradientRecipeError(
                "average_share must be in (0, 1], momentum in [0, 1) and server_learning_rate positive"
            )


def initial_tables(features: Float, settings: GradientSettings) -> Float:
    """Start both tables where public knowledge points: alike items close together.

    Args:
        features: (items, f) public item knowledge; where it has fewer directions, the rest starts at zero.
        settings: dimensions and scale.

    Returns:
        (2, items, d) float32: taste_in, then taste_out.
    """
    rows = content_table(features, dimensions=settings.dimensions)
    table = np.zeros((len(features), settings.dimensions), np.float32)
    table[:, : rows.shape[1]] = settings.initial_scale * rows
    return np.stack([table, table])


def assemble_gradient(
    tables: Float, popularity: Wide, features: Float, settings: GradientSettings
) -> GlobalParameters:
    """Put together what a release publishes.

    Args:
        tables: (2, items, d) float32, taste_in and taste_out.
        popularity: (items,) positive.
        features: (items, f) public item knowledge.
        settings: how the result scores.
    """
    logs = log_popularity(popularity)
    return GlobalParameters(
        taste_in=tables[0],
        taste_out=tables[1],
        content=content_table(features, dimensions=settings.content_dimensions, log_popularity=logs),
        bias=(settings.popularity_weight * logs).astype(np.float32),
        alpha=settings.recency_floor,
        tau=settings.recency_tau,
        fade_in=settings.fade_in,
        taste_weight=settings.taste_weight,
        content_weight=settings.content_weight,
    )
