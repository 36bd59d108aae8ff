"""Withdrawals of releases that another log than the service's shows, in the service and in a static folder."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.device.sync import Outcome
from privacy.acts import ReleaseWithdrawn
from privacy.keys import SigningKey
from privacy.ledger import Ledger
from privacy.withdrawal import encode_withdrawal
from server.__main__ import main
from tests.e2e.consenting import NOW, serving
from tests.e2e.homes import Clock
from tests.e2e.labelled import LOG_KEY, TRUST
from tests.e2e.shelves import Taker
from tests.e2e.shelves import serving as serving_folder
from tests.e2e.test_consent_log import LOGS
from tests.e2e.test_releases import AT, FIRST, SECOND, Publishing
from tests.log_made import LINE, ORIGIN


@pytest.fixture
def people(database: str) -> Iterator[Publishing]:
    with serving(database, logs=LOGS) as running:
        yield Publishing(running)


def shown(sequence: int, *, key: SigningKey = LOG_KEY) -> bytes:
    """Withdraw in the log that the line trusts; return what shows it."""
    ledger, event = Ledger(ORIGIN, key), ReleaseWithdrawn(line=LINE, sequence=sequence, reason="replaced")
    return encode_withdrawal(event, ledger.proof(ledger.append(event)))


def test_a_release_of_another_log_is_withdrawn_by_that_logs_evidence_alone(people: Publishing) -> None:
    people.publish(FIRST)
    for lie in (shown(1, key=SigningKey.generate()), shown(2), b"{}"):
        people.put(lie)
        asked = people.move("1/withdrawal", {"evidence": hashlib.sha256(lie).hexdigest()})
        assert (asked.status_code, asked.json()["code"]) == (422, "release_refused")
    assert people.move("1/withdrawal", {"evidence": "0" * 64}).status_code == 422
    assert "stands in another log" in people.move("1/withdrawal", {"reason": "hazard"}).json()["detail"]
    people.put(shown(1))
    digest = hashlib.sha256(shown(1)).hexdigest()
    assert people.move("1/withdrawal", {"evidence": digest}).status_code == 200
    assert people.channel()["withdrawn"] == [digest]
    assert people.service.get(f"{AT}/files/{digest}").content == shown(1)
    assert people.move("1/withdrawal", {"evidence": digest}).status_code == 422


def test_a_static_folder_carries_withdrawals_and_points_at_no_withdrawn_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, files in (("first", FIRST), ("second", SECOND)):
        (tmp_path / name).mkdir()
        for file, data in {**files, "trust.json": TRUST.encode()}.items():
            (tmp_path / name / file).write_bytes(data)
    (tmp_path / "withdrawal.json").write_bytes(shown(2))
    static, www = ["release", "static"], str(tmp_path / "www")
    evidence = ["--withdrawn", str(tmp_path / "withdrawal.json")]
    with serving_folder(tmp_path / "www") as url:
        taker = Taker(tmp_path, TRUST, url, clock=Clock(NOW))
        for name, found in (("first", "1"), ("second", "2")):
            assert main([*static, str(tmp_path / name), www]) == 0
            assert taker.sync() == Outcome("installed", f"{LINE}/{found}")
        assert main([*static, str(tmp_path / "second"), www, *evidence]) == 0
        assert taker.sync() == Outcome("nothing", withdrawn=(f"{LINE}/2",))
        assert main([*static, str(tmp_path / "first"), www, *evidence]) == 0
        assert taker.sync() == Outcome("unchanged")
        assert taker.ranks_with() == f"{LINE}/1"
    (tmp_path / "withdrawal.json").write_bytes(shown(2, key=SigningKey.generate()))
    assert main([*static, str(tmp_path / "first"), www, *evidence]) == 2
    assert "withdrawal.json" in capsys.readouterr().err
