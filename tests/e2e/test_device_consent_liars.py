"""A device against a service that lies, loses answers or is interrupted: nothing is believed that is not proved."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from client.device.consent_errors import AskAgain, ConsentUnavailable, ReceiptRefused
from client.device.purposes import LOCAL, Purpose
from client.device.web import Web, WebError
from privacy.canonical import encode, to_base64
from privacy.keys import SigningKey
from privacy.records import PREFIX
from tests.e2e.homes import Home, home
from tests.e2e.serving import Service

FEDERATED: Purpose = "federated_contribution"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path).up() as running:
        yield running


def give(device: Home, purpose: Purpose = FEDERATED) -> None:
    device.consent.grant(device.consent.notice(purpose))


def permitted_there(device: Home, service: Service, purpose: Purpose = FEDERATED) -> tuple[int, bool]:
    client = device.consent._services.client(service.url)
    states = client.states(gpc=False)
    assert states is not None
    return states[purpose]


def resigned(receipt: Any, key: SigningKey) -> dict[str, Any]:
    signature = to_base64(key.sign(PREFIX + encode(receipt)))
    return {"receipt": receipt, "signature": signature, "key": key.public.base64}


def other_signature(body: Any) -> None:
    body["signature"] = body["signature"][::-1].lstrip("=").ljust(86, "A") + "=="


def other_key(body: Any) -> None:
    body.update(resigned(body["receipt"], SigningKey.from_seed(bytes(32))))


def other_decision(body: Any) -> None:
    body["receipt"]["events"][0]["decision"] = "granted"


@pytest.mark.parametrize("lie", [other_signature, other_key, other_decision])
def test_a_service_that_lies_acknowledges_nothing(tmp_path: Path, service: Service, lie: Any) -> None:
    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        give(device)
        service.rewrite = lie
        device.consent.withdraw(FEDERATED)
        assert device.consent.courier.deliver() == 2
        assert device.queue()[0].problem == "receipt_refused"
        service.rewrite, service.clock.now = None, service.clock.now + 2
        assert device.consent.courier.deliver() is None
        assert len(device.consent.receipts()) == 2


@pytest.mark.parametrize("lie", [other_signature, other_key])
def test_a_grant_whose_receipt_does_not_verify_switches_nothing_on(
    tmp_path: Path, service: Service, lie: Any
) -> None:
    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        notice = device.consent.notice(FEDERATED)
        service.rewrite = lie
        with pytest.raises(ReceiptRefused):
            device.consent.grant(notice)
        assert not device.on()


def test_a_key_the_app_pinned_is_believed_and_no_other(tmp_path: Path, service: Service) -> None:
    pinned = SigningKey.generate().public
    with home(tmp_path / "a", server=service.url, clock=service.clock, keys=(pinned,)) as device:
        with pytest.raises(ReceiptRefused):
            give(device)
        assert not device.on()


def test_a_signed_receipt_of_an_earlier_withdrawal_does_not_answer_a_later_one(
    tmp_path: Path, service: Service
) -> None:
    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        give(device)
        device.consent.withdraw(FEDERATED)
        device.consent.courier.deliver()
        old = json.loads(device.consent.receipts()[-1])
        give(device)
        service.rewrite = lambda body: body.update(old)
        device.consent.withdraw(FEDERATED)
        device.consent.courier.deliver()
        assert device.queue()[0].problem == "receipt_refused"


def test_a_lost_answer_is_asked_for_again_and_is_the_same(tmp_path: Path, service: Service) -> None:
    class Losing(Web):
        lose = True

        def send(self, method: str, url: str, **more: Any) -> Any:
            answer = super().send(method, url, **more)
            if method == "PUT" and answer.status == 200 and self.lose:
                self.lose = False
                raise WebError("the answer is lost")
            return answer

    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        web = Losing()
        device.consent._services._web = web
        notice = device.consent.notice(FEDERATED)
        with pytest.raises(ConsentUnavailable):
            device.consent.grant(notice)
        assert not device.on()
        device.consent.grant(notice)
        assert device.on() == {FEDERATED}
        assert permitted_there(device, service) == (1, True)
        web.close()


def test_a_withdrawal_during_a_grant_wins(tmp_path: Path, service: Service) -> None:
    class Interrupted(Web):
        device: Home | None = None

        def send(self, method: str, url: str, **more: Any) -> Any:
            answer = super().send(method, url, **more)
            if method == "PUT" and answer.status == 200 and self.device:
                self.device.consent.withdraw(FEDERATED)
            return answer

    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        web = Interrupted()
        web.device, device.consent._services._web = device, web
        with pytest.raises(AskAgain):
            give(device)
        assert not device.on()
        assert device.consent.courier.deliver() is None
        assert permitted_there(device, service) == (2, False)
        web.close()


def test_an_answer_of_the_service_is_no_use_against_its_person(tmp_path: Path) -> None:
    """A service that denies everything unsigned turns use off, and deletes nothing."""
    service = Service(tmp_path)
    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        with service.up():
            give(device, LOCAL)
        device.fill()
        (tmp_path / "service.db").unlink()
        with service.up():
            device.consent.refresh()
        assert not device.on()
        assert device.counts()["events"] == 1


def test_a_receipt_of_another_subject_is_refused(tmp_path: Path, service: Service) -> None:
    def swap(body: Any) -> None:
        body["receipt"]["header"]["subject"] = "0" * 64
        body.update(resigned(body["receipt"], service.key))

    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        notice = device.consent.notice(FEDERATED)
        service.rewrite = swap
        with pytest.raises(ReceiptRefused, match="another subject"):
            device.consent.grant(notice)
