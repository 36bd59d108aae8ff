"""A crash at any point of a round, on every store, leaves a ledger whose epsilon covers whatever was released."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from privacy.events import PrivacyEvent, RoundAborted, RoundCommitted
from privacy.gaussian import exact_epsilon, shift
from privacy.noise import Bits, seeded_bits
from server.aggregation import Aggregator
from server.conductor import Conductor
from server.line_budget import intent
from server.round_book import Members, Result, Round, RoundBook, RoundState, RoundStore
from server.rounds import RoundMachine
from server.training import plain_mean
from tests.conformance.test_conductor import Crash, People, conductor
from tests.worlds import DIMENSION, LINE, MakeWorld, World, terms

DELTA = 1e-3


@dataclass
class Fuse:
    """Burns down by one at every point it passes, and kills the process at the last."""

    left: int
    passed: list[str] = field(default_factory=list)

    def burn(self, where: str) -> None:
        self.passed.append(where)
        self.left -= 1
        if self.left == 0:
            raise Crash


class DyingBook:
    """A step's view with a point before and after each of its calls."""

    def __init__(self, book: RoundBook, fuse: Fuse) -> None:
        self._book = book
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._book, name)

        def burning(*given: Any, **more: Any) -> Any:
            self._fuse.burn(f"before {name}")
            found = call(*given, **more)
            self._fuse.burn(f"after {name}")
            return found

        return burning


@dataclass
class DyingStore:
    """A store in whose steps, and between them, the process may die."""

    store: RoundStore
    fuse: Fuse

    def step(self, step: Callable[[RoundBook], Result]) -> Result:
        self.fuse.burn("before a step")
        result = self.store.step(lambda book: step(DyingBook(book, self.fuse)))
        self.fuse.burn("after a step")
        return result


@dataclass
class Lab:
    """One world, and everything that anyone could have seen of its rounds' results.

    Args:
        world: the people and the log.
        drawn: rounds whose noise was drawn, each with whether its intent was durable by then.
    """

    world: World
    drawn: list[tuple[int, bool]] = field(default_factory=list)

    def spends(self) -> list[PrivacyEvent]:
        return [event for event in self.world.events() if isinstance(event, PrivacyEvent)]

    def aggregator(self, number: int, fuse: Fuse) -> Aggregator:
        """Return an aggregator at whose noise the process may die, and that notes what the log held then."""

        def bits() -> Bits:
            durable = any(event.round == number for event in self.spends())
            self.drawn.append((number, durable))
            fuse.burn("noise is drawn")
            return seeded_bits(number)

        class Watched(Aggregator):
            def step(self, *given: Any, **more: Any) -> Any:
                fuse.burn("before the step")
                value = super().step(*given, **more)
                fuse.burn("after the step")
                return value

        return Watched(np.zeros(DIMENSION), inner=plain_mean, bits=bits)

    def check(self) -> None:
        """See that the ledger covers what was released: committed results, and noise that was ever drawn."""
        spends, committed = self.spends(), self.committed()
        for number, durable in self.drawn:
            assert durable, f"noise of round {number} was drawn before its intent was durable"
        released = [intent(terms(number)) for number in committed]
        assert _epsilon(spends) >= _epsilon(released)
        assert {event.round for event in spends} >= set(committed)
        assert len(spends) == len({event.round for event in spends}), "a restart paid twice"

    def committed(self) -> list[int]:
        return [event.round for event in self.world.events() if isinstance(event, RoundCommitted)]


def _epsilon(events: list[PrivacyEvent]) -> float:
    mu = shift(events) if events else 0.0
    assert mu is not None
    return exact_epsilon(mu, DELTA) if mu else 0.0


def run(lab: Lab, number: int, fuse: Fuse, *, machine: type[RoundMachine] = RoundMachine) -> None:
    of = conductor(DyingStore(lab.world.store, fuse), People(lab.world))
    mine = Conductor(
        machine=machine(DyingStore(lab.world.store, fuse), line=LINE),
        fleet=of.fleet,
        config_digest=of.config_digest,
        code_digest=of.code_digest,
        on_refused=of.on_refused,
        on_committed=of.on_committed,
    )
    mine.run(terms(number), public={}, settings={}, aggregator=lab.aggregator(number, fuse))


def every_point(lab: Lab, *, machine: type[RoundMachine] = RoundMachine) -> Iterator[Fuse]:
    """Kill a fresh round at each of its points in turn, and yield each burnt fuse before anything is mended."""
    number = 0
    while True:
        number += 1
        fuse = Fuse(number)
        try:
            run(lab, number, fuse, machine=machine)
        except Crash:
            yield fuse
            continue
        yield fuse
        return


@pytest.fixture
def lab(make_world: MakeWorld) -> Lab:
    return Lab(make_world(epsilon=math.inf))


def test_wherever_the_process_dies_the_ledger_covers_what_was_released(lab: Lab) -> None:
    points = []
    for fuse in every_point(lab):
        lab.check()
        points.append(fuse.passed[-1])
        number = len(points)
        if number % 5 == 0:
            run(lab, number, Fuse(10**9))  # the restart finds the round again
            lab.check()
            assert number in lab.committed()
    assert len(points) > 40
    for wanted in (
        "before versions", "after versions", "before append", "after append", "before move", "after move",
        "before the step", "noise is drawn", "after the step", "before a step", "after a step",
    ):  # fmt: skip
        assert wanted in points, "the points cover fence, intent, noise and commit"


class PaysAfterwards(RoundMachine):
    """The planted fault: the intent to spend is recorded with the commit, after noise was drawn."""

    def seal(self, round_: Round) -> None:
        self._store.step(lambda book: book.move(round_.terms, RoundState.SEALED))

    def commit(self, round_: Round, *, members: Members, **more: Any) -> None:
        self._store.step(lambda book: book.append(intent(round_.terms)))
        super().commit(round_, members=members, **more)


def test_an_intent_recorded_after_the_noise_is_found_out(lab: Lab) -> None:
    def look() -> None:
        for _ in every_point(lab, machine=PaysAfterwards):
            lab.check()

    with pytest.raises(AssertionError, match="before its intent was durable"):
        look()


class PaysTwice(RoundMachine):
    """Another planted fault: every process that finds a sealed round pays for it again."""

    def total(self, round_: Round) -> Any:
        self._store.step(lambda book: book.append(intent(round_.terms)))
        return super().total(round_)


def test_a_round_that_pays_twice_is_found_out(lab: Lab) -> None:
    run(lab, 1, Fuse(10**9), machine=PaysTwice)
    with pytest.raises(AssertionError, match="paid twice"):
        lab.check()


def test_nothing_released_and_nothing_paid_where_the_round_dies_before_its_fence(lab: Lab) -> None:
    with pytest.raises(Crash):
        run(lab, 1, Fuse(8))
    assert (lab.spends(), lab.drawn, lab.committed()) == ([], [], [])
    assert not [event for event in lab.world.events() if isinstance(event, RoundAborted)]
