"""Who may administer what: separate credentials, two people for a change, and a record that misses nothing."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from privacy.acts import CapChanged, NoticePublished
from privacy.canonical import encode
from privacy.events import LineDeclared, decode_event
from server.admin import DAY, LONGEST, ROLES, CredentialRefused, bootstrap, token_digest
from server.change_schemas import LINE
from server.line_policy import cap_of
from server.routes.administration import admin_of
from tests.e2e.consenting import BASE, CONTRIBUTION, Administrator, Service, serving

MAY = {
    ("POST", "/v1/changes"): {"operator", "officer"},
    ("POST", "/v1/changes/7/approval"): {"officer"},
    ("GET", "/v1/changes"): {"operator", "officer", "auditor"},
    ("GET", "/v1/admin-log"): {"officer", "auditor"},
    ("GET", "/v1/rounds"): {"operator", "officer", "auditor", "aggregator"},
    ("POST", f"/v1/purposes/{CONTRIBUTION}/checks"): {"aggregator"},
    ("GET", "/metrics"): {"operator"},
}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/changes": {"kind": "credential", "payload": {"actor": "bob", "revoke": True}},
    f"/v1/purposes/{CONTRIBUTION}/checks": {"uses": []},
}


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    with serving(database) as made:
        yield made


def record(who: Administrator) -> list[tuple[str, str, str]]:
    entries = who.ask("GET", "/v1/admin-log?limit=1000").json()["entries"]
    return [(each["actor"], each["action"], each["outcome"]) for each in entries]


def test_each_role_may_do_its_own_part_and_nothing_else(service: Service) -> None:
    people = {role: service.credential(role, f"the-{role}") for role in ROLES}
    for (method, path), allowed in MAY.items():
        for role, who in people.items():
            status = who.ask(method, path, BODIES.get(path)).status_code
            assert (status != 401) == (role in allowed), (method, path, role, status)


def test_every_administrative_call_is_recorded_denied_ones_too(service: Service) -> None:
    people = {role: service.credential(role, f"the-{role}") for role in ROLES}
    nobody = Administrator(service, "no-such-token")
    for method, path in MAY:
        for who in (*people.values(), nobody):
            who.ask(method, path, BODIES.get(path))
        service.ask(httpx.Request(method, BASE + path, json=BODIES.get(path)))
    found = record(people["auditor"])
    for (method, path), allowed in MAY.items():
        action = f"{method} {path}".replace("/7/", "/{number}/").replace(CONTRIBUTION, "{purpose}")
        for role in ROLES:
            assert (f"the-{role}", action, "admitted" if role in allowed else "denied") in found
        assert found.count(("unknown", action, "denied")) == 2
    assert ("console", "credential.bootstrap", "done") in found


def test_whoever_is_nobody_cannot_fill_the_record(sqlite_database: str) -> None:
    with serving(sqlite_database) as service:
        auditor = service.credential("auditor", "carol")
        for _ in range(80):
            service.get("/v1/changes")
        assert 60 <= record(auditor).count(("unknown", "GET /v1/changes", "denied")) < 80
        assert Administrator(service, "wrong").ask("GET", "/v1/changes").status_code == 401


def test_an_unrecorded_read_is_found_out(sqlite_database: str) -> None:
    """A planted fault: credentials are checked without a word in the record."""

    def plant(app: FastAPI) -> None:
        real = app.state.admin

        class Careless:
            def admit(self, token: str | None, **more: Any) -> object:
                return object()

            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

        app.dependency_overrides[admin_of] = Careless

    with serving(sqlite_database, plant=plant) as service:
        auditor = service.credential("auditor", "carol")
        assert ("carol", "GET /v1/admin-log", "admitted") not in record(auditor)


def test_credentials_end_with_their_time(service: Service) -> None:
    auditor = service.credential("auditor", "carol")
    officer = service.credential("officer", "grace")
    service.clock.now += LONGEST["auditor"] * DAY
    assert auditor.ask("GET", "/v1/admin-log").status_code == 401
    assert ("carol", "GET /v1/admin-log", "denied") in record(officer)


@pytest.mark.parametrize(
    ("role", "name", "days"),
    [
        ("king", "ada", 1),
        ("auditor", "ada", 31),
        ("officer", "ada", 0),
        ("officer", "Ada Lovelace", 9),
        ("operator", "console", 9),
    ],
)
def test_a_credential_that_cannot_be_is_refused(
    sqlite_database: str, role: str, name: str, days: int
) -> None:
    with serving(sqlite_database) as service, pytest.raises(CredentialRefused):
        bootstrap(service.engine, actor=name, role=role, days=days, now=service.clock())


def test_only_a_roles_first_credential_is_made_alone(service: Service) -> None:
    operator, officer = service.credential("operator", "ada"), service.credential("officer", "grace")
    with pytest.raises(CredentialRefused, match="there is an officer already"):
        service.credential("officer", "eve")
    token = "chosen by carol herself"
    carol = {"actor": "carol", "role": "auditor", "token_digest": token_digest(token), "days": 30}
    number = operator.propose("credential", carol)
    assert Administrator(service, token).ask("GET", "/v1/admin-log").status_code == 401
    assert officer.approve(number).status_code == 200
    assert Administrator(service, token).ask("GET", "/v1/admin-log").status_code == 200
    officer.propose("credential", {"actor": "carol", "revoke": True})
    assert Administrator(service, token).ask("GET", "/v1/admin-log").status_code == 200


def test_nobody_approves_their_own_change_and_nothing_happens_before_a_second_person(
    service: Service,
) -> None:
    operator, officer = service.credential("operator", "ada"), service.credential("officer", "grace")
    own = officer.propose("budget", LINE)
    refused = officer.approve(own)
    assert (refused.status_code, refused.json()["code"]) == (409, "four_eyes")
    assert service.get("/v1/ledger").json()["entries"] == []
    theirs = operator.propose("budget", LINE)
    first, again = officer.approve(theirs), officer.approve(theirs)
    assert first.json() == again.json()
    assert (first.json()["proposed_by"], first.json()["approved_by"]) == ("ada", "grace")
    declared = [entry for entry in service.get("/v1/ledger").json()["entries"] if "epsilon_budget" in entry]
    assert len(declared) == 1
    assert officer.approve(999).json()["code"] == "four_eyes"
    assert [action for _, action, outcome in record(officer) if outcome == "approved"] == ["change.budget"]


def test_a_budget_is_only_ever_lowered_and_the_public_log_says_so_without_names(service: Service) -> None:
    operator, officer = service.credential("operator", "ada"), service.credential("officer", "grace")
    assert officer.approve(operator.propose("budget", LINE)).status_code == 200
    for change in ({"epsilon_budget": 5.0}, {"epsilon_budget": 3.0, "delta": 1e-3}):
        refused = officer.approve(operator.propose("budget", {**LINE, **change}))
        assert (refused.status_code, refused.json()["code"]) == (422, "change_refused")
    assert officer.approve(operator.propose("budget", {**LINE, "epsilon_budget": 3.0})).status_code == 200
    with service.engine.connect() as connection:
        cap = cap_of(connection, "main")
    assert cap is not None
    assert cap.epsilon == 3.0
    logged = service.get("/v1/ledger")
    events = [decode_event(_canonical(entry)) for entry in logged.json()["entries"]]
    assert [type(e) for e in events if isinstance(e, LineDeclared | CapChanged)] == [LineDeclared, CapChanged]
    assert '"ada"' not in logged.text
    assert "grace" not in logged.text


def test_a_new_edition_of_a_notice_ends_consent_under_the_old_one(service: Service) -> None:
    operator, officer = service.credential("operator", "ada"), service.credential("officer", "grace")
    device = service.enrolled()
    assert device.grant().status_code == 200
    shown = [
        each["content"]
        for each in service.get("/v1/notices").json()["notices"]
        if each["content"]["purpose"] == CONTRIBUTION
    ]
    old = service.notice()
    renewed = [{**content, "edition": 2, "text": "Other words."} for content in shown]
    for broken in (renewed[:1], [{**renewed[0], "edition": 1}, renewed[1]], [{**renewed[0], "title": 7}]):
        number = operator.propose("notice", {"notices": broken})
        assert officer.approve(number).status_code == 422
    assert device.consent()["permitted"]
    assert officer.approve(operator.propose("notice", {"notices": renewed})).status_code == 200
    consent = device.consent()
    assert (consent["permitted"], consent["may_ask"], consent["decision"]) == (False, True, "granted")
    assert service.get(f"/v1/notices/{old}").json()["content"] in shown
    published = [decode_event(_canonical(entry)) for entry in service.get("/v1/ledger").json()["entries"]]
    assert [type(event) for event in published] == [NoticePublished] * 2


def test_a_proposal_sent_twice_under_one_key_is_one_proposal(service: Service) -> None:
    operator = service.credential("operator", "ada")
    change = BODIES["/v1/changes"]
    key = {"idempotency-key": "the-same-key"}
    numbers = {operator.ask("POST", "/v1/changes", change, **key).json()["number"] for _ in range(2)}
    assert len(numbers) == 1
    other = operator.ask("POST", "/v1/changes", {"kind": "period", "payload": {"line": "main"}}, **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(operator.ask("GET", "/v1/changes").json()["changes"]) == 1


@pytest.mark.parametrize("path", ["/v1/changes", "/v1/admin-log", "/v1/ledger"])
def test_pages_are_complete_and_in_order(sqlite_database: str, path: str) -> None:
    with serving(sqlite_database) as service:
        operator, officer = service.credential("operator", "ada"), service.credential("officer", "grace")
        for number in range(5):
            officer.approve(operator.propose("budget", {**LINE, "line": f"line {number}"}))
        name = {"/v1/changes": "changes", "/v1/admin-log": "entries", "/v1/ledger": "entries"}[path]
        whole = officer.ask("GET", f"{path}?limit=1000").json()[name]
        found: list[Any] = []
        after = -1 if path == "/v1/ledger" else 0
        while after is not None and len(found) < len(whole):
            page = officer.ask("GET", f"{path}?limit=2&after={after}").json()
            found, after = found + page[name], page["next"]
        assert found[: len(whole)] == whole


def test_a_check_denies_whatever_is_not_exactly_what_stands(service: Service) -> None:
    aggregator = service.credential("aggregator", "sum")
    given, gone, unknown = service.enrolled(), service.enrolled(), service.device()
    given.grant()
    gone.grant()
    gone.withdraw()
    uses = [(given, 1), (given, 0), (given, 2), (gone, 1), (gone, 2), (unknown, 0), (unknown, 1)]
    body = {"uses": [{"subject": device.subject, "version": version} for device, version in uses]}
    answer = aggregator.ask("POST", f"/v1/purposes/{CONTRIBUTION}/checks", body)
    assert answer.json()["permitted"] == [True] + [False] * 6
    other = aggregator.ask("POST", "/v1/purposes/research_release/checks", body)
    assert other.json()["permitted"] == [False] * 7


def _canonical(entry: dict[str, Any]) -> bytes:

    return encode(entry)
