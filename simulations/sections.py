"""How a scenario says to train: by statistics rounds as planned, or by gradient rounds."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.gradient import GradientSettings
from models.plan import ORDER, Mechanism

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of a scenario: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class SharesSection(Section):
    """Relative shares of the budget that replace the planned ones; a round without a share is left out."""

    popularity: Positive
    moments: Positive | None = None
    item_context: Positive | None = None
    vote: Positive | None = None

    def given(self) -> dict[Mechanism, float]:
        """Return the shares by mechanism."""
        return {name: share for name in ORDER if (share := getattr(self, name)) is not None}


class KnobsSection(Section):
    """Knobs of the recipe that replace the planned ones; models/recipe.py says what each is."""

    scale_power: float | None = None
    feature_directions: int | None = None
    top_items: int | None = None
    near_window: int | None = None
    near_tau: float | None = None
    near_share: float | None = None
    rank_limit: int | None = None
    taste_blend: float | None = None
    numbers_per_item: int | None = None
    content_dimensions: int | None = None
    recency_floor: float | None = None
    recency_tau: float | None = None
    fade_in: float | None = None
    taste_weight: float | None = None
    content_weight: float | None = None
    popularity_weight: float | None = None


class MomentsTraining(Section):
    """Statistics rounds by plan, everyone in each; what stands here replaces what was planned."""

    mechanism: Literal["moments"]
    shares: SharesSection | None = None
    recipe: KnobsSection = KnobsSection()


class GradientTraining(Section):
    """A popularity round, then gradient rounds over Poisson cohorts.

    Noise buys few rounds; without noise more of them cost nothing but time.
    """

    mechanism: Literal["gradient"]
    rounds: Count
    rounds_without_noise: Count
    sampling_rate: Annotated[float, Field(gt=0, le=1)]
    popularity_share: Annotated[float, Field(gt=0, lt=1)]
    recipe: GradientSettings
