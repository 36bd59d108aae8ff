"""Consent on a device against the real service: the switch first, the network after, the receipt for certain."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from client.device.__main__ import main
from client.device.consent import Consent
from client.device.consent_errors import AskAgain, ConsentRefused, ConsentUnavailable
from client.device.notice import own_notice
from client.device.purposes import LOCAL, PURPOSES, SENDS, Purpose
from client.device.switches import Switches, wait_before
from client.device.web import Web
from privacy.records import read_receipt
from server import consent as server_consent
from server.notices import read_notice
from tests.e2e.homes import Clock, Home, home
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


def test_a_grant_is_on_after_its_receipt_and_a_withdrawal_ends_it_here_and_there(
    tmp_path: Path, service: Service
) -> None:
    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        assert not device.on()
        give(device)
        assert device.on() == {FEDERATED}
        assert permitted_there(device, service) == (1, True)
        device.consent.withdraw(FEDERATED)
        assert not device.on()
        assert permitted_there(device, service) == (1, True)
        assert device.consent.courier.deliver() is None
        assert permitted_there(device, service) == (2, False)
        kept = [read_receipt(data, service.key.public) for data in device.consent.receipts()]
        said: Any = [receipt["events"] for receipt in kept]
        assert [events[0]["decision"] for events in said] == ["granted", "withdrawn"]


def test_a_withdrawal_acts_offline_and_reaches_the_service_after_the_outage(tmp_path: Path) -> None:
    service = Service(tmp_path)
    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        with service.up():
            give(device)
        device.fill()
        assert device.consent.withdraw(FEDERATED)
        assert not device.on()
        assert device.counts() == {"events": 1, "weeks": 1, "personal": 1, "outbox": 1, "caches": 0}
        for attempts in range(1, 6):
            wait = device.consent.courier.deliver()
            assert wait == wait_before(attempts, 1.0)
            assert device.queue()[0].attempts == attempts
            assert device.queue()[0].problem == "no_answer"
            assert device.consent.courier.deliver() == wait
            assert device.queue()[0].attempts == attempts
            service.clock.now += wait
    with service.up(), home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        assert device.consent.courier.deliver() is None
        assert not device.queue()
        assert permitted_there(device, service) == (2, False)


def test_attempts_spread_and_never_stop() -> None:
    waits = [wait_before(attempts, jitter) for attempts in range(1, 80) for jitter in (0.0, 0.5, 1.0)]
    assert min(waits) == 1
    assert max(waits) == 3600
    assert all(wait_before(n, 0.0) * 2 == wait_before(n, 1.0) for n in range(2, 12))


def test_withdrawing_local_personalization_deletes_everything_personal_unless_it_is_kept(
    tmp_path: Path, service: Service
) -> None:
    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        give(device, LOCAL)
        device.fill()
        device.consent.withdraw(LOCAL, keep=True)
        assert device.counts()["events"] == device.counts()["personal"] == 1
        device.consent.courier.deliver()
        give(device, LOCAL)
        assert device.consent.withdraw(LOCAL)
        assert set(device.counts().values()) == {0}


def test_a_purpose_is_withdrawn_alone(tmp_path: Path, service: Service) -> None:
    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        for purpose in PURPOSES:
            give(device, purpose)
        assert device.on() == set(PURPOSES)
        device.consent.withdraw("aggregate_metrics")
        assert device.on() == set(PURPOSES) - {"aggregate_metrics"}


def test_without_a_service_only_the_local_purpose_is_granted_under_the_devices_own_receipt(
    tmp_path: Path,
) -> None:
    with home(tmp_path / "a") as device:
        give(device, LOCAL)
        assert device.on() == {LOCAL}
        key = device.vault.signing_key(audience="penchant-device").public
        assert read_receipt(device.consent.receipts()[0], key)
        with pytest.raises(ConsentUnavailable):
            device.consent.notice(FEDERATED)
        device.consent.withdraw(LOCAL)
        assert not device.on()
        assert not device.queue()


def test_consent_lapses(tmp_path: Path) -> None:
    clock = Clock()
    with home(tmp_path / "a", clock=clock) as device:
        give(device, LOCAL)
        clock.now += 365 * 86_400
        assert not device.on()


def second_device(tmp_path: Path, first: Home) -> Path:
    """A device of the same person: another home with the same secret."""
    with home(tmp_path / "b") as other:
        other.vault.adopt(first.vault.secret())
    return tmp_path / "b"


def test_a_second_device_learns_of_a_withdrawal_and_keeps_what_is_its_own(
    tmp_path: Path, service: Service
) -> None:
    with home(tmp_path / "a", server=service.url, clock=service.clock) as first:
        give(first)
        with home(second_device(tmp_path, first), server=service.url, clock=service.clock) as second:
            with pytest.raises(AskAgain):
                give(second)
            give(second)
            second.fill()
            assert permitted_there(second, service) == (2, True)
            first.consent.refresh()
            assert not first.on()
            second.consent.withdraw(FEDERATED)
            second.consent.courier.deliver()
        give(first)
        with home(tmp_path / "b", server=service.url, clock=service.clock) as second:
            assert not second.on()
            second.consent.refresh()
            assert not second.on()
            assert second.counts()["events"] == 1


def test_global_privacy_control_refuses_and_withdraws_what_sends(tmp_path: Path, service: Service) -> None:
    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        for purpose in PURPOSES:
            give(device, purpose)
        device.consent.signal(on=True)
        assert device.on() == {LOCAL}
        assert {each.purpose for each in device.queue()} == SENDS
        device.consent.courier.deliver()
        assert not permitted_there(device, service)[1]
        sent = len(service.seen)
        with pytest.raises(ConsentRefused):
            device.consent.grant(device.consent.notice(FEDERATED))
        assert not [line for line in service.seen[sent:] if line.startswith("PUT")]


def test_a_device_with_a_wrong_clock_still_gets_out(tmp_path: Path, service: Service) -> None:
    service.clock.now = int(time.time())
    clock = Clock(service.clock.now - 90 * 86_400)
    with home(tmp_path / "a", server=service.url, clock=clock) as device:
        device.consent.withdraw(FEDERATED)
        assert device.consent.courier.deliver() is None


def test_purposes_and_own_notices_are_those_the_service_knows() -> None:
    assert server_consent.PURPOSES == PURPOSES
    assert server_consent.SENDS == SENDS
    for language in ("en", "de"):
        notice = own_notice(language)
        read = read_notice(json.dumps(dict(notice.content)), name="own")
        assert (read.digest, read.language) == (notice.digest, language)


def test_the_command_grants_withdraws_and_shows(
    tmp_path: Path, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.clock.now = int(time.time())
    where = ["--server", service.url, "--home", str(tmp_path / "a")]
    assert main(["consent", "grant", FEDERATED, "--yes", *where]) == 0
    assert "granted" in capsys.readouterr().out
    assert main(["consent", "status", *where]) == 0
    assert "federated_contribution: on" in capsys.readouterr().out
    assert main(["consent", "withdraw", FEDERATED, *where]) == 0
    assert "Acknowledged by the service" in capsys.readouterr().out
    assert main(["consent", "status", *where]) == 0
    assert "federated_contribution: off" in capsys.readouterr().out


def test_the_command_withdraws_with_the_service_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = Service(tmp_path)
    where = ["--server", service.url, "--home", str(tmp_path / "a")]
    assert main(["consent", "withdraw", FEDERATED, *where]) == 0
    assert "off on this device" in capsys.readouterr().out
    assert main(["consent", "status", *where]) == 0
    assert "not acknowledged" in capsys.readouterr().out
    assert main(["consent", "grant", FEDERATED, "--yes", *where]) == 2
    assert "[consent_unavailable]" in capsys.readouterr().err


class NetworkFirst(Consent):
    """A planted fault: the service hears of it before the device obeys."""

    def withdraw(self, purpose: Purpose, **more: Any) -> bool:
        with self._database.reading() as connection:
            switch = Switches(connection).get(purpose)
        self._services.client(self._origin).stop(purpose, "withdraw", beyond=switch.version)
        return super().withdraw(purpose, **more)


def obeys_before_anything_leaves(tmp_path: Path, service: Service, kind: type[Consent]) -> bool:
    """At each request look into the device's store from outside: is the switch off yet?"""
    found: list[bool] = []

    class Looking(Web):
        def send(self, method: str, url: str, **more: Any) -> Any:
            with home(tmp_path / "a", clock=service.clock) as beside:
                found.append(not beside.on())
            return super().send(method, url, **more)

    with home(tmp_path / "a", server=service.url, clock=service.clock, kind=kind) as device:
        give(device)
        device.consent.close()
        web = Looking()
        device.consent._services.client(service.url)._channel._web = web
        device.consent.withdraw(FEDERATED)
        device.consent.courier.deliver()
        web.close()
    shutil.rmtree(tmp_path / "a")
    return bool(found) and all(found)


def test_nothing_leaves_before_the_switch_acts_and_a_network_first_device_is_caught(
    tmp_path: Path, service: Service
) -> None:
    assert obeys_before_anything_leaves(tmp_path, service, Consent)
    assert not obeys_before_anything_leaves(tmp_path, service, NetworkFirst)
