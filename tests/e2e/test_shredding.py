"""Shredding on a real disk: the key's bytes are searched for from outside; no receipt while a copy is left."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from client.device.database import Database
from client.device.purposes import LOCAL
from client.device.shredding import PREFIX
from client.device.store import DAY, EventStore
from privacy.canonical import encode, from_base64
from privacy.keys import VerifyKey
from tests.e2e.homes import NOW, Clock, Home, home

SEARCH = """
import sys
from pathlib import Path
needle = bytes.fromhex(sys.argv[2])
print(sum(file.read_bytes().count(needle) for file in Path(sys.argv[1]).iterdir()))
"""


def on_disk(device: Home, needle: bytes) -> int:
    """Count bytes in the raw files from another process: reading them in this one would drop SQLite's locks."""
    command = [sys.executable, "-I", "-c", SEARCH, str(device.folder), needle.hex()]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Home]:
    with home(tmp_path / "home") as device:
        device.consent.grant(device.consent.notice(LOCAL))
        yield device


def filled(device: Home, *, clock: Clock | None = None) -> EventStore:
    store = EventStore(device.database, device.vault, clock=clock or Clock())
    store.add(
        {"kind": "view", "item": f"i{number % 7}", "time": NOW - number * DAY // 4} for number in range(200)
    )
    return store


def keys(device: Home) -> list[bytes]:
    with device.database.reading() as connection:
        return [row[0] for row in connection.execute("SELECT wrapped FROM weeks ORDER BY week")]


def receipts(device: Home) -> list[dict[str, object]]:
    found = []
    for data in device.consent.receipts("forgetting"):
        body = json.loads(data)
        VerifyKey.from_base64(body["key"]).verify(
            PREFIX + encode(body["receipt"]), from_base64(body["signature"])
        )
        found.append(body["receipt"])
    return found


def test_after_forgetting_everything_no_byte_of_a_key_is_left(device: Home) -> None:
    store = filled(device)
    held = keys(device)
    assert all(on_disk(device, key) for key in held)
    assert store.forget("all")
    assert not any(on_disk(device, key) for key in held)
    assert [receipt["scope"] for receipt in receipts(device)] == ["all"]
    assert receipts(device)[0]["keys_destroyed"] == len(held)


def test_forgetting_an_item_changes_the_key_of_every_week_it_was_in_and_of_no_other(device: Home) -> None:
    store = filled(device)
    store.add([{"kind": "view", "item": "once", "time": NOW - 3 * DAY}])
    before = keys(device)
    assert store.forget("item", lambda event: event.item == "once")
    after = keys(device)
    gone = set(before) - set(after)
    assert len(gone) == 1
    assert len(after) == len(before)
    assert not on_disk(device, gone.pop())
    assert len(store.events()) == 200
    assert "once" not in json.dumps(receipts(device))


def test_an_open_reader_keeps_the_receipt_back_until_it_is_gone(device: Home) -> None:
    store = filled(device)
    device.database.cut_log()
    held = keys(device)
    with closing(sqlite3.connect(device.folder / "device.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM weeks").fetchall()
        assert not store.forget("all")
        assert store.events() == ()
        assert receipts(device) == []
        assert any(on_disk(device, key) for key in held)
        assert not store.settle()
    assert store.settle()
    assert not any(on_disk(device, key) for key in held)
    assert [receipt["scope"] for receipt in receipts(device)] == ["all"]


def test_a_crash_before_the_end_is_finished_at_the_next_start(tmp_path: Path) -> None:
    with home(tmp_path / "home") as device:
        device.consent.grant(device.consent.notice(LOCAL))
        store = filled(device)
        held = keys(device)
        with closing(sqlite3.connect(device.folder / "device.db")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM weeks").fetchall()
            assert not store.forget("since", lambda event: event.time >= NOW - 60 * DAY)
    with home(tmp_path / "home") as device:
        assert receipts(device) == []
        assert device.consent.courier.deliver() is None
        assert [receipt["scope"] for receipt in receipts(device)] == ["since"]
        assert not any(on_disk(device, key) for key in held)


def without_zeroing(device: Home) -> None:
    device.database._connection.execute("PRAGMA secure_delete=OFF").fetchall()


def test_a_store_that_does_not_zero_what_it_deletes_is_caught_and_rewritten(
    device: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: deleted cells stay in their page. The search finds them; only a rewrite helps."""
    store = filled(device)
    without_zeroing(device)
    held = keys(device)
    with monkeypatch.context() as patched:
        patched.setattr(Database, "rewrite", lambda self: False)
        assert not store.forget("all")
        assert receipts(device) == []
        assert any(on_disk(device, key) for key in held)
    assert store.settle()
    assert not any(on_disk(device, key) for key in held)


def test_withdrawing_shreds_too(device: Home) -> None:
    filled(device)
    held = keys(device)
    assert device.consent.withdraw(LOCAL)
    assert not any(on_disk(device, key) for key in held)
    assert [receipt["scope"] for receipt in receipts(device)] == ["withdrawal"]


def test_retention_shreds_without_piling_up_receipts(device: Home) -> None:
    clock = Clock()
    store = filled(device, clock=clock)
    held = keys(device)
    clock.now += 400 * DAY
    assert store.expire()
    assert not any(on_disk(device, key) for key in held)
    assert receipts(device) == []
