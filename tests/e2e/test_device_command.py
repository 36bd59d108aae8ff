"""``penchant-device`` as a person types it."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from client.device.__main__ import main
from models.export import export_release
from tests.e2e.persons import bundle
from tests.e2e.signed import NOW, publisher, tiny
from tests.made import catalogue, parameters

SIGNER = publisher()


@pytest.fixture
def where(tmp_path: Path) -> list[str]:
    days = 2 + (int(time.time()) - NOW) // 86_400
    files = SIGNER.publish(tiny(), days=days)
    folder = bundle(tmp_path / "release", {**files, "trust.json": SIGNER.trust.encode()})
    return ["--home", str(tmp_path / "home"), "--release", str(folder)]


def test_a_day_with_a_device(where: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*command: str, code: int = 0) -> str:
        assert main([*command, *where]) == code
        return capsys.readouterr().out

    assert "the same for everybody" in said("recommend")
    assert "consent to local_personalization does not hold" in said("track", "view", "i3", code=2)
    assert main(["consent", "grant", "--yes", *where[:2]]) == 0
    assert "stored" in said("track", "view", "i3")
    assert "because you liked Title 3" in said("recommend", "-k", "3")
    assert "tastes" in json.loads(said("profile"))
    assert json.loads(said("status"))["personal"] is True
    assert "no address" in said("sync")
    said("pause")
    assert "paused" in said("track", "view", "i4", code=2)
    said("resume")
    said("export", str(tmp_path / "mine.json"))
    assert json.loads((tmp_path / "mine.json").read_text())["events"][0]["item"] == "i3"
    assert (tmp_path / "mine.json").stat().st_mode & 0o077 == 0
    assert json.loads(said("forget", "--item", "i3"))["receipt"]["scope"] == "item"
    assert "the same for everybody" in said("recommend")


def test_what_cannot_be_done_says_how_to_mend_it(
    where: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recommend", "--home", str(tmp_path / "none")]) == 2
    assert "--trust" in capsys.readouterr().err
    assert main(["recommend", "-k", "0", *where]) == 2
    assert "[request_malformed]" in capsys.readouterr().err
    (tmp_path / "home").chmod(0o755)
    assert main(["recommend", *where]) == 2
    assert "chmod 700" in capsys.readouterr().err


def test_a_title_can_neither_hide_nor_overwrite_a_word_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = catalogue(9)
    titles = tuple(f"{item}\x1b[2K\x9b1A\u202e\r\b" for item in range(9))
    exported = export_release(parameters(9, taste=2, content=3), replace(hostile, titles=titles))
    days = 2 + (int(time.time()) - NOW) // 86_400
    files = {**SIGNER.publish(exported, days=days), "trust.json": SIGNER.trust.encode()}
    where = ["--home", str(tmp_path / "home"), "--release", str(bundle(tmp_path / "release", files))]
    main(["consent", "grant", "--yes", *where[:2]])
    main(["tune", "i3", "2", *where])
    for command in (["recommend"], ["explain", "i3"], ["rerank", "i3", "i4"], ["profile"]):
        assert main([*command, *where]) == 0
        said = capsys.readouterr().out
        assert all(letter.isprintable() or letter == "\n" for letter in said)
