"""Absence is denial (G3): without a subject's key nobody learns whether it is enrolled, opted out or unknown."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from sqlalchemy import event

from privacy.http_signature import Proof
from server.database import reading
from server.refusals import NotEnrolled
from server.signed import DENIED, Subject, owner, paced_owner
from server.store import ConsentStore
from tests.e2e.consenting import BASE, CONTRIBUTION, Device, Service, serving

ROUTES = [
    ("GET", "/consents"),
    ("PUT", f"/consents/{CONTRIBUTION}"),
    ("DELETE", f"/consents/{CONTRIBUTION}"),
    ("POST", f"/consents/{CONTRIBUTION}/refusals"),
    ("GET", "/receipts?limit=3"),
    ("DELETE", ""),
    ("GET", f"/consents/{CONTRIBUTION}"),
]
CONDITIONS = {"if-match": '"1"', "idempotency-key": "a-key-of-theirs"}


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    with serving(database) as made:
        yield made


def everybody(service: Service) -> dict[str, Device]:
    """Return one subject of each class."""
    found = {"unknown": service.device()}
    for name in ("enrolled", "granted", "withdrawn", "refused", "erased"):
        found[name] = service.enrolled()
    found["granted"].grant()
    found["withdrawn"].grant()
    found["withdrawn"].withdraw()
    found["refused"].refuse()
    found["erased"].erase()
    return found


def asked_by_strangers(service: Service, subject: str, stranger: Device) -> list[httpx.Request]:
    """Return what somebody without the key may try, on every route."""
    tries = []
    for method, rest in ROUTES:
        path = f"/v1/subjects/{subject}{rest}"
        body = {"notice": "a" * 64, "language": "en"} if method == "PUT" else None
        conditions = CONDITIONS if method == "PUT" else {}
        signed = stranger.request(method, path, body, conditions)
        tries.append(signed)
        tries.append(httpx.Request(method, BASE + path, headers=conditions, json=body))
        tries.append(
            httpx.Request(method, BASE + path, headers={**signed.headers, "signature": "penchant=:AA==:"})
        )
        tries.append(httpx.Request(method, BASE + path, content=b"{", headers=dict(signed.headers)))
    return tries


def whole(answer: httpx.Response) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    headers = tuple(sorted((name, value) for name, value in answer.headers.items() if name != "date"))
    return answer.status_code, headers, answer.content


def answers(service: Service) -> dict[str, list[Any]]:
    """Return every answer a stranger gets, by class of subject."""
    stranger = service.enrolled()
    return {
        name: [whole(service.ask(r)) for r in asked_by_strangers(service, device.subject, stranger)]
        for name, device in everybody(service).items()
    }


def test_to_strangers_every_subject_looks_the_same_to_the_byte(service: Service) -> None:
    found = answers(service)
    assert len(set(map(str, found.values()))) == 1, found
    assert {status for status, _, _ in found["granted"]} == {401, 405, 422}


def test_nothing_is_asked_of_the_store_for_a_stranger(service: Service) -> None:
    """So there is nothing whose time could tell subjects apart; `penchant-sim bench strangers` measures it."""
    stranger, subjects = service.enrolled(), everybody(service)
    tries = [r for device in subjects.values() for r in asked_by_strangers(service, device.subject, stranger)]
    statements: list[str] = []

    def heard(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    event.listen(service.engine, "before_cursor_execute", heard)
    for request in tries:
        service.ask(request)
    assert statements == []
    subjects["granted"].consents()
    assert statements


def test_a_service_that_looks_before_it_checks_is_found_out(sqlite_database: str) -> None:
    """A planted fault: who is not enrolled is told so before anybody has to prove anything."""

    def plant(app: FastAPI) -> None:
        async def careless(request: Request, subject: Subject) -> Proof:
            with reading(request.app.state.engine) as connection:
                if ConsentStore(connection).states(subject) is None:
                    raise NotEnrolled
            return await owner(request, subject)

        app.dependency_overrides[owner] = careless
        app.dependency_overrides[paced_owner] = careless

    with serving(sqlite_database, plant=plant) as service:
        found = answers(service)
    assert len(set(map(str, found.values()))) > 1


def slowed_by_a_stranger(service: Service) -> bool:
    """Tell whether a stranger's requests cost the owner theirs, or show that the owner is there."""
    device, stranger = service.enrolled(), service.enrolled()
    for _ in range(6):
        answer = stranger.ask("GET", f"{device.path}/consents")
        if answer.json()["detail"] != DENIED:
            return True
    return device.consents().status_code == 429


def test_a_stranger_cannot_use_up_what_an_owner_may_ask(sqlite_database: str) -> None:
    with serving(sqlite_database, requests_a_minute=5) as service:
        assert not slowed_by_a_stranger(service)


def test_a_limit_that_counts_strangers_is_found_out(sqlite_database: str) -> None:
    """A planted fault: the path's subject is counted before the proof is."""

    def plant(app: FastAPI) -> None:
        async def careless(request: Request, subject: Subject) -> Proof:
            request.app.state.pace.take(subject)
            return await owner(request, subject)

        app.dependency_overrides[paced_owner] = careless

    with serving(sqlite_database, plant=plant, requests_a_minute=5) as service:
        assert slowed_by_a_stranger(service)


def test_an_owner_is_told_what_a_stranger_is_not(service: Service) -> None:
    assert service.device().consents().json()["code"] == "not_enrolled"
    assert service.enrolled().consents().status_code == 200


def test_a_condition_given_twice_has_no_meaning_and_is_no_proof(service: Service) -> None:
    device = service.enrolled()
    grant = device.granting()
    doubled = httpx.Request(
        grant.method,
        grant.url,
        content=grant.content,
        headers=[*grant.headers.raw, (b"if-match", b'"7"')],
    )
    assert service.ask(doubled).status_code == 401
    assert service.ask(grant).status_code == 200
