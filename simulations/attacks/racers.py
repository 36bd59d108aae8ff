"""What the processes of a race do: people who change their minds, drivers who carry rounds, and death."""

import itertools
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
from sqlalchemy import Engine, event

from privacy.clipping import ContributionRefused
from privacy.events import LineDeclared, RoundTerms
from privacy.http_signature import Proof
from privacy.keys import SigningKey
from server.consent import TooManyGrants, VersionMoved
from server.consent_service import ConsentService, GrantRequest
from server.database import StoreUnavailable, open_engine, serially
from server.ledger_store import LogKey
from server.line_policy import apply_budget
from server.notices import shipped_notices
from server.refusals import Stale
from server.round_book import Contribution, Members, Round, RoundState
from server.round_errors import ConsentMoved, ReplyRefused
from server.rounds import RoundMachine
from server.sql_rounds import PURPOSE, SqlRoundStore

PEOPLE = 60
ROUNDS_A_LINE = 40
HOURS_A_SECOND = 2
"""How fast clocks run: grants are limited by the hour."""
DIMENSION = 2
LOG = LogKey("log.example/race", SigningKey.from_seed(bytes(32)))

MakeMachine = Callable[[SqlRoundStore, str], RoundMachine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """One race.

    Args:
        url: an empty database.
        schedules: pairs of a round and a person deciding in it to reach.
        people: processes that decide.
        drivers: processes that run rounds.
        death: probability of dying at a statement, and again at each answer.
        machine: makes the round machine; tests plant a fault here.
    """

    url: str
    schedules: int
    people: int = 3
    drivers: int = 3
    death: float = 0.001
    machine: MakeMachine = lambda store, line: RoundMachine(store, line=line, least_crowd=0)


def fast_clock(began: float) -> Callable[[], int]:
    return lambda: int(began + (time.time() - began) * 3600 * HOURS_A_SECOND)


def key_of(person: int) -> SigningKey:
    return SigningKey.from_seed(person.to_bytes(32, "big"))


def service_over(engine: Engine, clock: Callable[[], int]) -> ConsentService:
    notices = shipped_notices()
    return ConsentService(
        engine, key=key_of(1 << 40), controller="race", notices=lambda: notices, clock=clock
    )


def _mortal(engine: Engine, death: float, dice: random.Random) -> None:
    """Let this process die before any statement, and once a transaction is durable but not yet answered."""

    def perhaps_die(*details: object) -> None:
        if dice.random() < death:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(engine, "before_cursor_execute", perhaps_die)
    event.listen(engine, "checkin", perhaps_die)


def decide(race: Race, number: int, began: float) -> None:
    """Change minds."""
    dice = random.Random(f"people {number}")
    engine, clock = open_engine(race.url), fast_clock(began)
    service = service_over(engine, clock)
    _mortal(engine, race.death, dice)
    (notice, *_) = sorted(shipped_notices().current(PURPOSE))
    while True:
        person, nonce = dice.randrange(PEOPLE), f"{number:08d}-{dice.getrandbits(60):016x}"
        key = key_of(person)
        try:
            if dice.random() < 0.5:
                service.stop(Proof(key.public, clock(), nonce), PURPOSE, "withdraw")
                continue
            version = service.look(Proof(key.public, clock(), f"{nonce}-look")).states[PURPOSE].version
            service.grant(
                Proof(key.public, clock(), nonce),
                PURPOSE,
                GrantRequest(
                    notice=notice,
                    language="en",
                    expected_version=version,
                    idempotency_key=nonce,
                    digest=nonce,
                    refused_by_signal=False,
                ),
            )
        except (VersionMoved, TooManyGrants, StoreUnavailable, Stale):
            continue


def drive(race: Race, number: int, began: float) -> None:
    """Run rounds on lines of its own; what a death or a silent store leaves behind is ended last."""
    dice = random.Random(f"driver {number}")
    engine, clock = open_engine(race.url), fast_clock(began)
    store = SqlRoundStore(engine, log=LOG, clock=clock)
    _mortal(engine, race.death, dice)
    for part in itertools.count():
        with suppress(StoreUnavailable):
            _drive_line(race, store, engine, f"race-{number}-{part}", dice)


def _drive_line(race: Race, store: SqlRoundStore, engine: Engine, line: str, dice: random.Random) -> None:
    declared = LineDeclared(
        line=line,
        epsilon_budget=float("inf"),
        delta=1e-3,
        unit="enrolled_subject",
        neighboring_relation="add_or_remove_one",
        trust="central",
        declared_population=PEOPLE,
        period_days=365,
        releases=1,
    )
    serially(engine, partial(apply_budget, payload=dict(declared.to_wire())))
    machine = race.machine(store, line)
    for round_number in range(1, ROUNDS_A_LINE + 1):
        carry(machine, machine.open(race_terms(line, round_number)), dice)


def race_terms(line: str, number: int) -> RoundTerms:
    return RoundTerms(
        line=line,
        round=number,
        mechanism="race",
        dimension=DIMENSION,
        clipping_norm=1.0,
        noise_multiplier=1.0,
        sampling_rate=1.0,
        denominator=float(PEOPLE),
        scale_bits=8,
        trust="central",
    )


def carry(machine: RoundMachine, round_: Round, dice: random.Random) -> None:
    """Take a round to its end, with three nodes whose answers may be old by the time they arrive."""
    nodes = dice.sample(range(1, 4), 3)
    invited = round_.invited
    parts = {node: invited.take(invited.subjects % 3 == node - 1) for node in nodes}
    try:
        if round_.state is RoundState.OPEN:
            for node, members in parts.items():
                _answer(machine, round_, node, members)
            _finishing(machine, round_, lambda: machine.seal(round_))
        _finishing(machine, round_, lambda: _commit(machine, round_))
    except ConsentMoved:
        machine.abort(round_)


def _answer(machine: RoundMachine, round_: Round, node: int, members: Members) -> None:
    for _ in range(4):
        reply = Contribution(members.subjects, members.versions, np.zeros(DIMENSION, np.int64))
        try:
            machine.receive(round_, node, reply)
        except ConsentMoved:
            members = machine.usable(round_, members)
        except (ReplyRefused, ContributionRefused):
            return
        else:
            return


def _finishing(machine: RoundMachine, round_: Round, finish: Callable[[], None]) -> None:
    for _ in range(6):
        for node, stay in machine.moved(round_).items():
            machine.drop(round_, node)
            _answer(machine, round_, node, stay)
        try:
            finish()
        except ConsentMoved:
            continue
        return
    raise ConsentMoved("kept moving")


def _commit(machine: RoundMachine, round_: Round) -> None:
    members = machine.total(round_)[1]
    machine.commit(
        round_,
        members=members,
        model_in="0" * 64,
        model_out="1" * 64,
        config_digest="2" * 64,
        code_digest="3" * 64,
        result=b"",
    )
