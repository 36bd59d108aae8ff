"""A service replaces every key it has; devices and auditors go on with what they pinned on the first day."""

import json
from dataclasses import replace

import httpx
import pytest

from client.device.release import ReleaseForged, open_release
from client.device.sync import Outcome
from privacy.attested import attest
from privacy.events import RoundTerms
from privacy.keys import SigningKey
from privacy.succession import follow
from server.audit.__main__ import main as audit
from server.database import open_engine, reading
from server.errors import KeyNotApproved
from server.ledger_store import StoredLedger
from tests.e2e.keyholders import ORIGIN, World, agree
from tests.e2e.persons import meet
from tests.e2e.test_own_release import LINE
from tests.unit.test_contribution import ACCEPTED, call, terms

STRANGER = SigningKey.from_seed(b"?" * 32).public


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
    """A folder laid out on the first day is laid out anew for apps that pin later keys, once it is proved anew."""
    made, out, new = world.made, world.made.folder / "www", world.made.trust

    def laid_out(number: int) -> dict[str, bytes]:
        assert made.command("static", str(made.folder / f"release-{number}"), str(out)) == 0
        pointer = json.loads((out / "channel.json").read_bytes())["current"]["files"]
        return {name: (out / "files" / digest).read_bytes() for name, digest in pointer.items()}

    for trust in (world.trust, new):
        assert open_release(laid_out(2), trust=trust, now=made.service.clock()).name == f"{LINE}/2"
    assert open_release(laid_out(1), trust=world.trust, now=made.service.clock()).name == f"{LINE}/1"
    with pytest.raises(ReleaseForged):
        open_release(laid_out(1), trust=new, now=made.service.clock())
    with made.up():
        at = ["--server", made.service.url]
        assert made.command("prove", str(made.folder / "release-1"), *at) == 0
        (made.folder / "release-2" / "trust.json").write_bytes(world.trust.encode())
        assert made.command("prove", str(made.folder / "release-2"), *at) == 0
    for trust, number in ((world.trust, 1), (new, 1), (world.trust, 2), (new, 2)):
        assert (
            open_release(laid_out(number), trust=trust, now=made.service.clock()).name == f"{LINE}/{number}"
        )
        assert audit(["label", str(made.folder / f"release-{number}")]) == 0


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
