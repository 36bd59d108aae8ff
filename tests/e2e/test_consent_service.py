"""Consent over HTTP, on both databases: what a person decides holds, in the order in which it was acknowledged."""

import json
from collections.abc import Iterator

import pytest

from privacy.canonical import encode
from privacy.records import ReceiptError, read_receipt
from server.consent import DAY, GRANTS_AN_HOUR, HOUR, LIFETIME, PURPOSES, QUIET, SENDS
from server.refusals import WINDOW
from tests.e2e.consenting import CONTRIBUTION, Service, serving


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    with serving(database) as made:
        yield made


def test_a_device_enrols_once_and_every_purpose_starts_as_no(service: Service) -> None:
    device = service.device()
    assert [device.enrol().status_code for _ in range(2)] == [201, 200]
    shown = device.consents().json()
    assert shown["subject"] == device.subject
    assert [each["purpose"] for each in shown["consents"]] == list(PURPOSES)
    assert not any(each["permitted"] for each in shown["consents"])
    assert all(each["may_ask"] and each["version"] == 0 for each in shown["consents"])


def test_a_grant_is_acknowledged_by_a_receipt_that_verifies_offline_and_says_what_was_shown(
    service: Service,
) -> None:
    device = service.enrolled()
    done = device.grant()
    assert (done.status_code, done.headers["etag"]) == (200, '"1"')
    receipt = read_receipt(done.content, service.key.public)
    digest = service.notice()
    assert receipt["processing"]["notice_digest"] == digest  # type: ignore[index, call-overload]
    shown = service.get(f"/v1/notices/{digest}").json()["content"]
    assert receipt["processing"]["notice"] == shown  # type: ignore[index, call-overload]
    assert device.consent()["permitted"]
    forged = done.content.replace(b'"granted"', b'"refused"')
    with pytest.raises(ReceiptError):
        read_receipt(forged, service.key.public)


def test_a_purpose_is_decided_alone(service: Service) -> None:
    device = service.enrolled()
    assert device.grant(purpose="aggregate_metrics").status_code == 200
    permitted = {each["purpose"]: each["permitted"] for each in device.consents().json()["consents"]}
    assert permitted == {purpose: purpose == "aggregate_metrics" for purpose in PURPOSES}


def test_a_grant_needs_the_version_that_was_shown_and_says_which_it_is(service: Service) -> None:
    device = service.enrolled()
    device.withdraw()
    refused = device.grant(0)
    assert (refused.status_code, refused.headers["etag"]) == (412, '"1"')
    assert refused.json()["code"] == "version_moved"
    assert device.grant(refused.json()["version"]).status_code == 200
    body = {"notice": service.notice(), "language": "en"}
    path = f"{device.path}/consents/{CONTRIBUTION}"
    missing = device.ask("PUT", path, body, {"idempotency-key": "12345678"})
    assert (missing.status_code, missing.json()["code"]) == (428, "condition_missing")
    weak = device.ask("PUT", path, body, {"if-match": "*", "idempotency-key": "12345678"})
    assert weak.status_code == 422


def test_every_attempt_under_one_key_gets_the_same_receipt_and_another_request_none(service: Service) -> None:
    device = service.enrolled()
    first, again = device.grant(key="the-same-key"), device.grant(key="the-same-key")
    assert again.content == first.content
    assert device.consent()["version"] == 1
    other = device.grant(1, key="the-same-key")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_an_attempt_repeated_after_a_withdrawal_revives_nothing(service: Service) -> None:
    """G2: the first attempt's receipt is returned, and what stands is the withdrawal."""
    device = service.enrolled()
    device.grant(key="the-same-key")
    device.withdraw()
    assert device.grant(key="the-same-key").headers["etag"] == '"1"'
    assert not device.consent()["permitted"]
    assert device.consent()["version"] == 2


@pytest.mark.parametrize("before", ["undecided", "withdrawn", "refused", "granted"])
def test_a_grant_that_arrives_after_a_withdrawal_is_not_honoured(service: Service, before: str) -> None:
    """The network may deliver in any order: what was decided before the last no does not count after it."""
    device = service.enrolled()
    if before != "undecided":
        method = {"withdrawn": "withdraw", "refused": "refuse", "granted": "grant"}[before]
        assert getattr(device, method)().status_code == 200
    late = device.granting(device.consent()["version"])
    assert device.withdraw().status_code == 200
    assert service.ask(late).status_code == 412
    assert not device.consent()["permitted"]


def test_a_withdrawal_is_accepted_in_every_state_and_as_often_as_it_comes(service: Service) -> None:
    """G5: unconditional and idempotent."""
    stranger = service.device()
    assert stranger.withdraw().status_code == 200
    device = service.enrolled()
    for _ in range(3):
        gone = device.withdraw()
        assert gone.status_code == 200
        receipt = json.loads(gone.content)["receipt"]
        assert receipt["events"][0]["decision"] == "withdrawn"
        assert receipt["events"][0]["effective"] == "at_ack"
        assert not device.consent()["permitted"]
    kept = device.ask("GET", f"{device.path}/receipts").json()["receipts"]
    assert len(kept) == 1


def test_an_old_enrolment_does_not_arrive_after_a_withdrawal(service: Service) -> None:
    device = service.device()
    late = device.request("POST", "/v1/subjects", {"token": None})
    assert device.withdraw().status_code == 200
    refused = service.ask(late)
    assert (refused.status_code, refused.json()["code"]) == (409, "just_withdrawn")
    service.clock.now += 2 * WINDOW + 1
    assert service.ask(late).json()["code"] == "stale_request"
    assert device.enrol().status_code == 201


def test_a_request_counts_once_whatever_came_of_it(service: Service) -> None:
    device = service.enrolled()
    refused = device.granting(7)
    assert service.ask(refused).status_code == 412
    looked = device.request("GET", f"{device.path}/consents")
    assert service.ask(looked).status_code == 200
    gone = device.request("DELETE", f"{device.path}/consents/{CONTRIBUTION}")
    assert service.ask(gone).status_code == 200
    assert device.grant(1).status_code == 200
    for replay in (refused, looked, gone):
        again = service.ask(replay)
        assert (again.status_code, again.json()["code"]) == (401, "stale_request")
    assert device.consent()["permitted"]


@pytest.mark.parametrize("off", [-WINDOW - 1, WINDOW + 1])
def test_a_clock_that_is_off_is_told_the_time_and_may_sign_again(service: Service, off: int) -> None:
    device = service.enrolled()
    path = f"{device.path}/consents/{CONTRIBUTION}"
    stale = service.ask(device.request("DELETE", path, created=service.clock.now + off))
    assert (stale.status_code, stale.json()["now"]) == (401, service.clock.now)
    assert service.ask(device.request("DELETE", path, created=stale.json()["now"])).status_code == 200


def test_consent_lapses_after_twelve_months(service: Service) -> None:
    device = service.enrolled()
    device.grant()
    service.clock.now += LIFETIME - 1
    assert device.consent()["permitted"]
    service.clock.now += 1
    assert not device.consent()["permitted"]
    assert device.consent()["may_ask"]


@pytest.mark.parametrize("no", ["refuse", "withdraw"])
def test_nobody_asks_again_for_six_months_after_a_no(service: Service, no: str) -> None:
    device = service.enrolled()
    getattr(device, no)()
    service.clock.now += QUIET - 1
    assert not device.consent()["may_ask"]
    service.clock.now += 1
    assert device.consent()["may_ask"]


def test_the_quiet_period_binds_apps_not_people(service: Service) -> None:
    device = service.enrolled()
    device.refuse()
    assert device.grant(1).status_code == 200


def test_grants_are_limited_by_the_hour_and_withdrawals_are_not(service: Service) -> None:
    """G6: nobody can stall rounds by flapping."""
    device = service.enrolled()
    for grant in range(GRANTS_AN_HOUR):
        assert device.grant(2 * grant).status_code == 200
        assert device.withdraw().status_code == 200
    refused = device.grant(2 * GRANTS_AN_HOUR)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_grants")
    assert 1 <= int(refused.headers["retry-after"]) <= HOUR
    assert device.withdraw().status_code == 200
    service.clock.now += int(refused.headers["retry-after"])
    assert device.grant(2 * GRANTS_AN_HOUR + 1).status_code == 200


def test_a_global_privacy_signal_refuses_what_leaves_the_device_and_is_shown_as_honoured(
    service: Service,
) -> None:
    device = service.enrolled()
    for purpose in PURPOSES:
        assert device.grant(purpose=purpose).status_code == 200
    shown = device.consents(**{"sec-gpc": "1"}).json()
    assert shown["gpc"]
    permitted = {each["purpose"] for each in shown["consents"] if each["permitted"]}
    assert permitted == set(PURPOSES) - SENDS
    assert not any(each["may_ask"] for each in shown["consents"] if each["purpose"] in SENDS)
    assert device.consent()["decision"] == "refused"  # the signal was a refusal, not a way of looking
    refused = device.grant(2, headers={"sec-gpc": "1"})
    assert (refused.status_code, refused.json()["code"]) == (403, "refused_by_signal")
    local = device.grant(1, purpose="local_personalization", headers={"sec-gpc": "1"})
    assert local.status_code == 200
    assert service.get("/.well-known/gpc.json").json()["gpc"] is True


def test_a_signal_that_a_browser_adds_refuses_grants_and_stops_no_withdrawal(service: Service) -> None:
    device = service.enrolled()
    grant = device.granting()
    grant.headers["sec-gpc"] = "1"
    assert service.ask(grant).status_code == 403
    withdrawal = device.request("DELETE", f"{device.path}/consents/{CONTRIBUTION}")
    withdrawal.headers["sec-gpc"] = "1"
    assert service.ask(withdrawal).status_code == 200


def test_receipts_come_a_page_at_a_time_complete_and_byte_for_byte(service: Service) -> None:
    device = service.enrolled()
    given = [device.grant(0), device.withdraw(), device.refuse(), device.grant(3), device.withdraw()]
    found, after = [], 0
    while after is not None:
        page = device.ask("GET", f"{device.path}/receipts?after={after}&limit=2").json()
        found += page["receipts"]
        after = page["next"]
    assert [encode(each) for each in found] == [each.content for each in given]
    for each in found:
        read_receipt(encode(each), service.key.public)


def test_erasure_leaves_nothing_and_is_the_same_again(service: Service) -> None:
    """G9."""
    device = service.enrolled()
    device.grant()
    assert [device.erase().status_code for _ in range(2)] == [204, 204]
    assert device.consents().json()["code"] == "not_enrolled"
    assert device.ask("GET", f"{device.path}/receipts").json()["receipts"] == []
    service.clock.now += 2 * WINDOW + 1
    assert device.enrol().status_code == 201
    assert device.consent()["version"] == 0


def test_notices_are_named_by_their_content_in_two_languages(service: Service) -> None:
    listed = service.get("/v1/notices").json()["notices"]
    pairs = {(each["content"]["purpose"], each["content"]["language"]) for each in listed}
    assert pairs == {(purpose, language) for purpose in PURPOSES for language in ("en", "de")}
    one = service.get(f"/v1/notices/{listed[0]['digest']}")
    assert one.json() == listed[0]
    assert service.get(f"/v1/notices/{'0' * 64}").json()["code"] == "unknown_notice"
    device = service.enrolled()
    unknown = device.grant(notice="0" * 64)
    assert (unknown.status_code, unknown.json()["code"]) == (409, "notice_outdated")


def test_purposes_say_what_leaves_the_device_and_for_how_long_a_no_holds(service: Service) -> None:
    listed = service.get("/v1/purposes").json()["purposes"]
    assert {each["purpose"]: each["leaves_the_device"] for each in listed} == {
        purpose: purpose in SENDS for purpose in PURPOSES
    }
    assert {each["quiet_days"] for each in listed} == {QUIET // DAY}


def test_the_key_that_signs_receipts_is_listed(service: Service) -> None:
    keys = service.get("/v1/keys").json()["keys"]
    assert keys == [{"public": service.key.public.base64, "since": service.clock.now}]


def test_nonces_are_forgotten_once_they_no_longer_matter(service: Service) -> None:
    device = service.enrolled()
    request = device.request("GET", f"{device.path}/consents")
    assert service.ask(request).status_code == 200
    service.clock.now += 2 * WINDOW + 1
    service.sweep()
    assert service.count("nonces") == 0
    assert service.ask(request).json()["code"] == "stale_request"


def test_no_answer_may_be_kept_by_a_cache(service: Service) -> None:
    device = service.enrolled()
    for answer in (device.consents(), device.grant(), device.withdraw(), service.get("/v1/notices")):
        assert answer.headers["cache-control"] == "no-store"
