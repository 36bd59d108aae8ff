"""Withdrawals of the service's own releases: logged, carried to devices, audited, and proved anew."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from client.device.sync import Outcome
from privacy.keys import SigningKey
from privacy.manifest import TrustAnchors
from privacy.rotation import rotated
from privacy.withdrawal import open_withdrawal
from server.__main__ import main
from server.audit.__main__ import main as audit
from server.database import serially
from server.key_policy import approve_keys
from server.ledger_store import LogKey, StoredLedger
from server.withdrawing import log_and_withdraw
from tests.e2e.consenting import Service, serving
from tests.e2e.homes import Clock
from tests.e2e.serving import free_port, served
from tests.e2e.shelves import Taker
from tests.e2e.test_consent_log import LOGS
from tests.e2e.test_own_release import LINE, Publisher


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    with serving(database, logs=LOGS) as made:
        yield made


@pytest.fixture
def publisher(service: Service, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    monkeypatch.setattr("server.sealing.time.time", service.clock)
    return Publisher(service, tmp_path, database)


def test_a_withdrawal_is_logged_carried_to_devices_and_audits(
    publisher: Publisher, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert publisher.seal() == 0
    assert publisher.publish().status_code == 201
    monkeypatch.setenv("PENCHANT_TOKEN", publisher.operator.token)
    trust, port = TrustAnchors.decode((tmp_path / "trust.json").read_bytes()), free_port()
    with served(publisher.service.app, port):
        url = f"http://127.0.0.1:{port}"
        at, kept = ["--server", url], tmp_path / "withdrawal.json"
        publisher.promote()
        taker = Taker(tmp_path, trust, f"{url}/v1/releases/{LINE}", clock=Clock(publisher.service.clock()))
        assert taker.sync() == Outcome("installed", f"{LINE}/1")
        withdraw = ["release", "withdraw", LINE, "1", "--reason", "hazard", "--keep", str(kept), *at]
        assert main(withdraw) == 0
        assert taker.sync() == Outcome("nothing", withdrawn=(f"{LINE}/1",))
        assert main(withdraw) == 2
        assert main(["release", "withdraw", LINE, "9", *at]) == 2
    assert open_withdrawal(kept.read_bytes(), trust) == publisher.withdrawn()[0]
    assert len(publisher.withdrawn()) == 1
    bundle = str(tmp_path / "own.bundle")
    assert audit(["bundle", database, "-o", bundle]) == 0
    assert audit(["verify", bundle]) == 0


def test_a_withdrawn_release_is_pointed_at_no_more_and_cannot_come_back(publisher: Publisher) -> None:
    publisher.seal()
    publisher.publish()
    at = f"/v1/releases/{LINE}/1"
    publisher.promote()
    assert publisher.operator.ask("POST", f"{at}/withdrawal", {}).status_code == 422
    assert publisher.officer.ask("POST", f"{at}/withdrawal", {"reason": "hazard"}).status_code == 401
    assert publisher.withdrawn() == []
    moved = publisher.operator.ask("POST", f"{at}/withdrawal", {"reason": "hazard"}).json()
    assert (moved["current"], moved["releases"][0]["state"]) == (0, "withdrawn")
    for path, body in (("promotion", None), ("canary", {"share": 0.5}), ("expiry", None)):
        assert publisher.operator.ask("POST", f"{at}/{path}", body).status_code == 422
    channel = publisher.service.get(f"/v1/releases/{LINE}/channel.json").json()
    assert (channel["current"], channel["withdrawn"]) == (None, [moved["releases"][0]["withdrawal"]])


def test_a_withdrawal_holds_for_apps_that_pin_either_key_once_the_logs_key_was_replaced(
    publisher: Publisher, tmp_path: Path
) -> None:
    assert publisher.seal() == 0
    assert publisher.publish().status_code == 201
    publisher.operator.ask("POST", f"/v1/releases/{LINE}/1/withdrawal", {"reason": "hazard"})
    engine, fresh = publisher.service.engine, SigningKey.generate()
    event = rotated(
        LOGS.public.key, fresh, origin=LOGS.public.origin, purpose="log", proposed_by="ann", approved_by="bob"
    )
    serially(engine, lambda connection: StoredLedger(connection).append(event))
    old = TrustAnchors.decode((tmp_path / "trust.json").read_bytes())

    def channels() -> list[str]:
        found: list[str] = publisher.service.get(f"/v1/releases/{LINE}/channel.json").json()["withdrawn"]
        return found

    before = channels()
    later = replace(LOGS, public=LogKey(LOGS.public.origin, fresh))
    approve_keys(engine, publisher.service.key.public, later, now=publisher.service.clock())
    (digest,) = channels()
    assert [digest] != before
    shown = publisher.service.get(f"/v1/releases/{LINE}/files/{digest}").content
    for trust in (old, replace(old, log_key=fresh.public)):
        assert open_withdrawal(shown, trust) == publisher.withdrawn()[0]
    approve_keys(engine, publisher.service.key.public, later, now=publisher.service.clock())
    assert channels() == [digest], "what has its proof already is left as it is"


def test_a_withdrawal_that_breaks_off_is_in_no_log_and_moves_nothing(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.seal()
    publisher.publish()
    publisher.promote()

    def breaks(*given: object) -> bytes:
        raise RuntimeError("the process ends here")

    def withdraw() -> None:
        serially(publisher.service.engine, lambda c: log_and_withdraw(c, LINE, 1, "hazard", logs=LOGS))

    with monkeypatch.context() as planted:
        planted.setattr("server.withdrawing.encode_withdrawal", breaks)
        with pytest.raises(RuntimeError):
            withdraw()
    assert publisher.withdrawn() == []
    assert publisher.service.get(f"/v1/releases/{LINE}/channel.json").json()["current"]
    withdraw()
    assert len(publisher.withdrawn()) == 1
