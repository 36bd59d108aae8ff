"""The release service over both databases: nothing unlabelled goes out, two people promote, devices sync."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from client.device.sync import Outcome
from server.__main__ import main
from server.database import migrate, open_engine
from server.tables import release_files, release_lines, releases
from tests.e2e.consenting import BASE, NOW, Administrator, Service, serving
from tests.e2e.homes import Clock
from tests.e2e.labelled import DAY, TRUST, label_of, labelled
from tests.e2e.serving import free_port, served
from tests.e2e.shelves import Taker
from tests.e2e.shelves import serving as serving_folder
from tests.log_made import LINE

AT = f"/v1/releases/{LINE}"
FIRST, SECOND, THIRD = (labelled(number, items=30 + number % 2) for number in (1, 2, 3))


def digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    with serving(database) as running:
        yield running


class Publishing:
    """An operator and an officer at one service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.operator = service.credential("operator", "ada")
        self.officer = service.credential("officer", "grace")

    def put(self, data: bytes, name: str | None = None, by: Administrator | None = None) -> httpx.Response:
        token = (by or self.operator).token
        digest = name or hashlib.sha256(data).hexdigest()
        headers = {"authorization": f"Bearer {token}"}
        return self.service.ask(
            httpx.Request("PUT", f"{BASE}{AT}/files/{digest}", content=data, headers=headers)
        )

    def publish(self, files: dict[str, bytes], **change: Any) -> httpx.Response:
        for data in files.values():
            assert self.put(data).status_code == 201
        body = {"files": digests(files), "trust": json.loads(TRUST.encode()), **change}
        return self.operator.ask("POST", AT, body)

    def move(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return self.operator.ask("POST", f"{AT}/{path}", body)

    def promote(self, sequence: int) -> None:
        waiting = self.move(f"{sequence}/promotion").json()["waiting"]
        assert self.officer.approve(waiting).status_code == 200

    def channel(self) -> dict[str, Any]:
        found: dict[str, Any] = self.service.get(f"{AT}/channel.json").json()
        return found


@pytest.fixture
def people(service: Service) -> Publishing:
    return Publishing(service)


def test_a_published_release_is_taken_by_nobody_until_two_people_promote_it(people: Publishing) -> None:
    assert people.publish(FIRST).status_code == 201
    assert people.channel()["current"] is None
    asked = people.move("1/promotion")
    assert asked.status_code == 200
    assert people.channel()["current"] is None
    assert people.operator.approve(asked.json()["waiting"]).status_code == 401
    assert people.officer.approve(asked.json()["waiting"]).status_code == 200
    assert people.channel()["current"]["files"] == digests(FIRST)


def test_where_the_policy_says_so_one_person_promotes(database: str) -> None:
    with serving(database, promotion_needs_two=False) as service:
        people = Publishing(service)
        people.publish(FIRST)
        assert people.move("1/promotion").json()["current"] == 1
        assert people.channel()["current"]


def with_another_label(files: dict[str, bytes]) -> dict[str, bytes]:
    return {**files, "label.json": replace(label_of(1), issued=5).encode()}


def with_a_label_that_blocks(files: dict[str, bytes]) -> dict[str, bytes]:
    blocked = replace(label_of(1), because=("an open hazard",))
    return labelled(1, label=blocked)


def with_a_label_of_another_release(files: dict[str, bytes]) -> dict[str, bytes]:
    return labelled(1, label=replace(label_of(1), sequence=2))


def with_a_broken_label(files: dict[str, bytes]) -> dict[str, bytes]:
    return {**files, "label.json": b"{}"}


def with_another_proof(files: dict[str, bytes]) -> dict[str, bytes]:
    return {**files, "manifest.proof": SECOND["manifest.proof"]}


def with_another_model(files: dict[str, bytes]) -> dict[str, bytes]:
    return {**files, "model.onnx": SECOND["model.onnx"] + b" "}


@pytest.mark.parametrize(
    "broken",
    [
        with_another_label,
        with_a_label_that_blocks,
        with_a_label_of_another_release,
        with_a_broken_label,
        with_another_proof,
        with_another_model,
    ],
)
def test_what_is_not_signed_logged_and_completely_labelled_is_not_published(
    tmp_path: Path, broken: Any
) -> None:
    with serving(f"sqlite:///{tmp_path / 'store.db'}") as service:
        refused = Publishing(service).publish(broken(labelled(1)))
        assert refused.status_code == 422
        assert refused.json()["code"] == "release_refused"


@pytest.mark.parametrize("name", sorted(FIRST))
def test_a_release_without_one_of_its_files_is_not_published(tmp_path: Path, name: str) -> None:
    with serving(f"sqlite:///{tmp_path / 'store.db'}") as service:
        people = Publishing(service)
        part = {other: data for other, data in FIRST.items() if other != name}
        for data in part.values():
            people.put(data)
        assert people.publish(part).status_code == 422
        refused = people.operator.ask(
            "POST", AT, {"files": digests(FIRST), "trust": json.loads(TRUST.encode())}
        )
        assert name in refused.json()["detail"]


def test_whom_a_line_trusts_is_pinned_with_its_first_release(people: Publishing) -> None:
    assert people.publish(FIRST, trust=None).status_code == 422
    assert people.publish(FIRST).status_code == 201
    other = {**json.loads(TRUST.encode()), "origin": "evil.example/log"}
    assert people.publish(SECOND, trust=other).status_code == 422
    assert people.publish(SECOND, trust=None).status_code == 201
    assert people.publish(SECOND).status_code == 422


def test_canary_promotion_and_rollback_move_the_channel(people: Publishing) -> None:
    for files in (FIRST, SECOND, THIRD):
        people.publish(files)
    people.promote(1)
    assert people.move("2/canary", {"share": 0.25}).status_code == 200
    found = people.channel()
    assert (found["current"]["files"], found["canary"]["files"]) == (digests(FIRST), digests(SECOND))
    assert found["canary"]["share"] == "0.25"
    assert people.move("rollback").json()["canary"] == 0
    assert people.channel()["canary"] is None
    people.move("2/canary", {"share": 0.25})
    people.promote(2)
    assert people.channel()["canary"] is None
    assert people.move("1/promotion").status_code == 422
    assert people.move("1/canary", {"share": 0.5}).status_code == 422
    assert people.move("rollback").json()["current"] == 1
    assert people.move("rollback").status_code == 422
    assert people.move("3/expiry").status_code == 200
    assert people.move("3/canary", {"share": 0.5}).status_code == 422
    assert people.move("9/expiry").status_code == 404
    people.move("1/expiry")
    assert people.channel()["current"] is None


def test_a_release_past_its_last_day_is_pointed_at_no_more(people: Publishing) -> None:
    people.publish(FIRST)
    people.promote(1)
    people.service.clock.now += 30 * DAY
    assert people.channel()["current"] is None
    assert people.publish(SECOND).status_code == 422


def test_only_operators_publish_and_every_attempt_is_recorded(people: Publishing) -> None:
    assert people.put(b"x", by=people.officer).status_code == 401
    assert people.service.ask(httpx.Request("PUT", f"{BASE}{AT}/files/{'0' * 64}")).status_code == 401
    assert people.put(b"x", name="0" * 64).status_code == 422
    people.publish(FIRST)
    people.move("1/promotion")
    entries = people.officer.ask("GET", "/v1/admin-log?limit=100").json()["entries"]
    said = {(entry["actor"], entry["action"], entry["outcome"]) for entry in entries}
    assert ("ada", "POST /v1/releases/{line}", "admitted") in said
    assert ("grace", "PUT /v1/releases/{line}/files/{digest}", "denied") in said
    assert ("ada", "change.release", "proposed") in said


def test_a_file_is_immutable_cacheable_and_served_by_ranges(people: Publishing) -> None:
    people.publish(FIRST)
    data = FIRST["model.onnx"]
    at = f"{AT}/files/{hashlib.sha256(data).hexdigest()}"
    whole = people.service.get(at)
    assert whole.content == data
    assert whole.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert people.service.get(at, **{"if-none-match": whole.headers["etag"]}).status_code == 304
    for asked, piece in (("bytes=5-9", data[5:10]), ("bytes=100-", data[100:]), ("bytes=-7", data[-7:])):
        part = people.service.get(at, range=asked)
        assert (part.status_code, part.content) == (206, piece)
    assert people.service.get(at, range="bytes=5-9").headers["content-range"] == f"bytes 5-9/{len(data)}"
    assert people.service.get(at, range=f"bytes={len(data)}-").status_code == 416
    for ignored in ("bytes=9-5", "bytes=0-1,3-4", "lines=1-2", "bytes=-"):
        assert people.service.get(at, range=ignored).content == data
    assert people.service.get(f"{AT}/files/{'0' * 64}").status_code == 404


def test_a_file_that_no_release_names_is_nobodys(people: Publishing) -> None:
    people.publish(FIRST)
    people.put(b"half a release")
    assert (
        people.service.get(f"{AT}/files/{hashlib.sha256(b'half a release').hexdigest()}").status_code == 404
    )


def test_a_channel_that_did_not_change_is_not_sent_again(people: Publishing) -> None:
    people.publish(FIRST)
    first = people.service.get(f"{AT}/channel.json")
    assert first.headers["cache-control"] == "no-cache"
    again = people.service.get(f"{AT}/channel.json", **{"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    people.promote(1)
    assert (
        people.service.get(f"{AT}/channel.json", **{"if-none-match": first.headers["etag"]}).status_code
        == 200
    )


def test_a_database_of_the_first_version_gets_the_new_tables_and_keeps_its_rows(database: str) -> None:
    engine = open_engine(database)
    migrate(engine)
    with engine.begin() as connection:
        for table in (releases, release_lines, release_files):
            table.drop(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        connection.exec_driver_sql("INSERT INTO service_keys (public, since) VALUES ('k', 1)")
    migrate(engine)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM release_files").scalar_one() == 0
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM service_keys").scalar_one() == 1
    engine.dispose()


def test_devices_sync_from_the_service_and_the_command_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    for name, data in {**FIRST, "trust.json": TRUST.encode()}.items():
        (folder / name).write_bytes(data)
    with serving(f"sqlite:///{tmp_path / 'store.db'}", promotion_needs_two=False) as service:
        people, port = Publishing(service), free_port()
        monkeypatch.setenv("PENCHANT_TOKEN", people.operator.token)
        at = ["--server", f"http://127.0.0.1:{port}"]
        with served(service.app, port):
            taker = Taker(tmp_path, TRUST, f"http://127.0.0.1:{port}{AT}", clock=Clock(NOW))
            assert main(["release", "publish", str(folder), *at]) == 0
            assert taker.sync() == Outcome("nothing")
            assert main(["release", "promote", LINE, "1", *at]) == 0
            assert taker.sync() == Outcome("installed", f"{LINE}/1")
            assert taker.sync() == Outcome("unchanged")
            assert main(["release", "canary", LINE, "7", "0.5", *at]) == 2
            assert "404" in capsys.readouterr().err
            assert main(["release", "show", LINE, *at]) == 0
            (folder / "label.json").unlink()
            assert main(["release", "publish", str(folder), *at]) == 2
            assert "label" in capsys.readouterr().err


def test_the_command_lays_a_release_out_for_any_web_server(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    for name, data in {**FIRST, "trust.json": TRUST.encode()}.items():
        (folder / name).write_bytes(data)
    assert main(["release", "static", str(folder), str(tmp_path / "www")]) == 0
    with serving_folder(tmp_path / "www") as url:
        assert Taker(tmp_path, TRUST, url, clock=Clock(NOW)).sync() == Outcome("installed", f"{LINE}/1")
