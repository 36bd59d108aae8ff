"""Every order of small steps: the designs that do not hold are found out, ours is not; then our machine itself."""

import itertools

import pytest

from privacy.events import RoundCommitted
from server.round_book import Contribution, Members, Round
from server.round_errors import ConsentMoved
from server.rounds import RoundMachine
from tests.consent_model import BROKEN, Design, State, compare_and_set, search
from tests.worlds import LINE, MemoryWorld, commit, reply, terms, total


@pytest.mark.parametrize("design", BROKEN, ids=lambda design: design.__name__)
def test_a_design_that_does_not_hold_commits_an_update_after_an_acknowledged_withdrawal(
    design: Design,
) -> None:
    trace, _ = search(design, breaks="G1")
    assert trace is not None
    assert trace.index("send") < trace.index("acknowledge") < trace.index("commit")


@pytest.mark.parametrize("changes", [4, 6])
def test_compare_and_set_inside_the_commit_holds_in_every_order(changes: int) -> None:
    trace, states = search(compare_and_set, State(changes=changes, crashes=2, rounds=3))
    assert trace is None
    assert states > 500


PERSON = ("withdraw", "grant", "withdraw", "grant")
ROUND = ("open", "answer", "receive", "seal", "add_up", "commit")


def test_the_machine_itself_holds_in_every_interleaving_of_one_person_with_one_round() -> None:
    """210 schedules: who is in the committed sum is decided by consent at the commit, as the oracle says."""
    outcomes, steps = set(), range(len(PERSON) + len(ROUND))
    for places in itertools.combinations(steps, len(PERSON)):
        schedule, decisions, moves = Schedule(), iter(PERSON), iter(ROUND)
        for step in steps:
            if step in places:
                schedule.decide(next(decisions))
            elif not schedule.held_up:
                schedule.move(next(moves))
        outcomes.add(schedule.outcome())
    assert outcomes == {"in", "out", "held up"}


class Schedule:
    """Person 0 changes their mind beside person 1, who stays, while a round goes on."""

    def __init__(self) -> None:
        self.world = MemoryWorld(2, 0, epsilon=100.0)
        self.machine = RoundMachine(self.world.store, line=LINE)
        self.version, self.granted, self.made_under = 1, True, 0
        self.held_up = False
        self.round: Round
        self.answer: Contribution
        self.members: Members

    def decide(self, decision: str) -> None:
        (self.world.withdraw if decision == "withdraw" else self.world.grant)(0)
        self.version, self.granted = self.version + 1, decision == "grant"

    def move(self, name: str) -> None:
        try:
            getattr(self, f"_{name}")()
        except ConsentMoved:
            self.held_up = True

    def outcome(self) -> str:
        committed = any(isinstance(event, RoundCommitted) for event in self.world.events())
        assert committed != self.held_up
        inside = committed and 0 in self.members.subjects
        assert not inside or (self.granted_at_commit and self.made_under == self.version_at_commit)
        return "held up" if self.held_up else "in" if inside else "out"

    def _open(self) -> None:
        self.round = self.machine.open(terms())

    def _answer(self) -> None:
        self.answer = reply(self.round, self.round.invited.subjects)
        self.made_under = int(self.round.invited.versions[0]) if 0 in self.round.invited.subjects else 0

    def _receive(self) -> None:
        try:
            self.machine.receive(self.round, 1, self.answer)
        except ConsentMoved:
            stay = self.machine.usable(self.round, self.answer.members)
            again = Contribution(stay.subjects, stay.versions, total(stay.subjects))
            self.machine.receive(self.round, 1, again)

    def _seal(self) -> None:
        self.machine.seal(self.round)

    def _add_up(self) -> None:
        self.members = self.machine.total(self.round)[1]

    def _commit(self) -> None:
        self.granted_at_commit, self.version_at_commit = self.granted, self.version
        commit(self.machine, self.round, self.members)
