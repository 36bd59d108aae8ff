"""A device keeps the log proof of each receipt, and keeps none that does not hold under the logs it pins."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from client.device.consent_errors import ReceiptRefused
from client.device.database import Database
from client.device.purposes import Purpose
from client.device.switches import Switches
from privacy.consent_log import verify_receipt_proof
from privacy.keys import SigningKey
from privacy.log_pins import Pins, PinsRefused
from server.database import open_engine
from server.log_keeper import LogKeeper
from tests.e2e.homes import Home, home
from tests.e2e.serving import Service
from tests.e2e.test_consent_log import LOGS

FEDERATED: Purpose = "federated_contribution"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    # The test ticks by hand: the service's own clock stands still until it is moved.
    with Service(tmp_path, logs=replace(LOGS, tick_seconds=600)).up() as running:
        yield running


def tick(service: Service) -> None:
    engine = open_engine(f"sqlite:///{service.folder / 'service.db'}")
    service.clock.now += LOGS.tick_seconds
    LogKeeper(engine, LOGS, clock=service.clock).tick()
    engine.dispose()


def kept(device: Home) -> list[tuple[bytes, bytes]]:
    with device.database.reading() as connection:
        return Switches(connection).proofs()


def test_proofs_come_after_the_tick_are_checked_and_kept_offline(tmp_path: Path, service: Service) -> None:
    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        device.consent.grant(device.consent.notice(FEDERATED))
        device.consent.withdraw(FEDERATED)
        assert device.consent.courier.deliver() is None
        assert device.consent.courier.prove(LOGS.pins) == (0, 2)
        tick(service)
        assert device.consent.courier.prove(LOGS.pins) == (2, 0)
        assert device.consent.courier.prove(LOGS.pins) == (0, 0)
        found = kept(device)
    assert len(found) == 2
    for receipt, proof in found:
        verify_receipt_proof(
            proof, receipt, consent_key=LOGS.consent.key.public, consent_origin=LOGS.consent.origin,
            log_key=LOGS.public.key.public, log_origin=LOGS.public.origin,
        )  # fmt: skip


def test_a_proof_under_other_logs_is_refused_and_not_kept(tmp_path: Path, service: Service) -> None:
    """The planted fault: the service's log is signed by a key that the device does not pin."""
    with home(tmp_path / "a", server=service.url, clock=service.clock) as device:
        device.consent.grant(device.consent.notice(FEDERATED))
        tick(service)
        pins = replace(LOGS.pins, key=SigningKey.generate().public)
        with pytest.raises(ReceiptRefused, match="pinned logs"):
            device.consent.courier.prove(pins)
        assert kept(device) == []


def test_a_home_of_the_version_before_gets_room_for_proofs(tmp_path: Path) -> None:
    path = tmp_path / "device.db"
    Database(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE proofs")
        connection.execute("PRAGMA user_version=1")
    database = Database(path)
    with database.reading() as connection:
        assert Switches(connection).proofs() == []
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    database.close()


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"consent_log":"x","format":"penchant-log-pins-1","public_log":"y"}']
)
def test_what_is_no_file_of_pins_is_refused(data: bytes) -> None:
    with pytest.raises(PinsRefused):
        Pins.decode(data)
    assert Pins.decode(LOGS.pins.encode()) == LOGS.pins
