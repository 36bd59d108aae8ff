"""What two people change stands in the public log with it: lines, caps, periods, hazards, notices, keys."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from privacy.acts import (
    AccountantDeclared,
    CapChanged,
    HazardMitigated,
    HazardRaised,
    KeyRotated,
    NoticePublished,
    PeriodStarted,
)
from privacy.events import Event, LineDeclared
from privacy.keys import SigningKey
from privacy.rotation import current_key, rotated
from server.__main__ import main
from server.admin import public_name
from server.change_schemas import LINE
from server.database import reading
from server.errors import KeyNotApproved
from server.key_file import open_key
from server.key_policy import approve_first_key, approve_keys
from server.ledger_store import LogKey, StoredLedger
from server.log_keeper import LogKeeper
from server.notices import shipped_notices
from tests.e2e.consenting import Administrator, Service, serving
from tests.e2e.test_consent_log import LOGS
from tests.e2e.test_consent_log_races import together

DAY = 86_400
NEXT = SigningKey.from_seed(b"n" * 32)


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    with serving(database, logs=LOGS) as made:
        yield made


@pytest.fixture
def people(service: Service) -> tuple[Administrator, Administrator]:
    return service.credential("operator", "ada"), service.credential("officer", "grace")


def events(service: Service) -> list[Event]:
    with reading(service.engine) as connection:
        return StoredLedger(connection).events()


def change(people: tuple[Administrator, Administrator], kind: str, payload: dict[str, Any]) -> int:
    operator, officer = people
    return officer.approve(operator.propose(kind, payload)).status_code


def test_a_line_is_declared_with_everything_its_label_will_ask_for(
    service: Service, people: tuple[Administrator, Administrator]
) -> None:
    assert change(people, "budget", LINE) == 200
    found = events(service)
    hazards: list[type] = [HazardRaised, HazardMitigated] * 2
    notices = shipped_notices().listed()
    wanted: list[type] = [
        LineDeclared, AccountantDeclared, *hazards, *[NoticePublished] * len(notices)
    ]  # fmt: skip
    assert [type(event) for event in found] == wanted
    published = {event.notice for event in found if isinstance(event, NoticePublished)}
    assert published == {notice.digest for notice in notices}
    assert change(people, "budget", {**LINE, "line": "second"}) == 200
    assert [type(e) for e in events(service)[len(found) :]] == [LineDeclared, AccountantDeclared]


def test_a_cap_over_any_scope_falls_and_never_rises(
    service: Service, people: tuple[Administrator, Administrator]
) -> None:
    cap = {"line": "main", "scope": "release", "epsilon": 1.0}
    assert change(people, "cap", cap) == 422, "nobody declared it"
    change(people, "budget", LINE)
    assert change(people, "cap", cap) == 200
    assert change(people, "cap", {**cap, "epsilon": 1.5}) == 422
    assert change(people, "cap", {**cap, "scope": "period", "epsilon": 9.0}) == 422
    assert change(people, "cap", {**cap, "scope": "line", "epsilon": 2.0}) == 200
    assert change(people, "cap", {**cap, "scope": "period", "epsilon": 3.0}) == 422, "above the line's cap"
    found = [event for event in events(service) if isinstance(event, CapChanged)]
    assert [(event.scope, event.epsilon) for event in found] == [("release", 1.0), ("line", 2.0)]
    assert {(event.proposed_by, event.approved_by) for event in found} == {
        (public_name("ada"), public_name("grace"))
    }


def test_a_period_begins_only_when_the_one_before_has_lasted_its_days(
    service: Service, people: tuple[Administrator, Administrator]
) -> None:
    short = {**LINE, "period_days": 30}
    assert change(people, "period", {"line": "main"}) == 422, "nobody declared it"
    change(people, "budget", short)
    service.clock.now += 30 * DAY - 1
    assert change(people, "period", {"line": "main"}) == 422
    service.clock.now += 1
    assert change(people, "period", {"line": "main"}) == 200
    assert change(people, "period", {"line": "main"}) == 422, "the second has just begun"
    service.clock.now += 30 * DAY
    assert change(people, "period", {"line": "main"}) == 200
    found = [event for event in events(service) if isinstance(event, PeriodStarted)]
    assert [event.period for event in found] == [2, 3]


def test_a_hazard_is_raised_and_mitigated_by_name(
    service: Service, people: tuple[Administrator, Administrator]
) -> None:
    raised = {"hazard": "lib-9", "component": "lib", "version": "1", "reference": "lib.example/9"}
    mended = {"hazard": "lib-9", "mitigation": "pinned", "test": "tests/t.py::t", "evidence": "a" * 64}
    assert change(people, "hazard", mended) == 422, "nobody raised it"
    assert change(people, "hazard", raised) == 200
    assert change(people, "hazard", mended) == 200
    assert [type(event).__name__ for event in events(service)] == ["HazardRaised", "HazardMitigated"]


def rotation(old: SigningKey, new: SigningKey, purpose: str, *, proposer: str = "ada") -> dict[str, Any]:
    event = rotated(
        old, new, origin=LOGS.public.origin, purpose=purpose,  # type: ignore[arg-type]
        proposed_by=public_name(proposer), approved_by=public_name("grace"),
    )  # fmt: skip
    return {
        "purpose": purpose,
        "old": event.old_key,
        "public": event.new_key,
        "old_signature": event.old_signature,
        "new_signature": event.new_signature,
    }


def test_another_receipt_key_signs_only_after_two_people_and_both_keys_said_so(
    service: Service, people: tuple[Administrator, Administrator]
) -> None:
    with pytest.raises(KeyNotApproved):
        approve_first_key(service.engine, NEXT.public, now=service.clock())
    assert change(people, "key", rotation(service.key, NEXT, "receipt", proposer="eve")) == 422, (
        "other people"
    )
    forged = {**rotation(service.key, NEXT, "receipt"), "old_signature": 86 * "A" + "=="}
    assert change(people, "key", forged) == 422
    assert change(people, "key", rotation(SigningKey.generate(), NEXT, "receipt")) == 422, "not in use"
    assert not events(service)
    assert change(people, "key", rotation(service.key, NEXT, "receipt")) == 200
    approve_first_key(service.engine, NEXT.public, now=service.clock())
    assert len(service.get("/v1/keys").json()["keys"]) == 2
    (event,) = events(service)
    assert isinstance(event, KeyRotated)


def test_the_logs_key_is_replaced_by_a_leaf_and_the_old_one_signs_no_more(
    service: Service, people: tuple[Administrator, Administrator]
) -> None:
    assert service.get("/log/checkpoint").status_code == 200
    old = LOGS.public.key
    assert change(people, "key", rotation(old, NEXT, "log")) == 200
    assert service.get("/log/checkpoint").status_code == 500, "this process still has the old key"
    with reading(service.engine) as connection:
        stored = StoredLedger(connection)
        note = stored.checkpoint(LogKey(LOGS.public.origin, NEXT))
        assert b"log.example/main" in note
        key = current_key(stored.events(), origin=LOGS.public.origin, purpose="log", first=old.public)
    assert key == NEXT.public
    assert change(people, "key", rotation(old, SigningKey.generate(), "log")) == 422, "it is replaced already"


def test_of_two_who_replace_the_same_key_at_once_one_does(
    service: Service, people: tuple[Administrator, Administrator]
) -> None:
    operator, officer = people
    for purpose, old in (
        ("log", LOGS.public.key),
        ("consent_log", LOGS.consent.key),
        ("receipt", service.key),
    ):
        numbers = [operator.propose("key", rotation(old, SigningKey.generate(), purpose)) for _ in range(3)]
        answers: list[int] = []

        def approve(number: int, said: list[int] = answers) -> None:
            said.append(officer.approve(number).status_code)

        together(*[partial(approve, number) for number in numbers])
        assert sorted(answers) == [200, 422, 422], purpose
    assert len(events(service)) == 3


def test_the_consent_logs_key_is_replaced_in_the_public_log_and_the_old_one_ticks_no_more(
    service: Service, people: tuple[Administrator, Administrator]
) -> None:
    keeper = LogKeeper(service.engine, LOGS, clock=service.clock)
    assert keeper.tick()
    assert change(people, "key", rotation(LOGS.consent.key, NEXT, "consent_log")) == 200
    service.clock.now += LOGS.tick_seconds
    with pytest.raises(KeyNotApproved, match="consent log was replaced"):
        keeper.tick()
    assert isinstance(events(service)[-1], KeyRotated), "neither leaf nor anchor"
    with pytest.raises(KeyNotApproved, match="consent log was replaced"):
        approve_keys(service.engine, service.key.public, LOGS, now=service.clock())
    renewed = replace(LOGS, consent=LogKey(LOGS.consent.origin, NEXT))
    assert LogKeeper(service.engine, renewed, clock=service.clock).tick()


def test_a_release_key_is_replaced_only_where_the_log_knows_one(
    service: Service, people: tuple[Administrator, Administrator]
) -> None:
    assert change(people, "key", rotation(SigningKey.generate(), NEXT, "release")) == 422
    assert not events(service)


def test_the_command_prints_the_change_that_two_people_make(
    service: Service,
    people: tuple[Administrator, Administrator],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old = tmp_path / "old.key"
    open_key(old)
    approve = ["--proposer", "ada", "--approver", "grace", "--origin", LOGS.public.origin]
    keys = ["--old", str(old), "--new", str(tmp_path / "new.key")]
    assert main(["rotate-key", "receipt", *keys, *approve]) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["kind"] == "key"
    assert change(people, "key", body["payload"]) == 422, "a key that never signed here"
    assert main(["rotate-key", "receipt", "--old", str(old), "--new", str(old), *approve]) == 2
    assert "another one" in capsys.readouterr().err


def test_what_one_person_does_alone_changes_nothing(
    service: Service, people: tuple[Administrator, Administrator]
) -> None:
    """The planted fault: the officer who proposed approves, and the log stays as it was."""
    officer = people[1]
    for kind, payload in (("budget", LINE), ("key", rotation(service.key, NEXT, "receipt"))):
        assert officer.approve(officer.propose(kind, payload)).status_code == 409
    assert not events(service)
