"""Put a model beside the baselines: one split, one protocol, settings from validation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

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


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything measured on the test items.

    Args:
        released: the int8 model as devices run it.
        ndcg_change: released minus float, full-catalogue NDCG@10: mean and 95 % half width.
        baselines: by name; EASE only where items x items numbers fit.
        lengths: (people,) training events, for activity groups.
    """

    released: Evaluation
    ndcg_change: tuple[float, float]
    baselines: Mapping[str, Evaluation]
    split: Split

    def groups(self) -> dict[str, dict[str, float]]:
        """Return NDCG@10 of light, medium and heavy people by method."""
        methods = {"penchant": self.released, **self.baselines}
        return {name: found.by_activity(self.split.train.lengths) for name, found in methods.items()}


def scorer_of(parameters: GlobalParameters) -> Scorer:
    """Rank by a model's float reference."""
    return lambda histories: score(parameters, histories)


def compare(
    parameters: GlobalParameters, split: Split, *, judged: Split, features: Float, privacy: PrivacySection
) -> Comparison:
    """Evaluate the released model and every baseline on the test items.

    Args:
        parameters: trained, in float.
        split: the people whose training events the baselines see.
        judged: all of them or a sample, whose test items are looked for.
        features: (items, f) public item knowledge, for the content-only baseline.
        privacy: the budget that private popularity spends whole.
    """
    released = evaluate(scorer_of(quantized(parameters)), judged, "test")
    plain = evaluate(scorer_of(parameters), judged, "test")
    items, train = parameters.items, split.train
    axes = singular_axes(train, items, rank=max(SVD_RANKS))
    scorers = {
        "popularity": popularity(train, items),
        "popularity_private": private_popularity(train, items, privacy),
        "content_only": content_only(features, like=parameters),
        "puresvd": best(lambda rank: puresvd(axes, rank=rank), SVD_RANKS, judged)[0],
    }
    if items <= LARGEST_EASE:
        scorers["ease"] = best(lambda penalty: ease(train, items, penalty=penalty), EASE_PENALTIES, judged)[0]
    return Comparison(
        released=released,
        ndcg_change=paired_change(released.ndcg, plain.ndcg),
        baselines={name: evaluate(scorer, judged, "test") for name, scorer in scorers.items()},
        split=judged,
    )


def private_popularity(train: Histories, items: int, privacy: PrivacySection) -> Scorer:
    """Spend the whole budget on popularity, by the same noise the rounds draw."""
    (planned,) = calibrate(privacy.guarantee(), share_budget([1.0], sampling_rate=1.0))
    noise = gaussian_on_grid(
        items, std=planned.noise_multiplier, scale_bits=privacy.scale_bits, bits=system_bits()
    )
    return popularity_private(train, np.ldexp(noise.astype(np.float64), -privacy.scale_bits))


def content_only(features: Float, *, like: GlobalParameters) -> Scorer:
    """Rank by public item knowledge alone, with the same recency as the model: it costs no privacy."""
    nothing = like.taste_in[:, :0]
    return scorer_of(
        GlobalParameters(
            taste_in=nothing,
            taste_out=nothing,
            content=content_table(features, dimensions=48),
            bias=0 * like.bias,
            alpha=like.alpha,
            tau=like.tau,
            fade_in=like.fade_in,
            taste_weight=0.0,
            content_weight=1.0,
        )
    )
