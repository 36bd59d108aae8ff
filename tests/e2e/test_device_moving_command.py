"""``penchant-device`` between a person's two devices, and every verb that is a command too."""

import hashlib
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from client.device.__main__ import main
from client.device.device import Device
from tests.e2e.homes import Clock
from tests.e2e.persons import bundle
from tests.e2e.serving import Service
from tests.e2e.signed import NOW, publisher, tiny
from tests.unit.test_contribution import ACCEPTED, call, terms

SIGNER = publisher()
Say = Callable[..., str]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    days = 2 + (int(time.time()) - NOW) // 86_400
    files = SIGNER.publish(tiny(), days=days)
    return bundle(tmp_path / "release", {**files, "trust.json": SIGNER.trust.encode()})


@pytest.fixture
def say(release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command on one of the person's devices, ``old`` or ``new``; both have consent."""

    def said(home: str, *command: str, code: int = 0) -> str:
        at = ["--home", str(tmp_path / home)]
        release_too = [] if command[0] == "consent" else ["--release", str(release)]
        assert main([*command, *at, *release_too]) == code
        heard = capsys.readouterr()
        return heard.out if code == 0 else heard.err

    for home in ("old", "new"):
        said(home, "consent", "grant", "--yes")
    for item in ("i3", "i7"):
        said("old", "track", "view", item)
    return said


def events(say: Say, home: str, tmp_path: Path) -> list[str]:
    say(home, "export", str(tmp_path / "plain.json"))
    return sorted(event["item"] for event in json.loads((tmp_path / "plain.json").read_text())["events"])


def pairing(home: Path, release: Path, sealed: Path) -> tuple[subprocess.Popen[str], str]:
    """Start ``pair`` as a process of its own; return it, and the code it shows while it waits."""
    command = ["pair", str(sealed), "--home", str(home), "--release", str(release)]
    waiting = subprocess.Popen(
        [sys.executable, "-m", "client.device", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stdout is not None
    return waiting, waiting.stdout.readline().strip()


def test_a_pairing_code_moves_everything_to_the_new_device(say: Say, release: Path, tmp_path: Path) -> None:
    sealed = tmp_path / "mine.sealed"
    sealed.write_bytes(b"an older file of that name")
    waiting, code = pairing(tmp_path / "new", release, sealed)
    say("old", "export", str(sealed), "--to", code)
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, err
    assert "2 stored" in out
    assert b'"item"' not in sealed.read_bytes()
    assert events(say, "new", tmp_path) == ["i3", "i7"]
    assert code.encode() not in b"".join(file.read_bytes() for file in (tmp_path / "new").glob("device.db*"))
    assert "the file is sealed" in say("new", "import", str(sealed), code=2)


def test_a_passphrase_moves_everything_and_stands_on_no_command_line(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = str(tmp_path / "mine.sealed")
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    say("old", "export", sealed, "--passphrase")
    monkeypatch.setattr(sys, "stdin", io.StringIO("wrong horse battery\n"))
    assert "[transfer_refused]" in say("new", "import", sealed, "--passphrase", code=2)
    assert events(say, "new", tmp_path) == []
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    assert "2 stored" in say("new", "import", sealed, "--passphrase")
    assert events(say, "new", tmp_path) == ["i3", "i7"]


def test_a_plain_export_is_taken_over_and_taking_it_again_changes_nothing(say: Say, tmp_path: Path) -> None:
    events(say, "old", tmp_path)
    assert "2 stored" in say("new", "import", str(tmp_path / "plain.json"))
    assert "2 duplicate" in say("new", "import", str(tmp_path / "plain.json"))


def test_moving_needs_consent_and_a_file_that_comes(say: Say, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    assert "did not come in time" in say("new", "pair", nowhere, "--wait", "0.1", code=2)
    assert "[file_refused]" in say("new", "import", nowhere, code=2)
    say("new", "consent", "withdraw")
    assert "[no_consent]" in say("new", "pair", nowhere, code=2)
    events(say, "old", tmp_path)
    assert "[no_consent]" in say("new", "import", str(tmp_path / "plain.json"), code=2)


def test_a_file_sealed_to_another_pairing_is_refused(say: Say, release: Path, tmp_path: Path) -> None:
    with Device.open(tmp_path / "third", trust=SIGNER.trust, bundle=release) as third:
        code = third.pair().code
    sealed = tmp_path / "mine.sealed"
    waiting, _ = pairing(tmp_path / "new", release, sealed)
    say("old", "export", str(sealed), "--to", code)
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 2
    assert "[transfer_refused]" in err
    assert events(say, "new", tmp_path) == []


def test_what_a_person_sets_is_a_command(say: Say) -> None:
    say("old", "tune", "i5", "50")
    assert say("old", "recommend", "-k", "1").startswith("Title 5")
    say("old", "hide", "i5")
    assert "Title 5" not in say("old", "recommend", "-k", "30")
    say("old", "hide", "i5", "--undo")
    say("old", "tune", "i5", "-2.5")
    assert "you asked for less of it" in say("old", "explain", "i5")
    say("old", "choose", "--interest", "Drama", "--attribute", "plan=free")
    assert "You chose Drama." in json.loads(say("old", "profile"))["chosen"]
    assert "does not know this item" in say("old", "explain", "nowhere", code=2)
    assert "Title 9" in say("old", "rerank", "i9", "i2")
    assert json.loads(say("old", "variant", "larger titles", "on", "off")) in ("on", "off")
    assert json.loads(say("old", "best-time"))["confidence"] == 0
    say("old", "settle")


@pytest.fixture
def round_folder(tmp_path: Path) -> tuple[str, str]:
    asked = call(terms())
    folder = tmp_path / "round"
    folder.mkdir()
    (folder / "terms.json").write_bytes(asked.terms)
    (folder / "terms.proof").write_bytes(asked.proof)
    (folder / "settings.json").write_text(json.dumps(dict(asked.settings)))
    np.savez(folder / "public.npz", **asked.public)  # type: ignore[arg-type]
    (tmp_path / "accepted.json").write_text(json.dumps(asdict(ACCEPTED)))
    return str(folder), str(tmp_path / "accepted.json")


def test_contributing_without_consent_computes_nothing(say: Say, round_folder: tuple[str, str]) -> None:
    folder, accepted = round_folder
    assert "[no_consent]" in say("old", "contribute", folder, "--accepted", accepted, code=2)


@pytest.mark.parametrize("broken", ["terms.json", "settings.json", "public.npz"])
def test_a_round_that_cannot_be_read_is_one_clear_error(
    say: Say, round_folder: tuple[str, str], broken: str
) -> None:
    folder, accepted = round_folder
    (Path(folder) / broken).unlink()
    assert "[round_unreadable]" in say("old", "contribute", folder, "--accepted", accepted, code=2)
    (Path(folder) / broken).write_bytes(b"PK\x03\x04 nothing")
    assert "penchant-device: " in say("old", "contribute", folder, "--accepted", accepted, code=2)


def test_a_contribution_is_shown_with_its_cost_and_exactly_its_bytes_are_handed_over(
    release: Path, round_folder: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service = Service(tmp_path, clock=Clock(int(time.time())))
    folder, accepted = round_folder
    at = ["--home", str(tmp_path / "home"), "--server", service.url]
    ranked = [*at, "--release", str(release)]
    contribute = ["contribute", folder, "--accepted", accepted, *ranked]
    with service.up():
        for purpose in ("local_personalization", "federated_contribution"):
            assert main(["consent", "grant", purpose, "--yes", *at]) == 0
        assert main(["track", "view", "i3", *ranked]) == 0
        capsys.readouterr()
        assert main(contribute) == 0
        shown = capsys.readouterr().out
        asked = len(service.seen)
        assert main([*contribute, "--hand-over", str(tmp_path / "leaves")]) == 0
        assert capsys.readouterr().out == shown
        assert not [path for path in service.seen[asked:] if path.startswith("POST")]
    payload = (tmp_path / "leaves").read_bytes()
    assert f"{len(payload)} bytes, SHA-256 {hashlib.sha256(payload).hexdigest()}" in shown
    assert "epsilon" in shown
    steps = np.frombuffer(payload, "<i8")
    assert np.flatnonzero(steps).tolist() == [3]
