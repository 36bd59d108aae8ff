"""The count of the ballot: what neighbours on a grid say together counts as far as it is more than noise."""

import numpy as np

from models.ballot import elect, ways
from models.streams import stream

AMONG = ways(content=True, tastes=True, timed=True)
CELLS = len(AMONG.listed) - 1


def votes_for(hill: tuple[int, int, int], *, drop: float) -> np.ndarray:
    """Make votes that fall off by the same for every step away from one way of weighing both parts."""
    shape, listed = AMONG.grids[-1]
    steps = sum(np.abs(place - top) for place, top in zip(np.indices(shape), hill, strict=True))
    one = np.concatenate([np.zeros(CELLS - len(listed)), 10 - drop * steps.ravel()])
    return np.concatenate([one, one])


def test_without_noise_the_way_with_the_most_votes_wins_even_off_the_lines_of_its_grid() -> None:
    votes = votes_for((1, 1, 1), drop=0.1)
    favourite = CELLS - 1
    votes.reshape(2, -1)[:, favourite] += 0.5
    assert elect(votes, AMONG, std=0.0) == AMONG.listed[1 + favourite]


def test_under_noise_neighbours_are_heard_and_choose_better_than_the_largest_vote_would() -> None:
    truth = votes_for((2, 0, 1), drop=0.5)
    both = truth.reshape(2, -1).sum(axis=0)
    draw, chosen, largest = stream(1, "noise of votes"), [], []
    for _ in range(300):
        noisy = truth + draw.normal(size=len(truth))
        chosen.append(both[AMONG.listed.index(elect(noisy, AMONG, std=1.0)) - 1])
        largest.append(both[int(noisy.reshape(2, -1).sum(axis=0).argmax())])
    assert np.mean(chosen) > np.mean(largest) + 0.3
    assert np.mean(chosen) > both.max() - 0.8


def test_no_way_wins_from_noise_alone() -> None:
    draw = stream(2, "noise of votes")
    won = [elect(draw.normal(size=2 * CELLS), AMONG, std=1.0) != AMONG.plain for _ in range(400)]
    assert np.mean(won) < 0.05


def test_a_way_must_beat_popularity_by_three_deviations_near_the_top_and_two_in_the_share() -> None:
    among = ways(content=True, tastes=False, timed=False)
    few, many, none = 2.5, 9.0, [0.0, 0.0, 0.0]
    assert elect(np.array([few, *none, many, *none]), among, std=1.0) == among.plain
    assert elect(np.array([many, *none, few, *none]), among, std=1.0) == among.listed[1]
    assert elect(np.array([many, *none, 1.5, *none]), among, std=1.0) == among.plain
