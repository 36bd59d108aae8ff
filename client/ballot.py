"""The device's side of the ballot: it ranks its own latest events as if they were still to come."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.ballot import HIDDEN, BallotInput
from models.history import Ids

Values = NDArray[np.floating[Any]]
FLOOR = np.float32(1e-12)


def answers(question: BallotInput, items: Ids) -> Values:
    """Judge every way of blending by the latest events of each history.

    Each hidden event is ranked by what came before it alone, among the items not met before. What a way gains
    over popularity is brought to norm 1 for every person, whoever gains much or little.

    Args:
        question: the round's input.
        items: (people, n) distinct items of each, oldest first, n at least 2.

    Returns:
        (people, 2 x (ways - 1)) float64: gains in the whole catalogue, then in the share of it that is passed.
    """
    people, count = items.shape
    gained = np.zeros((people, 2, len(question.blends)))
    for hidden in range(1, min(HIDDEN, count - 1) + 1):
        rank = _ranks(question, items[:, :-hidden], items[:, -hidden])
        gained[:, 0] += 2 / np.log2(2 + rank)
        gained[:, 1] += 1 / np.log2(2 + 99 * rank / question.items)
    over = (gained - gained[:, :, :1])[:, :, 1:].reshape(people, -1)
    length = np.sqrt((over[:, None] @ over[:, :, None])[:, 0])
    return np.asarray(np.divide(over, length, out=np.zeros_like(over), where=length > 0))


def _ranks(question: BallotInput, met: Ids, wanted: Ids) -> Values:
    """Return how many unmet items each way puts at or above the wanted one, (people, ways)."""
    rivals = question.rivals
    unmet = (rivals != wanted[:, None]) & ~(met[:, :, None] == rivals).any(axis=1)
    counted = unmet * question.counts
    rank = np.empty((len(met), len(question.blends)))
    scored: dict[tuple[float, float], tuple[Values, Values, Values, Values, Values]] = {}
    for way, (taste, content, popularity, alpha, tau) in enumerate(question.blends.tolist()):
        if (alpha, tau) not in scored:
            scored[alpha, tau] = _parts(question, met, wanted, alpha=alpha, tau=tau)
        taste_all, content_all, taste_own, content_own, fade = scored[alpha, tau]
        every = fade * (taste * taste_all + content * content_all) + popularity * question.popularity[rivals]
        own = fade * (taste * taste_own + content * content_own) + popularity * question.popularity[wanted]
        rank[:, way] = ((every >= own[:, None]) * counted).sum(axis=1, dtype=np.float64)
    return rank


def _parts(
    question: BallotInput, met: Ids, wanted: Ids, *, alpha: float, tau: float
) -> tuple[Values, Values, Values, Values, Values]:
    """Score rivals and the wanted item by each part for one recency; the last is how far personalization fades in."""
    ages = np.arange(met.shape[1])[::-1]
    weights = (alpha + (1 - alpha) * np.exp(-ages / tau)).astype(np.float32)
    evidence = float(weights.sum(dtype=np.float64))
    found = []
    for inward, outward, covariance in (
        (question.taste_in, question.taste_out, question.taste_spread),
        (question.content, question.content, question.content_spread),
    ):
        person: Values = weights[None, None] @ inward[met]
        variance = (person @ covariance) @ person.transpose(0, 2, 1)
        person = person / np.sqrt(variance + FLOOR)
        all_scores = (person @ outward[question.rivals].T)[:, 0]
        own = (person @ outward[wanted][:, :, None])[:, 0, 0]
        found.append((all_scores, own))
    fade = np.float32(evidence / max(evidence + question.fade_in, math.ulp(0.0)))
    (taste_all, taste_own), (content_all, content_own) = found
    return taste_all, content_all, taste_own, content_own, np.asarray(fade)
