"""Processes that withdraw, grant and run rounds against each other on one database, killed at any write.

    people      grant and withdraw as fast as they can, through the consent service
    drivers     open, ask, receive, seal, add up and commit rounds, through the round machine
    death       before a statement, or after a transaction and before its caller hears of it: SIGKILL

Whoever dies is started again and goes on where the store stands. What the database let happen is judged afterwards.
"""

import itertools
import multiprocessing
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Engine, select

from privacy.http_signature import Proof
from server.database import migrate, open_engine, reading, serially
from server.round_book import LIVE
from server.round_errors import RoundError
from server.sql_rounds import SqlRoundStore
from server.tables import rounds as rounds_table
from simulations.attacks.history import Verdict, install, judge
from simulations.attacks.racers import (
    LOG,
    PEOPLE,
    Race,
    carry,
    decide,
    drive,
    fast_clock,
    key_of,
    race_terms,
    service_over,
)
from simulations.errors import SimulationError


class RaceStopped(SimulationError):
    """A process of the race failed by itself, not by being killed: the race says nothing."""

    code: ClassVar[str] = "race_stopped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a race came to.

    Args:
        verdict: what the history shows.
        kills: processes that died.
        seconds: how long it took.
    """

    verdict: Verdict
    kills: int
    seconds: float


def run_race(race: Race, *, progress: Callable[[Verdict], None] = lambda verdict: None) -> Outcome:
    """Race until enough schedules were tried, then let one driver end what is left, and judge.

    Raises:
        RaceStopped: a process failed by itself.
    """
    began = time.time()
    _prepare(race.url, began)
    context = multiprocessing.get_context("fork")
    numbers, kills = itertools.count(), 0

    def start(work: Callable[[Race, int, float], None]) -> multiprocessing.context.ForkProcess:
        process = context.Process(target=work, args=(race, next(numbers), began), daemon=True)
        process.start()
        return process

    running = [(work, start(work)) for work in [decide] * race.people + [drive] * race.drivers]
    verdict, judged_at = Verdict(commits=0, aborts=0, schedules=0, violations=()), began
    try:
        while verdict.schedules < race.schedules and not verdict.violations:
            time.sleep(0.05)
            for place, (work, process) in enumerate(running):
                if process.exitcode is None:
                    continue
                if process.exitcode != -signal.SIGKILL:
                    raise RaceStopped(
                        f"a process of the race ended with {process.exitcode}; see its traceback"
                    )
                kills += 1
                running[place] = (work, start(work))
            if time.time() - judged_at > 1 + 0.2 * (judged_at - began):
                verdict, judged_at = _judged(race.url), time.time()
                progress(verdict)
    finally:
        for _, process in running:
            process.kill()
            process.join()
    engine = open_engine(race.url)
    _finish(SqlRoundStore(engine, log=LOG, clock=fast_clock(began)), engine, race)
    engine.dispose()
    return Outcome(_judged(race.url), kills, time.time() - began)


def _prepare(url: str, began: float) -> None:
    engine, now = open_engine(url), int(began)
    migrate(engine)
    serially(engine, install)
    service = service_over(engine, lambda: now)
    for person in range(PEOPLE):
        service.enrol(Proof(key_of(person).public, now, f"enrol-{person:016d}"))
    engine.dispose()


def _judged(url: str) -> Verdict:
    engine = open_engine(url)
    with reading(engine) as connection:
        verdict = judge(connection)
    engine.dispose()
    return verdict


def _finish(store: SqlRoundStore, engine: Engine, race: Race) -> None:
    """Do what an operator's restart does: end every round that a dead process left behind."""
    with reading(engine) as connection:
        live = connection.execute(
            select(rounds_table.c.line, rounds_table.c.round).where(rounds_table.c.state.in_(LIVE))
        ).all()
    for row in live:
        machine = race.machine(store, row.line)
        try:
            carry(machine, machine.open(race_terms(row.line, row.round)), random.Random(0))
        except RoundError as problem:
            raise RaceStopped(f"round {row.round} of {row.line} could not be ended: {problem}") from problem
