"""The device's side of the ballot: it ranks its own latest events as if they were still to come.

Ways that share a recency are scored in one sweep over many people. Every sum of floats runs over one person's own
values, and hits are counted in whole numbers, so nobody's bits depend on the company they are computed in.
"""

import math
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from client.portions import alike
from models.ballot import HIDDEN, BallotInput
from models.history import Float, Histories, Ids, history_weights, spared_events

Values = NDArray[np.floating[Any]]
FLOOR = np.float32(1e-12)
TOP = 10.0
"""Rank at which the answer for the whole catalogue is half of what it is at the top."""
LITTLE = 0.1
"""Root mean square of a person's gains below which they count for less than one vote."""


@dataclass(frozen=True, slots=True)
class _Recency:
    """The ways that look back alike.

    Args:
        alpha: floor of an event's weight.
        tau: decay in events.
        ways: their places on the ballot.
        weights: (3, ways, 1, 1) float32: taste, content and popularity of each.
    """

    alpha: float
    tau: float
    ways: list[int]
    weights: Float

    @property
    def personal(self) -> bool:
        """Whether any of them looks at what a person met."""
        return bool(self.weights[:2].any())


@dataclass(frozen=True, slots=True)
class _Told:
    """What histories say whose latest events are hidden, by how many are, by recency, by person.

    Args:
        taste: (hidden, recencies, people, r) float32, what their items say together.
        content: (hidden, recencies, people, c) float32, their public rows together.
        fade: (hidden, recencies, people) float32, how far personalization has faded in.
    """

    taste: Float
    content: Float
    fade: Float


def cells_of_one(question: BallotInput) -> int:
    """Return how many numbers one person makes at once."""
    return len(question.rivals) * max(len(recency.ways) for recency in _recencies(question))


def answers(question: BallotInput, people: Histories) -> Values:
    """Judge every way of blending by the latest events of each history.

    Each hidden event is ranked by what came before it alone, among the items not met before, and by the
    popularity that the item would have had without this person. What a way gains over popularity is brought to
    norm 1, or less where all gain and lose little: many who gain a place far down must not outvote few who lose
    one at the top.

    Args:
        question: the round's input.
        people: distinct items of each, oldest first, two at least.

    Returns:
        (people, 2 x (ways - 1)) float64: gains in the whole catalogue, then in the share of it that is passed.
    """
    recencies = _recencies(question)
    told = _tell(question, people, recencies)
    gained = np.zeros((people.people, 2, len(question.blends)))
    for hidden in range(1, HIDDEN + 1):
        able = np.flatnonzero(_judged(question, people.lengths) >= hidden)
        some = _Told(*(part[hidden - 1][:, able] for part in (told.taste, told.content, told.fade)))
        rank = _ranks(question, people.take(able), recencies, some, hidden)
        gained[able, 0] += 1 / (1 + rank / TOP)
        gained[able, 1] += 1 / np.log2(2 + 99 * rank / question.items)
    over = (gained - gained[:, :, :1])[:, :, 1:].reshape(people.people, -1)
    length = np.sqrt((over[:, None] @ over[:, :, None])[:, 0])
    return np.asarray(over / np.maximum(length, LITTLE * math.sqrt(over.shape[1])))


def _judged(question: BallotInput, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return by how many of their latest events people judge: those kept out of what was learnt.

    Where no tastes were learnt nothing had to be kept out, and everybody who met two items has one to judge by.
    """
    if question.spared:
        return spared_events(lengths, most=min(question.spared, HIDDEN))
    return np.where(lengths > 1, np.maximum(spared_events(lengths, most=HIDDEN), 1), 0)


def _recencies(question: BallotInput) -> list[_Recency]:
    """Gather the ways by how they look back."""
    recency = [(alpha, tau) for *_, alpha, tau in question.blends.tolist()]
    places = sorted(range(len(recency)), key=recency.__getitem__)
    gathered = [(key, list(ways)) for key, ways in groupby(places, recency.__getitem__)]
    return [
        _Recency(alpha, tau, ways, np.ascontiguousarray(question.blends[ways, :3].T)[..., None, None])
        for (alpha, tau), ways in gathered
    ]


def _tell(question: BallotInput, people: Histories, recencies: list[_Recency]) -> _Told:
    """Sum up what each history says without its latest events."""
    shape = HIDDEN, len(recencies), people.people
    taste, content = (
        np.zeros((*shape, table.shape[1]), np.float32) for table in (question.taste_in, question.content)
    )
    fade = np.zeros(shape, np.float32)
    for who, items in alike(people, event=taste.shape[-1] + content.shape[-1]):
        liked, known = question.taste_in[items], question.content[items]
        for left in range(max(items.shape[1] - HIDDEN, 1), items.shape[1]):
            hidden = items.shape[1] - left - 1
            for place, recency in enumerate(recencies):
                if recency.personal:
                    weights = history_weights(np.arange(left)[::-1], alpha=recency.alpha, tau=recency.tau)
                    taste[hidden, place, who] = (weights[None, None] @ liked[:, :left])[:, 0]
                    content[hidden, place, who] = (weights[None, None] @ known[:, :left])[:, 0]
                    evidence = float(weights.sum(dtype=np.float64))
                    fade[hidden, place, who] = evidence / max(evidence + question.fade_in, math.ulp(0.0))
    return _Told(taste, content, fade)


def _ranks(
    question: BallotInput, people: Histories, recencies: list[_Recency], told: _Told, hidden: int
) -> Values:
    """Return how many unmet items each way puts at or above the last one hidden, (people, ways)."""
    rivals, wanted = question.rivals, people.item[people.indptr[1:] - hidden]
    unmet = _unmet(question, people, hidden)
    sizes, size_of = np.unique(question.counts, return_inverse=True)
    each = (size_of[:, None] == np.arange(len(sizes))).astype(np.float32)
    popular = np.empty((people.people, len(rivals) + 1), np.float32)
    released = question.popularity
    popular[:, :-1] = released.logs[rivals]
    popular[:, -1] = released.logs_without(wanted, 1 / np.sqrt(people.lengths))
    rank = np.empty((people.people, len(question.blends)))
    for place, recency in enumerate(recencies):
        taste, content, popularity = recency.weights
        score = popularity * popular
        if recency.personal:
            liked, known = (
                _scores(said[place], outward, covariance, rivals, wanted)
                for said, outward, covariance in (
                    (told.taste, question.taste_out, question.taste_spread),
                    (told.content, question.content, question.content_spread),
                )
            )
            own = taste * liked
            own += content * known
            own *= told.fade[place, :, None]
            score += own
        hits = score[..., :-1] >= score[..., -1:]
        hits &= unmet
        counted = hits.reshape(-1, len(rivals)).astype(np.float32) @ each
        rank[:, recency.ways] = (counted @ sizes.astype(np.float64)).reshape(len(recency.ways), -1).T
    return rank


def _scores(told: Float, outward: Float, covariance: Float, rivals: Ids, wanted: Ids) -> Float:
    """Score rivals and last the wanted item by one part, (people, m + 1)."""
    person: Values = told[:, None]
    variance = (person @ covariance) @ person.transpose(0, 2, 1)
    person = person / np.sqrt(variance + FLOOR)
    scores = np.empty((len(person), len(rivals) + 1), np.float32)
    scores[:, :-1] = (person @ outward[rivals].T)[:, 0]
    scores[:, -1:] = (person @ outward[wanted][:, :, None])[:, 0]
    return scores


def _unmet(question: BallotInput, people: Histories, hidden: int) -> NDArray[np.bool_]:
    """Tell which rivals a person has met neither before nor as the last one hidden, (people, m)."""
    count = len(question.rivals)
    place = np.full(question.items, count)
    place[question.rivals] = np.arange(count)
    unmet = np.ones((people.people, count + 1), np.bool_)
    seen = people.ages() >= hidden - 1
    unmet[people.owners()[seen], place[people.item[seen]]] = False
    return unmet[:, :-1]
