"""The round over every store: fenced before the intent, intent before noise, nothing out of order, nobody revived."""

import numpy as np
import pytest

from privacy.budget import BudgetExceeded
from privacy.checkpoint import verify_log_proof
from privacy.errors import PrivacyError
from privacy.events import PrivacyEvent, RoundAborted, RoundCommitted, RoundTerms, encode_event
from server.commitment import consent_commitment
from server.line_budget import LineNotDeclared
from server.round_book import Members, RoundBook, RoundState
from server.round_errors import ConsentMoved, CrowdTooSmall, RoundError
from server.rounds import RoundMachine
from tests.worlds import (
    DIMENSION,
    LINE,
    LOG,
    MakeWorld,
    World,
    commit,
    reply,
    terms,
    total,
)

EVERYONE = (0, 1, 2, 3, 4)


def machine(world: World, least_crowd: int = 1) -> RoundMachine:
    return RoundMachine(world.store, line=LINE, least_crowd=least_crowd)


def kinds(world: World) -> list[type]:
    return [type(event) for event in world.events()]


def test_a_round_goes_open_sealed_committed_and_leaves_that_trace(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    assert sorted(first.invited.subjects.tolist()) == sorted(world.subjects(*EVERYONE).tolist())
    rounds.receive(first, 1, reply(first, world.subjects(0, 1)))
    rounds.receive(first, 2**63 + 2, reply(first, world.subjects(2, 3, 4)))
    rounds.seal(first)
    found, members = rounds.total(first)
    assert len(members.subjects) == 5
    assert np.array_equal(found, total(world.subjects(*EVERYONE)))
    commit(rounds, first)
    again = rounds.open(terms())
    assert (again.state, again.result) == (RoundState.COMMITTED, b"the model")
    assert kinds(world) == [RoundTerms, PrivacyEvent, RoundCommitted]


def test_a_withdrawal_in_flight_blocks_the_seal_and_costs_nothing(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    rounds.receive(first, 1, reply(first, world.subjects(0, 1)))
    world.withdraw(1)
    assert rounds.moved(first)[1].subjects.tolist() == world.subjects(0).tolist()
    with pytest.raises(ConsentMoved):
        rounds.seal(first)
    assert PrivacyEvent not in kinds(world)
    rounds.drop(first, 1)
    rounds.receive(first, 1, reply(first, world.subjects(0)))
    assert rounds.moved(first) == {}
    rounds.seal(first)


def test_a_withdrawal_deletes_the_sum_and_the_account_of_who_leaves(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    rounds.receive(first, 1, reply(first, world.subjects(0, 1)))
    rounds.receive(first, 2, reply(first, world.subjects(2)))
    world.withdraw(1)
    found, members = rounds.total(first)
    assert np.array_equal(found, total(world.subjects(2)))
    gone = world.subjects(1)
    assert not np.isin(gone, members.subjects).any()
    invited = world.store.step(lambda book: book.invited(LINE, 1))
    assert not np.isin(gone, invited.subjects).any()


def test_a_sum_that_arrives_after_the_withdrawal_is_not_kept(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    in_flight = reply(first, world.subjects(0, 1))
    world.withdraw(1)
    with pytest.raises(ConsentMoved):
        rounds.receive(first, 1, in_flight)
    stay = rounds.usable(first, in_flight.members)
    assert stay.subjects.tolist() == world.subjects(0).tolist()
    assert rounds.total(first)[1].subjects.size == 0


def test_granting_again_revives_no_older_update(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    in_flight = reply(first, world.subjects(0, 1))
    world.withdraw(1)
    world.grant(1)
    with pytest.raises(ConsentMoved):
        rounds.receive(first, 1, in_flight)
    rounds.receive(first, 1, reply(first, world.subjects(0)))
    rounds.seal(first)
    members = rounds.total(first)[1]
    world.withdraw(0)
    world.grant(0)
    with pytest.raises(ConsentMoved):
        commit(rounds, first, members)
    assert rounds.usable(first, members).subjects.size == 0


def test_a_withdrawal_after_the_seal_is_taken_out_at_no_further_cost(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    rounds.receive(first, 1, reply(first, world.subjects(0, 1)))
    rounds.seal(first)
    members = rounds.total(first)[1]
    world.withdraw(0)
    with pytest.raises(ConsentMoved):
        commit(rounds, first, members)
    rounds.drop(first, 1)
    rounds.receive(first, 1, reply(first, world.subjects(1)))
    with pytest.raises(ConsentMoved):
        commit(rounds, first, members)
    commit(rounds, first)
    assert kinds(world) == [RoundTerms, PrivacyEvent, RoundCommitted]


def test_the_sum_without_a_withdrawn_device_is_bit_equal_to_the_sum_in_which_it_is_zero(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    rounds.receive(first, 1, reply(first, world.subjects(0, 1)))
    world.withdraw(1)
    rounds.drop(first, 1)
    rounds.receive(first, 1, reply(first, world.subjects(0)))
    zero = np.zeros(DIMENSION, np.int64)
    assert np.array_equal(rounds.total(first)[0], total(world.subjects(0)) + zero)


def test_no_seal_without_budget_and_nothing_is_recorded(make_world: MakeWorld) -> None:
    world = make_world(0.1)
    rounds = machine(world)
    first = rounds.open(terms(noise=1.0))
    rounds.receive(first, 1, reply(first, world.subjects(0)))
    with pytest.raises(BudgetExceeded):
        rounds.seal(first)
    assert kinds(world) == [RoundTerms]


def test_two_machines_of_one_line_cannot_spend_its_budget_twice(make_world: MakeWorld) -> None:
    world = make_world(1.7)
    one, other = machine(world), machine(world)
    first, second = one.open(terms(1)), other.open(terms(2))
    one.receive(first, 1, reply(first, world.subjects(0)))
    other.receive(second, 1, reply(second, world.subjects(0)))
    one.clear([])
    other.clear([])
    one.seal(first)
    with pytest.raises(BudgetExceeded):
        other.seal(second)
    assert kinds(world).count(PrivacyEvent) == 1


def test_a_seal_that_fails_after_the_intent_records_nothing(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    rounds.receive(first, 1, reply(first, world.subjects(0)))

    def broken(book: RoundBook) -> None:
        book.append(PrivacyEvent(
            line=LINE, round=1, mechanism="gaussian", clipping_norm=1.0, noise_multiplier=2.0,
            sampling_rate=1.0, denominator=6.0,
        ))  # fmt: skip
        book.move(first.terms, RoundState.SEALED)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        world.store.step(broken)
    assert kinds(world) == [RoundTerms]
    assert rounds.open(terms()).state is RoundState.OPEN
    rounds.seal(first)
    assert kinds(world) == [RoundTerms, PrivacyEvent]


def test_below_the_least_crowd_a_round_waits_and_spends_nothing(world: World) -> None:
    rounds = machine(world, least_crowd=3)
    first = rounds.open(terms())
    rounds.receive(first, 1, reply(first, world.subjects(0, 1)))
    with pytest.raises(CrowdTooSmall):
        rounds.seal(first)
    assert sorted(rounds.absent(first).subjects.tolist()) == sorted(world.subjects(2, 3, 4).tolist())
    rounds.receive(first, 2, reply(first, world.subjects(2)))
    rounds.seal(first)


def test_nothing_happens_out_of_order(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    rounds.receive(first, 1, reply(first, world.subjects(0)))
    with pytest.raises(RoundError):
        commit(rounds, first)
    rounds.seal(first)
    with pytest.raises(RoundError):
        rounds.seal(first)
    rounds.abort(first)
    for late in (rounds.abort, rounds.seal, rounds.total):
        with pytest.raises(RoundError):
            late(first)
    with pytest.raises(RoundError):
        rounds.receive(first, 1, reply(first, world.subjects(0)))
    with pytest.raises(RoundError, match="new number"):
        rounds.open(terms())
    assert kinds(world) == [RoundTerms, PrivacyEvent, RoundAborted]


def test_a_number_is_used_under_one_set_of_terms_only(world: World) -> None:
    rounds = machine(world)
    rounds.open(terms())
    with pytest.raises(RoundError):
        rounds.open(terms(noise=1.0))


def test_terms_are_proved_to_stand_in_the_log_before_anyone_is_asked(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    rounds.open(terms(2))
    proof = rounds.proof(first)
    verify_log_proof(proof, encode_event(terms()), LOG.key.public, origin=LOG.origin)
    with pytest.raises(PrivacyError):
        verify_log_proof(proof, encode_event(terms(noise=1.0)), LOG.key.public, origin=LOG.origin)


def test_a_line_that_is_not_declared_has_no_rounds(world: World) -> None:
    with pytest.raises(LineNotDeclared, match="declare"):
        RoundMachine(world.store, line="other").clear([])


def test_another_machine_finds_an_open_and_a_sealed_round_again(world: World) -> None:
    first = machine(world).open(terms())
    machine(world).receive(first, 1, reply(first, world.subjects(0, 1)))
    found = machine(world).open(terms())
    assert (found.state, found.salt) == (RoundState.OPEN, first.salt)
    assert np.array_equal(found.invited.subjects, first.invited.subjects)
    machine(world).seal(found)
    again = machine(world).open(terms())
    assert again.state is RoundState.SEALED
    assert np.array_equal(machine(world).total(again)[0], total(world.subjects(0, 1)))
    commit(machine(world), again)
    assert kinds(world) == [RoundTerms, PrivacyEvent, RoundCommitted]


def test_when_a_round_has_ended_no_sum_of_it_is_left(world: World) -> None:
    rounds = machine(world)
    first = rounds.open(terms())
    rounds.receive(first, 1, reply(first, world.subjects(0, 1)))
    rounds.seal(first)
    commit(rounds, first)
    assert not world.store.step(lambda book: book.total(first.terms)).any()


def test_a_commitment_tells_nothing_without_its_salt_and_does_not_depend_on_nodes() -> None:
    here = Members(np.array([3, 1, 2]), np.array([1, 5, 1]))
    there = Members(np.array([1, 2, 3]), np.array([5, 1, 1]))
    assert consent_commitment(bytes(32), here) == consent_commitment(bytes(32), there)
    assert consent_commitment(bytes(32), here) != consent_commitment(bytes([1] * 32), here)
    fewer = here.take(np.array([True, True, False]))
    assert consent_commitment(bytes(32), here) != consent_commitment(bytes(32), fewer)
