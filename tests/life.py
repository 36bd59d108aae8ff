"""Anything a person, a clock, a round or a failure can do to the real service, held against an oracle."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from privacy.events import PrivacyEvent, RoundCommitted
from server.api import ServiceSettings, create_app
from server.consent import LIFETIME
from server.database import StoreUnavailable, reading, serially
from server.ledger_store import StoredLedger
from server.line_policy import apply_budget
from server.notices import shipped_notices
from server.policy import apply_notice
from server.round_book import Contribution, Round, RoundState
from server.round_errors import ConsentMoved, ReplyRefused
from server.rounds import RoundMachine
from server.sql_rounds import PURPOSE, SqlRoundStore
from tests.e2e.consenting import serving
from tests.worlds import LINE, LOG, commit, declared, reply, terms

PEOPLE = st.integers(0, 2)


class Life(RuleBasedStateMachine):
    """Three people, their second devices, one line of rounds."""

    make_database: Any
    seen: Counter[str]

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        url = self.make_database()
        self.service = self.stack.enter_context(serving(url, requests_a_minute=10_000))
        self.devices = [self.service.enrolled() for _ in range(3)]
        self.versions = [0, 0, 0]
        self.granted_until = [0, 0, 0]
        self.editions = [0, 0, 0]
        self.edition = 1
        wire = dict(declared(100.0).to_wire())
        serially(self.service.engine, lambda connection: apply_budget(connection, wire))
        self._restart()
        self.number = 0
        self.round: Round | None = None
        self.uploaded: dict[int, int] = {}
        self.invited: dict[int, int] = {}
        self.old: list[tuple[int, Contribution]] = []
        self.everybody_who_does_not_consent_grants()

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    def _restart(self) -> None:
        engine, clock = self.service.engine, self.service.clock
        options = ServiceSettings(
            key=self.service.key, controller="Example Ltd", clock=clock, requests_a_minute=10_000
        )
        self.service.app = create_app(engine, options)
        self.store = SqlRoundStore(engine, log=LOG, clock=clock)
        self.machine = RoundMachine(self.store, line=LINE, least_crowd=0)

    def _consents(self, person: int) -> bool:
        now = self.service.clock()
        return now < self.granted_until[person] and self.editions[person] == self.edition

    @rule(person=PEOPLE, second=st.booleans())
    def grant(self, person: int, second: bool) -> None:
        """A second device of the person may hold an older version: then it is told the current one."""
        device = self.devices[person]
        stale = second and self.versions[person] > 0
        answer = device.grant(self.versions[person] - stale)
        if stale:
            assert (answer.status_code, answer.json()["version"]) == (412, self.versions[person])
        elif answer.status_code == 429:
            assert answer.json()["code"] == "too_many_grants"
        else:
            assert answer.status_code == 200, answer.text
            self.versions[person] += 1
            self.granted_until[person] = self.service.clock() + LIFETIME
            self.editions[person] = self.edition

    @rule()
    def everybody_who_does_not_consent_grants(self) -> None:
        for person in range(3):
            if not self._consents(person):
                self.grant(person, second=False)

    @rule(person=PEOPLE)
    def withdraw(self, person: int) -> None:
        answer = self.devices[person].withdraw()
        assert answer.status_code == 200
        self._gone(person, int(answer.headers["etag"].strip('"')))

    @rule(person=PEOPLE)
    def repeat_the_last_request(self, person: int) -> None:
        """A replay of what was sent before decides nothing."""
        device = self.devices[person]
        assert self.service.ask(device.kept[-1]).status_code == 401

    @rule(person=PEOPLE)
    def refuse(self, person: int) -> None:
        answer = self.devices[person].refuse()
        assert answer.status_code == 200
        self._gone(person, int(answer.headers["etag"].strip('"')))

    def _gone(self, person: int, version: int) -> None:
        assert version >= self.versions[person]
        self.versions[person] = version
        self.granted_until[person] = 0
        self.uploaded.pop(person, None)

    @rule(seconds=st.sampled_from([-7200, -60, 60, 3600, LIFETIME // 2, LIFETIME]))
    def clock_jumps(self, seconds: int) -> None:
        self.service.clock.now += seconds

    @precondition(lambda self: self.edition < 3)
    @rule()
    def new_notice(self) -> None:
        """A material change: everybody's consent ends until they are asked again."""
        self.edition += 1
        listed = [notice for notice in shipped_notices().listed() if notice.purpose == PURPOSE]
        contents = [{**notice.content, "edition": self.edition} for notice in listed]
        serially(
            self.service.engine,
            lambda connection: apply_notice(connection, {"notices": contents}, ("ada", "bob")),
        )
        self._restart()

    @rule()
    def restart(self) -> None:
        self._restart()
        if self.round is not None:
            self.round = self.machine.open(self.round.terms)

    @rule(person=PEOPLE, granting=st.booleans())
    def outage(self, person: int, granting: bool) -> None:
        """While the store does not answer nothing is decided, and nothing commits."""
        device = self.devices[person]
        request = device.granting(self.versions[person]) if granting else None
        with _outage(self.service.engine):
            answer = self.service.ask(request) if request else device.withdraw()
            assert answer.status_code == 503
            if self.round is not None:
                with pytest.raises(StoreUnavailable):
                    self.machine.seal(self.round)
        assert device.consent()["version"] == self.versions[person]

    @precondition(lambda self: self.round is None)
    @rule()
    def open(self) -> None:
        self.number += 1
        self.round = self.asked = self.machine.open(terms(self.number))
        handles = self._handles()
        there = dict(
            zip(self.round.invited.subjects.tolist(), self.round.invited.versions.tolist(), strict=True)
        )
        self.invited = {person: there[handle] for person, handle in enumerate(handles) if handle in there}
        self.uploaded = {}
        assert self.invited == {
            person: self.versions[person] for person in range(3) if self._consents(person)
        }

    def _handles(self) -> list[int]:
        return list(self.store.handles([device.subject for device in self.devices]).tolist())

    @precondition(lambda self: self.round is not None)
    @rule(person=PEOPLE, duplicate=st.booleans())
    def upload(self, person: int, duplicate: bool) -> None:
        assert self.round is not None
        if person not in self.invited:
            return
        answer = reply(self.asked, np.array([self._handles()[person]]))
        current = self._consents(person) and self.versions[person] == self.invited[person]
        for _ in range(1 + duplicate):
            if current:
                self.machine.receive(self.round, person, answer)
                self.uploaded[person] = self.invited[person]
            else:
                with pytest.raises((ConsentMoved, ReplyRefused)):
                    self.machine.receive(self.round, person, answer)
        self.old.append((person, answer))

    @precondition(lambda self: self.round is None)
    @rule()
    def open_with_everybody(self) -> None:
        """Chance alone would seldom bring this about."""
        self.everybody_who_does_not_consent_grants()
        self.open()
        self.everybody_uploads()

    @precondition(lambda self: self.round is not None)
    @rule()
    def everybody_uploads(self) -> None:
        for person in range(3):
            self.upload(person, duplicate=False)

    @precondition(lambda self: self.round is not None and self.old)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """An update of any earlier round arrives once more."""
        assert self.round is not None
        person, answer = data.draw(st.sampled_from(self.old))
        fits = (
            self._consents(person)
            and self.versions[person] == int(answer.versions[0])
            and self.invited.get(person) == self.versions[person]
        )
        try:
            self.machine.receive(self.round, person, answer)
        except (ConsentMoved, ReplyRefused):
            assert not fits
        else:
            assert fits
            self.uploaded[person] = self.invited[person]

    @precondition(lambda self: self.round is not None)
    @rule(fails_at=st.sampled_from(["nowhere", "after the seal", "instead of the commit"]))
    def finish(self, fails_at: str) -> None:
        """Seal and commit; a crash between them loses nothing and spends nothing twice."""
        assert self.round is not None
        self._settle()
        self.machine.seal(self.round)
        if fails_at != "nowhere":
            self._restart()
            self.round = self.machine.open(self.round.terms)
            assert self.round.state is RoundState.SEALED
        if fails_at == "instead of the commit":
            with _outage(self.service.engine), pytest.raises(StoreUnavailable):
                commit(self.machine, self.round)
        members = self.machine.total(self.round)[1]
        commit(self.machine, self.round)
        handles = self._handles()
        inside = {
            handles.index(subject): version
            for subject, version in zip(members.subjects.tolist(), members.versions.tolist(), strict=True)
        }
        expected = {
            person: version
            for person, version in self.uploaded.items()
            if self._consents(person) and self.versions[person] == version
        }
        assert inside == expected
        self.seen["someone was in"] += bool(inside)
        self.seen["someone invited was not"] += len(inside) < len(self.invited)
        self.round = None
        self._every_commit_was_paid_once()

    @precondition(lambda self: self.round is not None)
    @rule()
    def abort(self) -> None:
        assert self.round is not None
        self.machine.abort(self.round)
        self.round = None

    def _settle(self) -> None:
        assert self.round is not None
        for node in self.machine.moved(self.round):
            self.machine.drop(self.round, node)

    def _every_commit_was_paid_once(self) -> None:
        with reading(self.service.engine) as connection:
            events = StoredLedger(connection).events()
        spent = [each.round for each in events if isinstance(each, PrivacyEvent)]
        committed = [each.round for each in events if isinstance(each, RoundCommitted)]
        assert len(spent) == len(set(spent))
        assert set(committed) <= set(spent)

    @rule(person=PEOPLE)
    def look(self, person: int) -> None:
        shown = self.devices[person].consent()
        assert (shown["version"], shown["permitted"]) == (self.versions[person], self._consents(person))


@contextmanager
def _outage(engine: Any) -> Iterator[None]:
    def refuse(connection: object) -> None:
        raise OperationalError("BEGIN", None, Exception("the database is away"))

    event.listen(engine, "begin", refuse)
    try:
        yield
    finally:
        event.remove(engine, "begin", refuse)
