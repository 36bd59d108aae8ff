"""Limits keep the service answering, and never on the way out."""

import httpx
import pytest
from fastapi import FastAPI

from privacy.keys import SigningKey
from server.enrolment import admit_vouched, vouch
from server.limits import LARGEST_BODY, Pace, TooMany
from server.signed import owner, paced_owner
from tests.e2e.consenting import BASE, CONTRIBUTION, Service, serving


def ways_out_refused(service: Service) -> list[int]:
    """Ask until nothing more may be asked, then leave by every way; return what was refused."""
    device = service.enrolled()
    while device.consents().status_code == 200:
        pass
    assert device.grant().status_code == 429
    left = [device.withdraw() for _ in range(8)] + [device.refuse() for _ in range(8)]
    left += [device.withdraw(purpose) for purpose in ("local_personalization", "research_release")]
    left.append(device.erase())
    return [each.status_code for each in left if each.status_code not in (200, 204)]


def test_a_subject_that_asks_too_often_waits_and_may_leave_at_any_moment(sqlite_database: str) -> None:
    with serving(sqlite_database, requests_a_minute=4) as service:
        assert ways_out_refused(service) == []
        device = service.enrolled()
        answers = [device.consents() for _ in range(5)]
        assert [each.status_code for each in answers] == [200] * 4 + [429]
        assert int(answers[-1].headers["retry-after"]) >= 1


def test_a_limit_on_withdrawals_is_found_out(sqlite_database: str) -> None:
    """A planted fault: one limit for everything."""

    def plant(app: FastAPI) -> None:
        app.dependency_overrides[owner] = paced_owner

    with serving(sqlite_database, plant=plant, requests_a_minute=4) as service:
        assert ways_out_refused(service)


def test_a_rush_of_enrolments_is_slowed_and_withdrawals_are_not(sqlite_database: str) -> None:
    with serving(sqlite_database, enrolments_a_second=1) as service:
        first = service.enrolled()
        rush = [service.device().enrol().status_code for _ in range(15)]
        assert rush.count(429) >= 4
        assert first.withdraw().status_code == 200
        assert service.device().withdraw().status_code == 200


def test_only_devices_the_app_vouches_for_enrol_where_it_is_asked(sqlite_database: str) -> None:
    app = SigningKey.generate()
    with serving(sqlite_database, admit=admit_vouched(app.public)) as service:
        device, invented = service.device(), service.device()
        for token in (None, "", "nonsense", vouch(device.subject, app), vouch(invented.subject, device.key)):
            refused = invented.enrol(token)
            assert (refused.status_code, refused.json()["code"]) == (403, "enrolment_refused")
        assert device.enrol(vouch(device.subject, app)).status_code == 201
        assert invented.withdraw().status_code == 200


@pytest.mark.parametrize("size", [LARGEST_BODY, LARGEST_BODY + 1])
def test_a_body_larger_than_anything_understood_is_not_read(sqlite_database: str, size: int) -> None:
    with serving(sqlite_database) as service:
        sent = httpx.Request("POST", f"{BASE}/v1/subjects", content=b"x" * size)
        answer = service.ask(sent)
        assert answer.status_code == (413 if size > LARGEST_BODY else 401)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_bucket_fills_again_with_time_and_forgets_who_was_unseen_for_longest() -> None:
    now = 0.0
    pace = Pace(rate=2, burst=2, names=2, clock=lambda: now)
    for _ in range(2):
        pace.take("a")
    with pytest.raises(TooMany) as refused:
        pace.take("a")
    assert refused.value.retry_after == 1
    now = 0.5
    pace.take("a")
    assert not pace.may("a")
    for name in ("b", "c"):
        pace.take(name)
    assert pace.may("a")


def test_the_largest_check_fits_into_a_body(sqlite_database: str) -> None:
    with serving(sqlite_database) as service:
        aggregator = service.credential("aggregator", "sum")
        device = service.enrolled()
        device.grant()
        uses = [{"subject": device.subject, "version": 2**53 - 1}] * 999
        uses.append({"subject": device.subject, "version": 1})
        answer = aggregator.ask("POST", f"/v1/purposes/{CONTRIBUTION}/checks", {"uses": uses})
        assert answer.json()["permitted"] == [False] * 999 + [True]
