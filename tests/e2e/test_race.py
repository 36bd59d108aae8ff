"""Processes race on one database and die at any write; the database's own triggers say what it let happen."""

from typing import Any

from server.rounds import RoundMachine
from server.sql_rounds import SqlRoundStore
from simulations.attacks.race import run_race
from simulations.attacks.racers import Race


def test_no_schedule_breaks_a_guarantee_with_processes_dying_at_any_write(database: str) -> None:
    outcome = run_race(Race(url=database, schedules=100, death=0.003))
    assert outcome.verdict.violations == ()
    assert outcome.verdict.schedules >= 100
    assert outcome.verdict.commits > 0
    assert outcome.kills > 0


class ChecksThenCommits(RoundMachine):
    """A planted fault: consent is compared, and committed on a moment later."""

    def commit(self, round_: Any, **details: Any) -> None:
        fenced = self._fenced
        self._store.step(lambda book: fenced(book, round_.terms))
        members = details["members"]
        try:
            self._fenced = lambda book, terms: members  # type: ignore[method-assign]
            super().commit(round_, **details)
        finally:
            self._fenced = fenced  # type: ignore[method-assign]


def planted(store: SqlRoundStore, line: str) -> RoundMachine:
    return ChecksThenCommits(store, line=line, least_crowd=0)


def test_the_race_finds_a_machine_that_checks_and_then_commits(sqlite_database: str) -> None:
    race = Race(url=sqlite_database, schedules=20_000, people=3, death=0.0, machine=planted)
    outcome = run_race(race)
    assert any("consent was" in violation for violation in outcome.verdict.violations)
