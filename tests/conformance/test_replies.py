"""What a round takes from its nodes: nobody it did not invite, nobody twice, nothing that was not clipped."""

import numpy as np
import pytest

from privacy.clipping import ContributionRefused
from server.round_book import Contribution
from server.round_errors import ConsentMoved, ReplyRefused
from server.rounds import RoundMachine
from tests.worlds import (
    DIMENSION,
    LINE,
    World,
    reply,
    terms,
)

STRANGER = 5


def machine(world: World, least_crowd: int = 1) -> RoundMachine:
    return RoundMachine(world.store, line=LINE, least_crowd=least_crowd)


def test_who_never_granted_is_never_asked_and_cannot_slip_into_a_sum(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    stranger = world.subjects(STRANGER)
    assert not np.isin(first.invited.subjects, stranger).any()
    for version in (-1, 0, 1):
        with pytest.raises((ReplyRefused, ConsentMoved)):
            rounds.receive(
                first, 1, Contribution(stranger, np.array([version]), np.zeros(DIMENSION, np.int64))
            )
    assert rounds.total(first)[1].subjects.size == 0


def test_who_grants_after_the_round_was_opened_joins_the_next_one(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    world.grant(STRANGER)
    late = Contribution(world.subjects(STRANGER), np.array([1]), np.zeros(DIMENSION, np.int64))
    with pytest.raises(ReplyRefused):
        rounds.receive(first, 1, late)
    assert np.isin(world.subjects(STRANGER), rounds.open(terms(2)).invited.subjects).all()


def test_a_reply_that_counts_a_device_twice_is_refused(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    twice = Contribution(world.subjects(0, 0), np.ones(2, np.int64), np.zeros(DIMENSION, np.int64))
    with pytest.raises(ReplyRefused):
        rounds.receive(first, 1, twice)
    rounds.receive(first, 1, reply(first, world.subjects(0, 1)))
    with pytest.raises(ReplyRefused):
        rounds.receive(first, 2, reply(first, world.subjects(1, 2)))
    rounds.receive(first, 1, reply(first, world.subjects(0)))
    rounds.receive(first, 2, reply(first, world.subjects(1, 2)))


@pytest.mark.parametrize(
    "shape", [(DIMENSION + 1, np.int64), (DIMENSION, np.float64)], ids=["dimension", "dtype"]
)
def test_a_sum_that_does_not_fit_the_terms_is_refused(world: World, shape: tuple[int, type]) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    with pytest.raises(ReplyRefused):
        rounds.receive(first, 1, Contribution(world.subjects(0), np.array([1]), np.zeros(*shape)))


def test_an_unclipped_sum_is_refused(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    loud = Contribution(world.subjects(0), np.array([1]), np.full(DIMENSION, 1 << 20))
    with pytest.raises(ContributionRefused):
        rounds.receive(first, 1, loud)
