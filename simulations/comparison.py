"""Put a model beside the baselines: one split, one protocol, settings from validation."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.basis import log_popularity, positive_popularity
from models.content import content_table
from models.history import Float, Histories
from models.parameters import GlobalParameters
from models.preference import score
from models.quantize import quantized
from privacy.calibration import calibrate, share_budget
from privacy.noise import gaussian_on_grid, system_bits
from simulations.baselines import (
    EASE_PENALTIES,
    LARGEST_EASE,
    SVD_RANKS,
    Choice,
    best,
    ease,
    popularity,
    popularity_private,
    puresvd,
    singular_axes,
)
from simulations.metrics import Evaluation, Scorer, evaluate, paired_change
from simulations.scenario import PrivacySection
from simulations.split import Split

BASELINES = (
    "popularity",
    "popularity_private",
    "content_only",
    "content_popularity_private",
    "puresvd",
    "ease",
)
BY_CONTENT = ("content_only", "content_popularity_private")
"""Without public features they would rank by nothing, and are left out."""
POPULARITY_WEIGHTS = (0.25, 0.5, 1.0, 2.0)
"""Of log popularity, beside content of weight 1."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything measured on the test items.

    Args:
        released: the int8 model as devices run it.
        ndcg_change: released minus float, full-catalogue NDCG@10: mean and 95 % half width.
        baselines: by name; EASE only where items x items numbers fit, content only where there is any.
        choices: what validation chose for those that have a setting.
        split: the people judged.
    """

    released: Evaluation
    ndcg_change: tuple[float, float]
    baselines: Mapping[str, Evaluation]
    choices: Mapping[str, Choice[Any]]
    split: Split

    def groups(self) -> dict[str, dict[str, float]]:
        """Return NDCG@10 of light, medium and heavy people by method."""
        methods = {"penchant": self.released, **self.baselines}
        return {name: found.by_activity(self.split.train.lengths) for name, found in methods.items()}


def scorer_of(parameters: GlobalParameters) -> Scorer:
    """Rank by a model's float reference."""
    return lambda histories: score(parameters, histories)


def compare(
    parameters: GlobalParameters,
    split: Split,
    *,
    judged: Split,
    features: Float,
    privacy: PrivacySection,
    beside: Collection[str] = BASELINES,
    hear: Callable[[str], None] = lambda name: None,
) -> Comparison:
    """Evaluate the released model and the baselines on the test items.

    Args:
        parameters: trained, in float.
        split: the people whose training events the baselines see.
        judged: all of them or a sample, whose test items are looked for.
        features: (items, f) public item knowledge, for the baselines that rank by it.
        privacy: the budget that private popularity spends whole.
        beside: which of `BASELINES` to hold the model against.
        hear: hears what is judged now.
    """
    hear("the release")
    released = evaluate(scorer_of(quantized(parameters)), judged, "test")
    plain = evaluate(scorer_of(parameters), judged, "test")
    items, train = parameters.items, split.train
    known = PublicModel(content_table(features, dimensions=48), parameters)

    def by_svd() -> Choice[int]:
        axes = singular_axes(train, items, rank=max(SVD_RANKS))
        return best(lambda rank: puresvd(axes, rank=rank), SVD_RANKS, judged)

    build: dict[str, Callable[[], Scorer | Choice[Any]]] = {
        "popularity": lambda: popularity(train, items),
        "popularity_private": lambda: private_popularity(train, items, privacy),
        "content_only": lambda: known.scorer(0 * parameters.bias),
        "content_popularity_private": lambda: known.with_popularity(train, judged, privacy),
        "puresvd": by_svd,
        "ease": lambda: best(lambda penalty: ease(train, items, penalty=penalty), EASE_PENALTIES, judged),
    }
    found: dict[str, Evaluation] = {}
    choices: dict[str, Choice[Any]] = {}
    for name in BASELINES:
        fits = items <= LARGEST_EASE if name == "ease" else name not in BY_CONTENT or features.any()
        if name in beside and fits:
            hear(name)
            made = build[name]()
            if isinstance(made, Choice):
                choices[name] = made
            found[name] = evaluate(made.scorer if isinstance(made, Choice) else made, judged, "test")
    return Comparison(
        released=released,
        ndcg_change=paired_change(released.ndcg, plain.ndcg),
        baselines=found,
        choices=choices,
        split=judged,
    )


def private_popularity(train: Histories, items: int, privacy: PrivacySection) -> Scorer:
    """Spend the whole budget on popularity, by the same noise the rounds draw."""
    return popularity_private(train, _whole_noise(items, privacy)[0])


@dataclass(frozen=True, slots=True)
class PublicModel:
    """Public item knowledge with the recency of a model, and nothing learnt but perhaps popularity.

    Args:
        content: (items, d) content table.
        like: the model whose recency is used.
    """

    content: Float
    like: GlobalParameters

    def scorer(self, bias: NDArray[np.floating[Any]]) -> Scorer:
        """Rank by content, plus a bias that is the same for everyone."""
        nothing = self.like.taste_in[:, :0]
        return scorer_of(
            GlobalParameters(
                taste_in=nothing,
                taste_out=nothing,
                content=self.content,
                bias=bias.astype(np.float32),
                alpha=self.like.alpha,
                tau=self.like.tau,
                fade_in=self.like.fade_in,
                taste_weight=0.0,
                content_weight=1.0,
            )
        )

    def with_popularity(self, train: Histories, judged: Split, privacy: PrivacySection) -> Choice[float]:
        """Spend the whole budget on popularity and add it to content, with a weight chosen on validation."""
        noise, std = _whole_noise(self.like.items, privacy)
        weight = 1 / np.sqrt(np.maximum(train.lengths, 1))[train.owners()]
        mean = (np.bincount(train.item, weight, len(noise)) + noise) / train.people
        noisy = log_popularity(
            positive_popularity(mean, std=std / train.people, population=float(train.people))
        )
        return best(lambda share: self.scorer(share * noisy), POPULARITY_WEIGHTS, judged)


def _whole_noise(items: int, privacy: PrivacySection) -> tuple[NDArray[np.float64], float]:
    """Draw the noise of one round that spends everything, and give its standard deviation."""
    (planned,) = calibrate(privacy.guarantee(), share_budget([1.0], sampling_rate=1.0))
    std = planned.noise_multiplier
    noise = gaussian_on_grid(items, std=std, scale_bits=privacy.scale_bits, bits=system_bits())
    return np.ldexp(noise.astype(np.float64), -privacy.scale_bits), std
