"""Releases of the service's own lines: declared, spent, labelled, logged and published in one log that audits."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from client.device.release import open_release
from privacy.acts import HazardRaised, NotCovered, ReleaseWithdrawn
from privacy.events import Event, ReleasePublished
from privacy.keys import SigningKey
from privacy.label import read_label
from privacy.manifest import TrustAnchors
from server.__main__ import main
from server.audit.__main__ import main as audit
from server.database import reading, serially
from server.key_policy import approve_keys
from server.ledger_store import LogKey, StoredLedger
from server.log_keeper import LogKeeper
from tests.e2e.consenting import BASE, Service, serving
from tests.e2e.labelled import EXPORTED
from tests.e2e.serving import free_port, served
from tests.e2e.test_consent_log import LOGS
from tests.e2e.test_policy_log import change, rotation
from tests.log_made import one_round

LINE = "own"
DECLARATION = {
    "line": LINE, "epsilon_budget": 4.0, "delta": 5e-4, "unit": "enrolled_subject",
    "neighboring_relation": "add_or_remove_one", "trust": "central", "declared_population": 943,
    "period_days": 365, "releases": 2,
}  # fmt: skip
SAID = """
one_person_one_id = "One account for one person."
pretraining = "Titles, public."
side_channels = "Traffic shows that a device takes part."
security = "Keys are kept apart."
data_collected = "one clipped vector a round."
retention = "Until the round commits."
approver = "ann"
"""


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    with serving(database, logs=LOGS) as made:
        yield made


class Publisher:
    """Two people, a trained model, and the operator's command over the test's service."""

    def __init__(self, service: Service, folder: Path, database: str) -> None:
        self.service, self.folder, self.database = service, folder, database
        self.operator = service.credential("operator", "ada")
        self.officer = service.credential("officer", "grace")
        assert self.officer.approve(self.operator.propose("budget", DECLARATION)).status_code == 200
        self.append(
            NotCovered(line=LINE, activity="tuning", data="public_knowledge"), *one_round(1, line=LINE)
        )
        LogKeeper(service.engine, LOGS, clock=service.clock).tick()
        (folder / "model.onnx").write_bytes(EXPORTED[30].model)
        (folder / "catalogue.json").write_bytes(EXPORTED[30].catalogue)
        (folder / "declared.toml").write_text(SAID)
        (folder / "pins").write_bytes(LOGS.pins.encode())

    def append(self, *events: Event) -> None:
        serially(self.service.engine, lambda c: [StoredLedger(c).append(event) for event in events])

    def seal(self) -> int:
        files = ["--declared", str(self.folder / "declared.toml"), "--pins", str(self.folder / "pins")]
        key = ["--release-key", str(self.folder / "release.key"), "--database", self.database]
        return main(["release", "seal", str(self.folder), LINE, *files, *key])

    def publish(self) -> httpx.Response:
        names = ("manifest.json", "model.onnx", "catalogue.json", "label.json")
        files = {name: (self.folder / name).read_bytes() for name in names}
        headers = {"authorization": f"Bearer {self.operator.token}"}
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        for name, data in files.items():
            put = httpx.Request(
                "PUT", f"{BASE}/v1/releases/{LINE}/files/{digests[name]}", content=data, headers=headers
            )
            assert self.service.ask(put).status_code == 201
        trust = TrustAnchors.decode((self.folder / "trust.json").read_bytes())
        body = {"files": digests, "release_key": trust.release_key.base64}
        return self.operator.ask("POST", f"/v1/releases/{LINE}/publication", body)

    def promote(self) -> None:
        waiting = self.operator.ask("POST", f"/v1/releases/{LINE}/1/promotion").json()["waiting"]
        assert self.officer.approve(waiting).status_code == 200

    def withdrawn(self) -> list[Event]:
        with reading(self.service.engine) as connection:
            return StoredLedger(connection).of(ReleaseWithdrawn, line=LINE)

    def published(self) -> list[Event]:
        with reading(self.service.engine) as connection:
            return StoredLedger(connection).of(ReleasePublished, line=LINE)


@pytest.fixture
def publisher(service: Service, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    monkeypatch.setattr("server.sealing.time.time", service.clock)
    return Publisher(service, tmp_path, database)


def test_it_is_logged_and_published_together_and_a_device_takes_it(
    publisher: Publisher, tmp_path: Path, database: str
) -> None:
    assert publisher.seal() == 0
    assert read_label((tmp_path / "label.json").read_bytes()).may_go_out
    LogKeeper(publisher.service.engine, LOGS, clock=publisher.service.clock).tick()
    answer = publisher.publish()
    assert answer.status_code == 201, answer.text
    (release,) = answer.json()["releases"]
    files = {
        name: publisher.service.get(f"/v1/releases/{LINE}/files/{digest}").content
        for name, digest in release["files"].items()
    }
    trust = TrustAnchors.decode((tmp_path / "trust.json").read_bytes())
    assert open_release(files, trust=trust, now=publisher.service.clock()).name == f"{LINE}/1"
    assert len(publisher.published()) == 1
    bundle = str(tmp_path / "own.bundle")
    assert audit(["bundle", database, "-o", bundle]) == 0
    assert audit(["verify", bundle]) == 0
    assert audit(["bundle", database, "-o", bundle, "--officer", "--pins", str(tmp_path / "pins")]) == 0
    assert audit(["verify", bundle]) == 0
    assert audit(["report", database, "-o", str(tmp_path / "pack")]) == 0
    assert "Help the shared model learn" in (tmp_path / "pack" / "consent.html").read_text()


def spend(publisher: Publisher) -> None:
    publisher.append(*one_round(2, line=LINE))


def raise_a_hazard(publisher: Publisher) -> None:
    publisher.append(HazardRaised(hazard="lib-9", component="lib", version="1", reference="x"))


def forge(publisher: Publisher) -> None:
    """Better figures than the log gives, under a signature that holds."""
    path = publisher.folder / "label.json"
    label = read_label(path.read_bytes())
    better = replace(label, figures={**label.figures, "epsilon": "0.1"})
    path.write_bytes(better.encode())


@pytest.mark.parametrize(
    ("happens", "why"),
    [(spend, "label the release anew"), (raise_a_hazard, "hazards_open"), (forge, "does not follow")],
)
def test_what_the_log_does_not_say_is_not_published_and_not_logged(
    publisher: Publisher, happens: Any, why: str
) -> None:
    assert publisher.seal() == 0
    happens(publisher)
    answer = publisher.publish()
    assert answer.status_code == 422
    assert why in answer.json()["detail"]
    assert publisher.published() == []


def test_a_blocked_label_is_sealed_for_reading_and_never_published(
    publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "declared.toml").write_text(SAID.replace('"ann"', '""'))
    assert publisher.seal() == 0
    assert "must not go out: required row approver is unknown" in capsys.readouterr().out
    assert publisher.publish().status_code == 422
    assert publisher.published() == []


@pytest.mark.parametrize(
    ("content", "why"), [("x = 1", "holds texts named"), ("=", "not TOML"), (None, "No such file")]
)
def test_declarations_that_cannot_be_read_are_one_clear_error(
    publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, why: str
) -> None:
    path = tmp_path / "declared.toml"
    path.unlink() if content is None else path.write_text(content)
    assert publisher.seal() == 2
    assert why in capsys.readouterr().err


def test_the_operators_command_publishes_and_keeps_the_proof(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert publisher.seal() == 0
    monkeypatch.setenv("PENCHANT_TOKEN", publisher.operator.token)
    port = free_port()
    with served(publisher.service.app, port):
        at = ["--server", f"http://127.0.0.1:{port}"]
        assert main(["release", "publish", str(tmp_path), *at]) == 0
    files = publisher.operator.ask("GET", f"/v1/releases/{LINE}").json()["releases"][0]["files"]
    proof = (tmp_path / "manifest.proof").read_bytes()
    assert files["manifest.proof"] == hashlib.sha256(proof).hexdigest()


def test_it_is_proved_anew_once_over_keys_that_were_replaced(publisher: Publisher, tmp_path: Path) -> None:
    assert publisher.seal() == 0
    assert publisher.publish().status_code == 201
    service, trust = publisher.service, TrustAnchors.decode((tmp_path / "trust.json").read_bytes())
    people, key = (publisher.operator, publisher.officer), SigningKey.generate()

    def shown() -> dict[str, bytes]:
        channel = publisher.operator.ask("GET", f"/v1/releases/{LINE}").json()["releases"][0]["files"]
        return {n: service.get(f"/v1/releases/{LINE}/files/{d}").content for n, d in channel.items()}

    first = shown()
    assert change(people, "key", rotation(LOGS.public.key, key, "log")) == 200
    assert shown() == first, "the service still has the replaced key"
    renewed = replace(LOGS, public=LogKey(LOGS.public.origin, key))
    approve_keys(service.engine, service.key.public, renewed, now=service.clock())
    second = shown()
    assert {name for name in first if first[name] != second[name]} == {"manifest.proof"}
    for pinned in (trust, replace(trust, log_key=key.public)):
        assert open_release(second, trust=pinned, now=service.clock()).name == f"{LINE}/1"
    approve_keys(service.engine, service.key.public, renewed, now=service.clock())
    assert shown() == second
