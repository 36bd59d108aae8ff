"""The ballot: ways to blend what was learnt, what is public and what is popular, and how devices judge them.

A device hides its latest events from itself one by one, looks how far down each way of blending ranks the
hidden item, and says which ways put it higher than popularity alone would. It answers twice, for how near the item
comes to the top of the whole catalogue and for how much of the catalogue it passes, and a way must win both.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.history import Float, Ids
from models.parameters import GlobalParameters
from models.popularity import Popularity
from models.preference import spread

Wide = NDArray[np.float64]
RIVALS, STAND_INS = 200, 1000
"""Most popular items that a hidden item is compared with one by one, and how many stand for all others: a way that
puts a few of the others above the item must not look as if it put none there."""
HIDDEN = 3
"""Latest events a device hides from itself, one after the other."""
CERTAIN = (3.0, 2.0)
"""Noise deviations by which a way must beat popularity alone, in each answer, before it counts."""
RECENCIES = ((0.01, 3.0), (0.03, 5.0), (0.1, 15.0))
STRENGTHS_OF_CONTENT = (0.15, 0.5, 1.5, 4.0)
STRENGTHS_OF_TASTE = (0.2, 0.6, 1.6, 4.0)
STRENGTHS_OF_BOTH = (0.5, 1.2, 2.4, 4.8)
CONTENT_TO_TASTE = (0.4, 0.8, 1.6)


class BallotError(ModelError):
    """A ballot's parts do not describe one model: the device answers nothing."""

    code = "ballot_malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blend:
    """How much each part of a score counts beside standardized log popularity, and how fast events fade.

    Args:
        taste: weight of the learnt part.
        content: weight of the public part.
        popularity: weight of log popularity.
        alpha: recency floor in [0, 1].
        tau: recency decay in events.
    """

    taste: float
    content: float
    popularity: float
    alpha: float
    tau: float


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways to be judged: popularity alone, which the others must beat, and grids of weights and recencies.

    Args:
        plain: popularity alone.
        grids: (shape, ways in row-major order) of each family, recency along the first axis.
    """

    plain: Blend
    grids: tuple[tuple[tuple[int, ...], tuple[Blend, ...]], ...]

    @property
    def listed(self) -> tuple[Blend, ...]:
        """All of them, popularity alone first."""
        return (self.plain, *(way for _, ways in self.grids for way in ways))


def ways(*, content: bool, tastes: bool, timed: bool) -> Ways:
    """List the ways of blending that make sense.

    Args:
        content: whether items have public features.
        tastes: whether any taste was found.
        timed: whether the order of events says anything.

    >>> len(ways(content=True, tastes=True, timed=True).listed)
    61
    >>> len(ways(content=True, tastes=False, timed=False).listed)
    5
    """
    recencies = RECENCIES if timed else ((1.0, 1.0),)
    families: list[tuple[tuple[int, ...], list[tuple[float, float]]]] = []
    if content:
        families.append(
            ((len(STRENGTHS_OF_CONTENT),), [(0.0, strength) for strength in STRENGTHS_OF_CONTENT])
        )
    if tastes:
        families.append(((len(STRENGTHS_OF_TASTE),), [(strength, 0.0) for strength in STRENGTHS_OF_TASTE]))
    if content and tastes:
        both = [(strength, part * strength) for strength in STRENGTHS_OF_BOTH for part in CONTENT_TO_TASTE]
        families.append(((len(STRENGTHS_OF_BOTH), len(CONTENT_TO_TASTE)), both))
    grids = tuple(
        (
            (len(recencies), *shape),
            tuple(
                Blend(taste=taste, content=said, popularity=1.0, alpha=alpha, tau=tau)
                for alpha, tau in recencies
                for taste, said in pairs
            ),
        )
        for shape, pairs in families
    )
    return Ways(Blend(taste=0.0, content=0.0, popularity=1.0, alpha=1.0, tau=1.0), grids)


@dataclass(frozen=True, slots=True, kw_only=True)
class BallotInput:
    """Ask which ways of blending rank what a person met next higher than popularity alone.

    Args:
        taste_in: (items, r) float32, what a history's items say.
        taste_out: (items, r) float32, what items answer.
        content: (items, c) float32, public rows, c at least 1.
        taste_spread: (r, r) float32 covariance of what items answer over the catalogue.
        content_spread: (c, c) float32 covariance of the public rows.
        measured: (items,) float64, released popularity in people per declared person.
        noise: on each value of it.
        people: the declared population.
        rivals: (m,) int32 different items a hidden one is compared with.
        counts: (m,) float32, how many items each of them stands for.
        blends: (ways, 5) float32: taste, content, popularity, alpha and tau of each.
        fade_in: evidence at which personalization has half its strength.
        spared: most of a history's latest events that were kept out of what was learnt; 0 where nothing was.
    """

    taste_in: Float
    taste_out: Float
    content: Float
    taste_spread: Float
    content_spread: Float
    measured: Wide
    noise: float
    people: int
    rivals: Ids
    counts: Float
    blends: Float
    fade_in: float
    spared: int

    def __post_init__(self) -> None:
        items, ways = len(self.measured), len(self.blends)
        shapes = {
            "taste_in": (items, len(self.taste_spread)),
            "taste_out": (items, len(self.taste_spread)),
            "content": (items, len(self.content_spread)),
            "taste_spread": (len(self.taste_spread),) * 2,
            "content_spread": (len(self.content_spread),) * 2,
            "measured": (items,),
            "counts": self.rivals.shape,
            "blends": (ways, 5),
        }
        for name, shape in shapes.items():
            table = getattr(self, name)
            kind = np.float64 if name == "measured" else np.float32
            if table.shape != shape or table.dtype != kind or 0 in shape or not np.isfinite(table).all():
                raise BallotError(
                    f"{name} must be finite {np.dtype(kind)}{list(shape)}, not {table.dtype}{table.shape}"
                )
        if ways < 2 or self.rivals.dtype != np.int32 or self.rivals.ndim != 1:
            raise BallotError("a ballot needs two ways at least and a list of rivals")
        if len(np.unique(self.rivals)) != len(self.rivals):
            raise BallotError("no item may be a rival twice")
        if not 0 <= self.rivals.min() <= self.rivals.max() < items:
            raise BallotError("rivals must be items of the catalogue")
        if not (self.fade_in >= 0 and 0 <= self.noise < math.inf and self.people >= 1 and self.spared >= 0):
            raise BallotError("fade_in, noise and spared must not be negative and people must be positive")
        if not ((self.blends[:, 3] >= 0) & (self.blends[:, 3] <= 1) & (self.blends[:, 4] > 0)).all():
            raise BallotError("alpha must be in [0, 1] and tau positive in every way")

    @property
    def items(self) -> int:
        """Size of the catalogue."""
        return len(self.measured)

    @property
    def popularity(self) -> Popularity:
        """What was released of popularity."""
        return Popularity(self.measured, self.noise, self.people)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the sum that the round releases: two answers for every way but the first."""
        return (2 * (len(self.blends) - 1),)


def ballot(
    parameters: GlobalParameters,
    popularity: Popularity,
    among: Ways,
    rng: np.random.Generator,
    *,
    spared: int,
) -> BallotInput:
    """Put a model and the ways to blend it on a ballot.

    Args:
        parameters: the model; its own weights and recency are not looked at.
        popularity: as released.
        among: the ways.
        rng: draws which items stand for the less popular; public, so any stream will do.
        spared: most latest events of a history that were kept out of the model; 0 where it learnt no tastes.
    """
    ranked = np.argsort(-popularity.mean, kind="stable")
    head, tail = ranked[:RIVALS], ranked[RIVALS:]
    some = rng.permutation(tail)[:STAND_INS]
    counts = np.concatenate([np.ones(len(head)), np.full(len(some), len(tail) / max(len(some), 1))])
    nothing = np.zeros((parameters.items, 1), np.float32)
    content = parameters.content if parameters.content.size else nothing
    taste_in, taste_out = (
        table if table.size else nothing for table in (parameters.taste_in, parameters.taste_out)
    )
    return BallotInput(
        taste_in=taste_in,
        taste_out=taste_out,
        content=content,
        taste_spread=spread(taste_out)[1],
        content_spread=spread(content)[1],
        measured=popularity.mean,
        noise=popularity.std,
        people=popularity.people,
        rivals=np.concatenate([head, some]).astype(np.int32),
        counts=counts.astype(np.float32),
        blends=np.array(
            [[w.taste, w.content, w.popularity, w.alpha, w.tau] for w in among.listed], np.float32
        ),
        fade_in=parameters.fade_in,
        spared=spared,
    )


def elect(mean: Wide, among: Ways, *, std: float) -> Blend:
    """Choose the way with the most votes among those that beat popularity alone in both answers.

    Neighbours on a grid are much alike, so each grid is first fitted by what its rows, columns and layers say on
    their own, which leaves half of the noise; what they say together counts as far as it stands above noise.

    Args:
        mean: (2 x (ways - 1),) noisy mean of the ballots.
        among: the ways as they stood on the ballot.
        std: noise on each value.

    Returns:
        Popularity alone where no way wins beyond doubt.

    >>> among = ways(content=True, tastes=False, timed=False)
    >>> elect(np.array([0.1, 0.5, 0.1, 0.0, 0.1, 0.2, 0.1, 0.0]), among, std=0.04) == among.listed[2]
    True
    >>> elect(np.array([0.1, 0.5, 0.1, 0.0, 0.1, 0.2, 0.1, 0.0]), among, std=0.2) == among.plain
    True
    """
    answers = mean.reshape(2, -1)
    best, most, start = among.plain, -np.inf, 0
    for shape, listed in among.grids:
        grid = answers[:, start : start + len(listed)].reshape(2, *shape)
        start += len(listed)
        fitted, left = _fitted(grid, std=std)
        sure = (fitted > np.array(CERTAIN)[:, None] * std * left).all(axis=0)
        votes = np.where(sure, fitted.sum(axis=0), -np.inf)
        if votes.max() > most:
            best, most = listed[int(votes.argmax())], float(votes.max())
    return best


def _fitted(grid: Wide, *, std: float) -> tuple[Wide, float]:
    """Fit each answer's grid by the means along its axes, and by the rest as far as it is more than noise.

    Returns:
        The fit, flat, and how much of the noise is left in it.
    """
    axes = tuple(range(1, grid.ndim))
    mean = grid.mean(axis=axes, keepdims=True)
    fitted = mean * np.ones_like(grid)
    for axis in axes:
        fitted = (
            fitted + grid.mean(axis=tuple(other for other in axes if other != axis), keepdims=True) - mean
        )
    cells = grid[0].size
    told = 1 + sum(length - 1 for length in grid.shape[1:])
    rest = grid - fitted
    expected = 2 * (cells - told) * std**2
    size = float((rest**2).sum())
    real = max(1 - expected / size, 0.0) if size else 0.0
    left = told / cells + real**2 * (1 - told / cells)
    return (fitted + real * rest).reshape(2, cells), float(np.sqrt(left))
