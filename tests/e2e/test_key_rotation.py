"""A service replaces every key it has; devices, people and auditors go on with what they pinned on the first day."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import httpx
import pytest

from client.device.consent_errors import ReceiptRefused
from client.device.database import Database
from client.device.device import Device
from client.device.purposes import Purpose
from client.device.release import ReleaseForged, open_release
from client.device.switches import Switches
from client.device.sync import Outcome
from privacy.attested import attest
from privacy.events import RoundTerms
from privacy.keys import SigningKey, VerifyKey
from privacy.log_pins import Pins
from privacy.manifest import TrustAnchors
from privacy.succession import follow
from server.__main__ import main
from server.audit.__main__ import main as audit
from server.database import open_engine, reading
from server.errors import KeyNotApproved
from server.ledger_store import StoredLedger
from tests.e2e.homes import home
from tests.e2e.keyholders import ORIGIN, Deployment
from tests.e2e.persons import meet
from tests.e2e.test_own_release import LINE
from tests.unit.test_contribution import ACCEPTED, call, terms

FEDERATED: Purpose = "federated_contribution"
STRANGER = SigningKey.from_seed(b"?" * 32).public


@dataclass(frozen=True, slots=True)
class World:
    """A service after its rotations, and what was pinned before them.

    Args:
        made: the service, down.
        trust, pins, receipt_key: of the first day.
        between: the first release's files as the service shows them once it has its new keys.
    """

    made: Deployment
    trust: TrustAnchors
    pins: Pins
    receipt_key: VerifyKey
    between: dict[str, bytes]

    def device(self, name: str, trust: TrustAnchors | None = None) -> Device:
        """Open somebody's device that pins what apps of the first day do."""
        return Device.open(
            self.made.folder / name,
            trust=trust or self.trust,
            releases=f"{self.made.service.url}/v1/releases/{LINE}",
            server=self.made.service.url,
            keys=(self.receipt_key,),
            clock=self.made.service.clock,
        )

    def kept(self, name: str, content: bytes) -> str:
        """Write a file and return its name."""
        path = self.made.folder / name
        path.write_bytes(content)
        return str(path)


def agree(device: Device, purpose: Purpose = FEDERATED) -> None:
    device.consent.grant(device.consent.notice(purpose))


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until the device's own thread has done what it does."""
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def files_of(made: Deployment, sequence: int) -> dict[str, bytes]:
    base = f"{made.service.url}/v1/releases/{LINE}"
    listed = httpx.get(base, headers=made.bearer("ada")).json()["releases"]
    (found,) = [each for each in listed if each["sequence"] == sequence]
    return {name: httpx.get(f"{base}/files/{digest}").content for name, digest in found["files"].items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Let a device sync and consent; then replace every key, the log's twice, and publish once more."""
    made = Deployment(tmp_path_factory.mktemp("keys"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("server.sealing.time.time", made.service.clock)
        patch.setenv("PENCHANT_TOKEN", made.tokens["ada"])
        first = World(made, made.trust, made.pins, made.service.key.public, {})
        with made.up():
            made.declare()
            made.publish()
            with first.device("home") as device:
                assert device.sync() == Outcome("installed", f"{LINE}/1")
                agree(device, "local_personalization")
                agree(device)
            made.tick()
            made.rotate("consent_log", "receipt", "release", "log")
        with made.up():
            between = files_of(made, 1)
            made.rotate("log")
        with made.up():
            made.tick()
            made.publish()
        yield replace(first, between=between)


def test_a_device_of_the_first_day_goes_on_syncing(world: World) -> None:
    with world.made.up():
        for name in ("home", "another home"):
            with world.device(name) as device:
                assert device.sync() == Outcome("installed", f"{LINE}/2")
        with world.device("a new app's", world.made.trust) as device:
            assert device.sync() == Outcome("installed", f"{LINE}/2")
        wrong = replace(world.trust, log_key=STRANGER)
        with world.device("a stranger's", wrong) as device:
            assert device.sync() == Outcome("kept", problem="release_forged")


def test_what_was_published_before_is_proved_anew_for_apps_that_pin_later_keys(world: World) -> None:
    new, now = world.made.trust, world.made.service.clock()
    for trust in (world.trust, replace(world.trust, release_key=new.release_key)):
        assert open_release(world.between, trust=trust, now=now).name == f"{LINE}/1"
    seen = attest(world.between["manifest.json"], world.between["manifest.proof"], world.trust).seen
    assert [len(seen.log), len(seen.release)] == [2, 2]
    with pytest.raises(ReleaseForged):
        open_release(world.between, trust=replace(world.trust, release_key=STRANGER), now=now)


def test_a_folder_behind_any_web_server_carries_the_same_rotations(world: World) -> None:
    folder, out = world.made.folder / "release-2", world.made.folder / "www"
    assert main(["release", "static", str(folder), str(out)]) == 0
    pointer = json.loads((out / "channel.json").read_bytes())["current"]["files"]
    files = {name: (out / "files" / digest).read_bytes() for name, digest in pointer.items()}
    assert open_release(files, trust=world.trust, now=world.made.service.clock()).name == f"{LINE}/2"


def logged(world: World, asked: RoundTerms) -> bytes:
    """Let the service record a round's terms; return the proof it sends along."""
    world.made.append(asked)
    engine = open_engine(world.made.database)
    with reading(engine) as connection:
        proof = StoredLedger(connection).proof(asked, world.made.logs.public)
    engine.dispose()
    return proof


def test_a_device_of_the_first_day_goes_on_contributing(world: World) -> None:
    asked = terms(line=LINE, round=7, denominator=943.0)
    accepted = replace(
        ACCEPTED, line=LINE, declared_population=943, delta=5e-4, log_origin=ORIGIN,
        log_key=world.trust.log_key.base64,
    )  # fmt: skip
    with world.made.up(), world.device("giving") as device:
        device.sync()
        agree(device, "local_personalization")
        agree(device)
        meet(device, "i3", "i7", at=world.made.service.clock() - 1000)
        shown = device.contribute(replace(call(asked), proof=logged(world, asked)), accepted=accepted)
        assert device.hand_over(shown) == shown.payload


def test_receipts_by_the_new_key_are_believed_and_proved_by_the_first_pins(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with world.made.up(), world.device("home") as device:
        device.consent.withdraw(FEDERATED)
        wait_until(lambda: not device.consent.courier.waiting())
        agree(device)
        world.made.tick()
        with pytest.raises(ReceiptRefused, match="pinned logs"):
            device.consent.courier.prove(replace(world.pins, consent_key=STRANGER))
        assert device.consent.courier.prove(world.pins) == (4, 0)
    database = Database(world.made.folder / "home" / "device.db")
    with database.reading() as connection:
        proofs = Switches(connection).proofs()
    database.close()
    signers = [json.loads(receipt)["key"] for receipt, _ in proofs]
    assert signers == [world.receipt_key.base64] * 2 + [world.made.service.key.public.base64] * 2
    first, newest = world.kept("first", world.pins.encode()), world.kept("newest", world.made.pins.encode())
    for receipt, proof in proofs:
        saved = [world.kept("receipt", receipt), "--proof", world.kept("proof", proof)]
        for key, pins in ((world.receipt_key, first), (world.made.service.key.public, newest)):
            assert main(["verify-receipt", *saved, "--key", key.base64, "--pins", pins]) == 0
        assert main(["verify-receipt", *saved, "--key", STRANGER.base64, "--pins", first]) == 2
        assert "never lead to the pinned receipt key" in capsys.readouterr().err


def test_a_device_that_pins_no_log_or_another_believes_no_new_receipt_key(world: World) -> None:
    """The planted fault: the key is new, the service says so itself, and nothing that is pinned leads there."""
    asked = {
        "server": world.made.service.url,
        "clock": world.made.service.clock,
        "keys": (world.receipt_key,),
    }
    wrong = replace(world.trust, log_key=STRANGER)
    with world.made.up():
        for name, trust in (("no log", None), ("another log", wrong)):
            with home(world.made.folder / name, trust=trust, **asked) as device:  # type: ignore[arg-type]
                with pytest.raises(ReceiptRefused):
                    device.consent.grant(device.consent.notice(FEDERATED))
                assert device.on() == set()
        with home(world.made.folder / "the log", trust=world.trust, **asked) as device:  # type: ignore[arg-type]
            device.consent.grant(device.consent.notice(FEDERATED))
            assert device.on() == {FEDERATED}


def verdict(capsys: pytest.CaptureFixture[str], *asked: str) -> tuple[int, str]:
    """Return the exit code of an audit, and the rule it names."""
    capsys.readouterr()
    code = audit(["verify", *asked, "--json"])
    said = json.loads(capsys.readouterr().out)
    return code, said["broken"]["rule"] if code == 1 else ""


def test_an_auditor_of_any_day_verifies_the_bundle_and_a_stranger_does_not(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = str(world.made.folder / "made.bundle")
    newest, first = world.kept("newest", world.made.pins.encode()), world.kept("first", world.pins.encode())
    source = [str(world.made.folder / "service.db"), "-o", bundle, "--log-key", str(world.made.files["log"])]
    assert audit(["bundle", *source, "--officer", "--pins", newest]) == 0
    for trust, pins in ((world.trust, first), (world.made.trust, newest), (world.trust, newest)):
        kept = world.kept("trust", trust.encode())
        assert verdict(capsys, bundle, "--trust", kept, "--pins", pins) == (0, "")
    for wrong in (
        replace(world.trust, log_key=STRANGER),
        replace(world.trust, release_key=STRANGER),
        replace(world.trust, origin="other.example/log"),
    ):
        kept = world.kept("trust", wrong.encode())
        assert verdict(capsys, bundle, "--trust", kept) == (1, "trust.pinned")
    for strange, rule in (
        (replace(world.pins, key=STRANGER), "trust.pinned"),
        (replace(world.pins, consent_key=STRANGER), "officer.key"),
    ):
        assert verdict(capsys, bundle, "--pins", world.kept("pins", strange.encode())) == (1, rule)


@pytest.mark.parametrize("purpose", ["log", "consent_log", "receipt"])
def test_a_service_does_not_start_with_a_key_that_was_replaced(world: World, purpose: str) -> None:
    world.made.files, now = (
        {**world.made.files, purpose: world.made.folder / f"{purpose}.key"},
        world.made.files,
    )
    try:
        with pytest.raises(KeyNotApproved, match="was replaced by"), world.made.up():
            pass
    finally:
        world.made.files = now


def test_no_key_is_replaced_by_other_people_by_a_thief_or_by_a_key_that_signs_something_else(
    world: World,
) -> None:
    """The planted faults: each is signed by the key in use, and none enters the log."""
    made = world.made
    with made.up():
        before = httpx.get(f"{made.service.url}/log/checkpoint").text.split("\n")[1]
        for purpose in ("log", "consent_log", "receipt", "release"):
            fresh = made.folder / "fresh"
            assert made.change(made.rotation(purpose, fresh, approver="mallory")).status_code == 422
            first = made.folder / f"{purpose}.key"
            for used in {first, *made.files.values()} - {made.files[purpose]}:
                answer = made.change(made.rotation(purpose, used))
                assert (answer.status_code, answer.json()["code"]) == (422, "change_refused")
            now, made.files[purpose] = made.files[purpose], first
            assert made.change(made.rotation(purpose, fresh)).status_code == 422, "it was replaced already"
            made.files[purpose] = now
        asked = {"kind": "key", "payload": {"purpose": "notice"}}
        answer = httpx.post(f"{made.service.url}/v1/changes", json=asked, headers=made.bearer("ada"))
        assert answer.status_code == 422
        assert httpx.get(f"{made.service.url}/log/checkpoint").text.split("\n")[1] == before


def test_anyone_reads_how_a_key_was_replaced(world: World) -> None:
    with world.made.up():
        base = f"{world.made.service.url}/log/rotations"
        found = follow(httpx.get(f"{base}/release").content, world.trust.log_key, origin=ORIGIN)
        assert found.chain("release", world.trust.release_key).newest == world.made.trust.release_key
        assert httpx.get(f"{base}/notice").status_code == 404
