"""A whole round over every store: whoever leaves, wherever it crashes, one spend and the right sum come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from privacy.events import PrivacyEvent, RoundAborted, RoundCommitted, RoundTerms
from privacy.noise import seeded_bits
from server.aggregation import Aggregator
from server.conductor import Conductor, RoundReport
from server.round_book import Contribution, Int64, Result, RoundBook, RoundStore
from server.round_errors import ConsentMoved, RoundError
from server.rounds import RoundMachine
from server.training import plain_mean
from tests.worlds import DIMENSION, LINE, World, terms, total


@dataclass
class People:
    """Two nodes, one for people 0 and 1, one for 2 to 4; life goes on once they have answered."""

    world: World
    meanwhile: Callable[[int], None] = lambda asked: None
    asked: list[list[int]] = field(default_factory=list)

    def contribute(
        self,
        terms: RoundTerms,
        *,
        proof: bytes,
        public: Mapping[str, NDArray[Any]],
        settings: Mapping[str, Any],
        cohort: Int64,
        versions: Int64,
    ) -> dict[int, Contribution]:
        self.asked.append(sorted(cohort.tolist()))
        replies = {}
        for node, people in ((1, (0, 1)), (2, (2, 3, 4))):
            here = np.isin(cohort, self.world.subjects(*people))
            if here.any():
                replies[node] = Contribution(cohort[here], versions[here], total(cohort[here]))
        self.meanwhile(len(self.asked))
        return replies


class Crash(BaseException):
    """The process dies."""


@dataclass
class Crashing:
    """A store whose process dies before or after its n-th step."""

    store: RoundStore
    at: int
    after: bool
    steps: int = 0

    def step(self, step: Callable[[RoundBook], Result]) -> Result:
        self.steps += 1
        if self.steps == self.at and not self.after:
            raise Crash
        result = self.store.step(step)
        if self.steps == self.at:
            raise Crash
        return result


def conductor(store: RoundStore, people: People, reports: list[RoundReport] | None = None) -> Conductor:
    def refused(node: int, reason: str) -> None:
        raise AssertionError(f"node {node}: {reason}")

    return Conductor(
        machine=RoundMachine(store, line=LINE),
        fleet=people,
        config_digest="0" * 64,
        code_digest="1" * 64,
        on_refused=refused,
        on_committed=([] if reports is None else reports).append,
    )


def aggregator() -> Aggregator:
    return Aggregator(np.zeros(DIMENSION), inner=plain_mean, bits=lambda: seeded_bits(7))


def run(of: Conductor, number: int = 1, into: Aggregator | None = None) -> NDArray[Any]:
    found: NDArray[Any] = of.run(terms(number), public={}, settings={}, aggregator=into or aggregator())
    return found


def stepped(subjects: Int64) -> NDArray[Any]:
    """Return what the sum of these devices becomes under the noise of the test."""
    found: NDArray[Any] = aggregator().step(total(subjects), count=len(subjects), terms=terms())
    return found


def count(world: World, kind: type) -> int:
    return sum(type(event) is kind for event in world.events())


def test_a_round_ends_with_the_noisy_sum_of_everyone(world: World) -> None:
    reports: list[RoundReport] = []
    value = run(conductor(world.store, People(world), reports))
    assert np.array_equal(value, stepped(world.subjects(0, 1, 2, 3, 4)))
    assert [(report.invited, report.in_sum, report.recomputed) for report in reports] == [(5, 5, 0)]


def test_whoever_leaves_in_flight_is_not_in_the_sum_and_only_their_node_is_asked_again(world: World) -> None:
    def leave(asked: int) -> None:
        if asked == 1:
            world.withdraw(1)

    people, reports = People(world, leave), list[RoundReport]()
    value = run(conductor(world.store, people, reports))
    assert np.array_equal(value, stepped(world.subjects(0, 2, 3, 4)))
    assert people.asked[1:] == [world.subjects(0).tolist()]
    assert reports[0].recomputed == 1


def test_whoever_leaves_between_seal_and_commit_is_not_in_the_sum_and_one_spend_covers_it(
    world: World,
) -> None:
    class Leaving(Aggregator):
        left = False

        def step(self, total: Int64, *, count: int, terms: RoundTerms) -> NDArray[Any]:
            if not self.left:
                self.left = True
                world.withdraw(3)
            return super().step(total, count=count, terms=terms)

    leaving = Leaving(np.zeros(DIMENSION), inner=plain_mean, bits=lambda: seeded_bits(7))
    value = run(conductor(world.store, People(world)), into=leaving)
    assert leaving.left
    assert np.array_equal(value, stepped(world.subjects(0, 1, 2, 4)))
    assert (count(world, PrivacyEvent), count(world, RoundCommitted)) == (1, 1)


def test_one_after_the_other_may_leave_while_the_others_are_asked_again(world: World) -> None:
    def leave(asked: int) -> None:
        if asked <= 2:
            world.withdraw(asked - 1)

    people = People(world, leave)
    value = run(conductor(world.store, people))
    assert np.array_equal(value, stepped(world.subjects(2, 3, 4)))
    assert len(people.asked) == 2
    assert count(world, PrivacyEvent) == 1


def test_a_round_in_which_nobody_is_left_is_pure_noise_and_looks_like_any_other(world: World) -> None:
    for person in range(5):
        world.withdraw(person)
    empty = RoundMachine(world.store, line=LINE, least_crowd=0)
    of = conductor(world.store, People(world))
    value = run(Conductor(**{**_fields(of), "machine": empty}))
    assert np.array_equal(value, stepped(np.zeros(0, np.int64)))
    assert count(world, RoundCommitted) == 1


def _fields(of: Conductor) -> dict[str, Any]:
    return {name: getattr(of, name) for name in Conductor.__dataclass_fields__}


def test_noise_never_falls_below_what_was_declared_whoever_leaves(world: World) -> None:
    """The parameter minus the exact mean is the same noise over the same constant, whatever the crowd."""
    noise = stepped(np.zeros(0, np.int64))
    for number, person in enumerate((4, 2, 1), start=1):
        world.withdraw(person)
        value = run(conductor(world.store, People(world)), number)
        stay = [other for other in range(5) if other not in (4, 2, 1)[:number]]
        mean = total(world.subjects(*stay)) / 2**20 / 6.0
        assert np.allclose(value - mean, noise, rtol=0, atol=1e-12)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_wherever_the_process_dies_a_restart_ends_with_one_spend_and_the_same_result(
    world: World, after: bool
) -> None:
    number, steps = 0, 99
    while number < steps:
        number += 1
        crashing = Crashing(world.store, at=number, after=after)
        broken = aggregator()
        try:
            run(conductor(crashing, People(world)), number, broken)
        except Crash:
            committed_unseen = after and count(world, RoundCommitted) == number
            assert committed_unseen or np.array_equal(broken.value, np.zeros(DIMENSION))
        else:
            steps = number
        value = run(conductor(world.store, People(world)), number)
        assert np.array_equal(value, stepped(world.subjects(0, 1, 2, 3, 4)))
        assert (count(world, PrivacyEvent), count(world, RoundCommitted)) == (number, number)
    assert steps >= 7


def test_a_committed_round_answers_again_without_asking_anyone(world: World) -> None:
    people = People(world)
    value = run(conductor(world.store, people))
    again = run(conductor(world.store, people))
    assert np.array_equal(value, again)
    assert len(people.asked) == 1
    assert count(world, PrivacyEvent) == 1


def test_a_parameter_never_moves_with_a_round_that_was_not_committed(world: World) -> None:
    class Unreadable:
        def step(self, step: Callable[[RoundBook], Result]) -> Result:
            if count(world, PrivacyEvent) and not count(world, RoundAborted):
                return world.store.step(lambda book: step(_Blind(book)))
            return world.store.step(step)

    class _Blind:
        def __init__(self, book: RoundBook) -> None:
            self._book = book

        def __getattr__(self, name: str) -> Any:
            return getattr(self._book, name)

        def move(self, *args: Any, **kwargs: Any) -> None:
            if kwargs.get("result"):
                raise OSError("consent cannot be read")
            self._book.move(*args, **kwargs)

    into = aggregator()
    with pytest.raises(RoundError, match="aborted"):
        run(conductor(Unreadable(), People(world)), into=into)
    assert np.array_equal(into.value, np.zeros(DIMENSION))
    assert (count(world, PrivacyEvent), count(world, RoundCommitted), count(world, RoundAborted)) == (1, 0, 1)


def test_consents_that_never_settle_abort_the_round(world: World) -> None:
    class Restless:
        """A planted fault: somebody moves in every fence."""

        def step(self, step: Callable[[RoundBook], Result]) -> Result:
            if step.__qualname__.startswith("RoundMachine.seal"):
                raise ConsentMoved("again")
            return world.store.step(step)

    with pytest.raises(ConsentMoved):
        run(conductor(Restless(), People(world)))
    assert (count(world, PrivacyEvent), count(world, RoundAborted)) == (0, 1)
