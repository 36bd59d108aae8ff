"""A person's receipts after the service replaced every key: believed, proved and verified by the first day's pins."""

import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from client.device.__main__ import main as penchant_device
from client.device.consent_errors import ReceiptRefused
from client.device.database import Database
from client.device.switches import Switches
from privacy.keys import SigningKey
from server.__main__ import main
from tests.e2e.homes import home
from tests.e2e.keyholders import FEDERATED, World, agree

STRANGER = SigningKey.from_seed(b"?" * 32).public


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until the device's own thread has done what it does."""
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


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


def test_the_command_follows_the_new_key_over_the_apps_trust_file(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ["--key", world.receipt_key.base64]
    with world.made.up():
        at = ["--server", world.made.service.url, "--home", str(world.made.folder / "by command"), *key]
        asked = ["consent", "grant", FEDERATED, "--yes", *at]
        assert penchant_device(asked) == 2
        assert "not signed by a pinned key of the service" in capsys.readouterr().err
        assert penchant_device([*asked, "--trust", world.kept("app-trust.json", world.trust.encode())]) == 0
        assert f"{FEDERATED}: granted." in capsys.readouterr().out
        assert penchant_device(["consent", "withdraw", FEDERATED, *at]) == 0
        assert "Acknowledged" in capsys.readouterr().out
