"""Caps over a line, its period and its release hold before a round spends, on every store."""

from typing import Any

import pytest

from privacy.accountant import spent
from privacy.acts import CapChanged, MetricReleased, PeriodStarted, TuningAccounted
from privacy.budget import BudgetExceeded
from privacy.events import Event, PrivacyEvent, ReleasePublished
from privacy.gaussian import GaussianRound
from server.line_budget import intent
from server.rounds import RoundMachine
from tests.worlds import LINE, MakeWorld, World, reply, terms

ONE = spent([intent(terms())], 1e-3).epsilon
RELEASED = ReleasePublished(line=LINE, sequence=1, manifest="a" * 64)
NEXT_PERIOD = PeriodStarted(line=LINE, period=2, starts=1)
MECHANISM: dict[str, Any] = {
    "mechanism": "gaussian", "clipping_norm": 1.0, "noise_multiplier": 2.0, "sampling_rate": 1.0,
}  # fmt: skip


def capped(scope: Any, epsilon: float) -> CapChanged:
    return CapChanged(line=LINE, scope=scope, epsilon=epsilon, proposed_by="ann", approved_by="bob")


def record(world: World, event: Event) -> None:
    world.store.step(lambda book: book.append(event))


def seal(world: World, machine: RoundMachine, number: int) -> None:
    round_ = machine.open(terms(number))
    machine.receive(round_, 1, reply(round_, world.subjects(0, 1)))
    machine.seal(round_)


def spends(world: World) -> list[GaussianRound]:
    return [event for event in world.events() if isinstance(event, PrivacyEvent)]


@pytest.mark.parametrize(
    ("scope", "boundary"), [("line", None), ("period", NEXT_PERIOD), ("release", RELEASED)]
)
def test_a_cap_over_any_scope_stops_the_next_round_and_nothing_is_recorded(
    make_world: MakeWorld, scope: str, boundary: Event | None
) -> None:
    world = make_world()
    machine = RoundMachine(world.store, line=LINE)
    record(world, capped(scope, 1.5 * ONE))
    seal(world, machine, 1)
    with pytest.raises(BudgetExceeded, match=scope):
        seal(world, machine, 2)
    assert len(spends(world)) == 1
    if boundary is not None:
        record(world, boundary)
        machine.seal(machine.open(terms(2)))
        assert len(spends(world)) == 2


def test_a_cap_that_falls_while_a_round_is_open_holds_for_its_seal(world: World) -> None:
    machine = RoundMachine(world.store, line=LINE)
    machine.clear([])
    round_ = machine.open(terms(1))
    machine.receive(round_, 1, reply(round_, world.subjects(0)))
    record(world, capped("release", 0.5 * ONE))
    with pytest.raises(BudgetExceeded, match="release"):
        machine.seal(round_)
    assert not spends(world)


@pytest.mark.parametrize(
    "other",
    [
        MetricReleased(line=LINE, metric="hits", number=1, **MECHANISM),
        TuningAccounted(line=LINE, number=1, looks=1, **MECHANISM),
    ],
    ids=["a metric", "a tuning run"],
)
def test_what_else_a_line_paid_for_counts_towards_its_cap(make_world: MakeWorld, other: Event) -> None:
    world = make_world(epsilon=1.5 * ONE)
    record(world, other)
    with pytest.raises(BudgetExceeded):
        seal(world, RoundMachine(world.store, line=LINE), 1)
    assert not spends(world)
