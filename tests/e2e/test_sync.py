"""Releases from a folder behind a plain web server: verified, resumed, drawn, switched whole, rolled back."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from client.device.release import VerifiedRelease
from client.device.sync import Outcome, draws
from client.device.tables import ModelRefused
from models.export import ExportedRelease
from tests.e2e.shelves import Handler, Taker, lay_out, serving, try_it
from tests.e2e.signed import DAY, NOW, publisher, tiny

SIGNER = publisher()
LABEL = b'{"label":"of the first"}'
FIRST = SIGNER.publish(tiny(), label=LABEL)
SECOND = SIGNER.publish(tiny(31), sequence=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lay_out(tmp_path / "www", FIRST)
    return tmp_path / "www"


@pytest.fixture
def taker(tmp_path: Path, folder: Path) -> Iterator[Taker]:
    with serving(folder) as url:
        yield Taker(tmp_path, SIGNER.trust, url)


def test_a_release_comes_from_a_static_folder_once(taker: Taker, folder: Path) -> None:
    assert taker.sync() == Outcome("installed", "tiny/1")
    assert taker.sync() == Outcome("unchanged")
    lay_out(folder, SECOND)
    assert taker.sync() == Outcome("installed", "tiny/2")
    assert taker.ranks_with() == "tiny/2"
    assert not list((taker.folder / "incoming").glob("[0-9a-f]*"))


def test_an_older_release_another_of_the_same_number_or_another_line_is_refused(
    taker: Taker, folder: Path
) -> None:
    lay_out(folder, SECOND)
    taker.sync()
    for release, code in (
        (FIRST, "release_older"),
        (SIGNER.publish(tiny(32), sequence=2), "release_forged"),
    ):
        lay_out(folder, release)
        assert taker.sync() == Outcome("kept", problem=code)
    channel = json.loads((folder / "channel.json").read_bytes())
    text = json.dumps({**channel, "line": "other"}, sort_keys=True, separators=(",", ":"))
    (folder / "channel.json").write_text(text)
    assert taker.sync() == Outcome("kept", problem="release_forged")
    assert taker.ranks_with() == "tiny/2"


@pytest.mark.parametrize("name", sorted(FIRST))
def test_a_corrupt_file_is_never_used_and_the_device_ranks_with_what_it_has(
    taker: Taker, folder: Path, name: str
) -> None:
    taker.sync()
    third = SIGNER.publish(tiny(33), sequence=3, label=b"3")
    lay_out(folder, third)
    path = folder / "files" / hashlib.sha256(third[name]).hexdigest()
    path.write_bytes(third[name][:-1] + bytes([third[name][-1] ^ 1]))
    assert taker.sync() == Outcome("kept", problem="release_incomplete")
    assert taker.ranks_with() == "tiny/1"
    path.write_bytes(third[name])
    assert taker.sync() == Outcome("installed", "tiny/3")


def test_a_label_that_is_not_the_signed_one_is_refused(taker: Taker, folder: Path) -> None:
    lay_out(folder, {**FIRST, "label.json": b"{}"})
    assert taker.sync() == Outcome("kept", problem="release_forged")


def test_a_release_by_another_key_is_refused_before_its_model_is_fetched(tmp_path: Path) -> None:
    asked: list[str] = []

    class Listening(Handler):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

    forged = replace(SIGNER, release_key=publisher().release_key).publish(tiny(31), sequence=9)
    lay_out(tmp_path / "www", forged)
    with serving(tmp_path / "www", Listening) as url:
        assert Taker(tmp_path, SIGNER.trust, url).sync() == Outcome("kept", problem="release_forged")
    assert len(asked) == 3, "the channel, the manifest and its proof"


def test_a_signed_model_that_is_hostile_is_tried_by_nobody_and_asked_for_once(
    taker: Taker, folder: Path
) -> None:
    taker.sync()
    lay_out(folder, SIGNER.publish(ExportedRelease(b"\x08\x0a", tiny().catalogue), sequence=2))
    assert taker.sync() == Outcome("kept", problem="model_unsafe")
    assert taker.ranks_with() == "tiny/1"


def test_a_release_that_fails_its_trial_is_not_tried_again(taker: Taker, folder: Path) -> None:
    taker.sync()
    tried: list[str] = []

    def failing(release: VerifiedRelease) -> object:
        tried.append(release.name)
        raise ModelRefused("it does not rank here")

    taker.trial = failing
    lay_out(folder, SECOND)
    assert taker.sync() == Outcome("kept", problem="model_refused")
    assert taker.sync() == Outcome("kept", problem="release_refused_before")
    assert tried == ["tiny/2"]
    taker.trial = try_it
    lay_out(folder, SIGNER.publish(tiny(), sequence=3))
    assert taker.sync() == Outcome("installed", "tiny/3")


def test_an_expired_release_is_not_installed_and_one_that_expires_here_still_opens(
    taker: Taker, folder: Path
) -> None:
    taker.sync()
    taker.clock.now += 30 * DAY
    assert taker.ranks_with() == "tiny/1"
    lay_out(folder, SECOND)
    assert taker.sync() == Outcome("kept", problem="release_expired")


@pytest.mark.parametrize("answer", [b"", b"{}", b"<html>", b"x" * 70_000])
def test_a_channel_that_is_none_changes_nothing(taker: Taker, folder: Path, answer: bytes) -> None:
    taker.sync()
    (folder / "channel.json").write_bytes(answer)
    assert taker.sync().found == "kept"
    (folder / "channel.json").unlink()
    assert taker.sync() == Outcome("kept", problem="no_answer")
    assert taker.ranks_with() == "tiny/1"


def test_the_canary_goes_to_its_share_of_devices_and_everybody_else_takes_the_current_one(
    taker: Taker, folder: Path
) -> None:
    lay_out(folder, FIRST, SECOND, share=0.5)
    name = hashlib.sha256(SECOND["manifest.json"]).hexdigest()
    salts = [bytes([number]) * 16 for number in range(40)]
    drawn = next(salt for salt in salts if draws(salt, name, 0.5))
    spared = next(salt for salt in salts if not draws(salt, name, 0.5))
    taker.salt = spared
    assert taker.sync().release == "tiny/1"
    taker.salt = drawn
    assert taker.sync().release == "tiny/2"
    lay_out(folder, SECOND)
    assert taker.sync() == Outcome("unchanged")


def test_a_share_is_kept_and_grows_without_losing_anyone() -> None:
    salts = [hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(4000)]
    small = {salt for salt in salts if draws(salt, "a" * 64, 0.1)}
    large = {salt for salt in salts if draws(salt, "a" * 64, 0.3)}
    assert small < large
    assert 300 < len(small) < 500
    assert 1050 < len(large) < 1350
    assert not any(draws(salt, "a" * 64, 0.0) for salt in salts)
    assert all(draws(salt, "a" * 64, 1.0) for salt in salts)
    assert small != {salt for salt in salts if draws(salt, "b" * 64, 0.1)}


def test_the_signed_share_bounds_what_a_channel_may_hand_out(taker: Taker, folder: Path) -> None:
    lay_out(folder, SIGNER.publish(tiny(), sequence=5, rollout=0.0))
    assert taker.sync() == Outcome("nothing")
    assert taker.ranks_with() is None


def test_a_broken_canary_leaves_the_current_release(taker: Taker, folder: Path) -> None:
    hostile = SIGNER.publish(ExportedRelease(b"\x08\x0a", tiny().catalogue), sequence=2)
    lay_out(folder, FIRST, hostile, share=1.0)
    assert taker.sync() == Outcome("installed", "tiny/1", "model_unsafe")


def test_going_back_takes_the_last_good_one_and_never_the_bad_one_again(taker: Taker, folder: Path) -> None:
    taker.sync()
    lay_out(folder, SECOND)
    taker.sync()
    assert taker.shelf.roll_back()
    assert taker.ranks_with() == "tiny/1"
    assert taker.sync() == Outcome("kept", problem="release_refused_before")
    lay_out(folder, FIRST)
    assert taker.sync().found == "unchanged"
    assert not taker.shelf.roll_back()
    lay_out(folder, SIGNER.publish(tiny(), sequence=3))
    assert taker.sync() == Outcome("installed", "tiny/3")


@pytest.mark.parametrize("name", ["manifest.json", "manifest.proof", "model.onnx", "catalogue.json"])
def test_a_release_damaged_on_the_disk_gives_way_to_the_last_good_and_is_fetched_again(
    taker: Taker, folder: Path, name: str
) -> None:
    taker.sync()
    lay_out(folder, SECOND)
    taker.sync()
    (held,) = taker.folder.glob(f"shelf/{hashlib.sha256(SECOND['manifest.json']).hexdigest()}/{name}")
    held.write_bytes(b"rot" + held.read_bytes()[3:])
    assert taker.ranks_with() == "tiny/1"
    assert taker.sync() == Outcome("installed", "tiny/2")
    assert taker.ranks_with() == "tiny/2"


def test_an_unreadable_pointer_points_at_nothing(taker: Taker) -> None:
    taker.sync()
    (taker.folder / "shelf" / "pointer.json").write_bytes(b"\xff")
    assert taker.ranks_with() is None
    assert taker.sync() == Outcome("installed", "tiny/1")


def test_requests_say_nothing_about_the_device(tmp_path: Path, folder: Path) -> None:
    said: list[dict[str, str]] = []

    class Listening(Handler):
        def do_GET(self) -> None:
            said.append(dict(self.headers))
            super().do_GET()

    with serving(folder, Listening) as url:
        Taker(tmp_path, SIGNER.trust, url).sync()
    assert {name.lower() for headers in said for name in headers} <= {"host", "range", "if-none-match"}
    assert NOW
