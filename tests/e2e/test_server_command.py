"""The operator's command: one command serves, ends in order, and says in one line what is wrong."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from privacy.canonical import to_base64
from privacy.keys import SigningKey
from server.__main__ import main
from server.admin import token_digest
from simulations.postgres import HOW_TO_GET, binary, running
from tests.e2e.consenting import CONTRIBUTION, serving

COMMAND = [sys.executable, "-m", "server"]
ROOT = Path(__file__).parents[2]


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the service as its own process in a folder; yield it and its address."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    started = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *arguments],
        cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert started.stdout is not None
    line = started.stdout.readline()
    try:
        yield started, line.split(" at ")[1].split(" ")[0]
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate()


def test_one_command_serves_from_nothing_and_ends_in_order(tmp_path: Path) -> None:
    with process(tmp_path) as (service, url):
        _wait(url)
        assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
        assert "server" not in httpx.get(f"{url}/v1/nothing").headers
        assert (tmp_path / "penchant.key").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "penchant.db").stat().st_mode & 0o777 == 0o600
        public = (tmp_path / "penchant.key.pub").read_text().strip()
        assert [key["public"] for key in httpx.get(f"{url}/v1/keys").json()["keys"]] == [public]
        service.send_signal(signal.SIGTERM)
        _, errors = service.communicate(timeout=30)
        assert service.returncode == 0
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [lines[0]["event"], lines[-1]["event"]] == ["started", "ended"]
    unmatched = {"event": "request", "method": "GET", "route": "unmatched", "status": 404}
    assert any(unmatched.items() <= line.items() for line in lines)
    assert "127.0.0.1" not in errors


def test_a_request_in_flight_is_finished_before_the_process_ends(tmp_path: Path) -> None:
    with process(tmp_path) as (service, url):
        _wait(url)
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=20) as link:
            link.sendall(b"POST /v1/subjects HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n")
            time.sleep(0.3)
            service.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert service.poll() is None
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"{url}/healthz")
            link.sendall(b'{"token":""}')
            answer = b"".join(iter(lambda: link.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert service.wait(timeout=30) == 0


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the service is not ready")


def test_without_its_database_nothing_is_decided_and_the_process_says_so(tmp_path: Path) -> None:
    """G4: a device is told to come again, and a balancer to look elsewhere."""
    if not binary("initdb"):
        pytest.skip(HOW_TO_GET)
    with ExitStack() as up:
        url = up.enter_context(running())
        with serving(f"{url}/postgres") as service:
            device = service.enrolled()
            device.grant()
            auditor = service.credential("auditor", "carol")
            up.close()
            for answer in (
                service.get("/readyz"), device.withdraw(), device.consents(), device.grant(1), device.erase(),
                auditor.ask("GET", "/v1/admin-log"), service.get("/v1/ledger"),
            ):  # fmt: skip
                assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
                assert answer.headers["retry-after"]
            assert service.get("/healthz").status_code == 200


def test_a_sqlite_file_that_is_gone_is_no_consent(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path / 'a.db'}") as service:
        device = service.enrolled()
        device.grant()
        service.engine.dispose()
        for file in tmp_path.glob("a.db*"):
            file.unlink()
        assert service.get("/readyz").status_code == 503
        assert device.consents().status_code == 503


def test_the_store_comes_back_and_so_does_the_service(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path / 'a.db'}") as service:
        device = service.enrolled()
        service.engine.dispose()
        (tmp_path / "a.db").rename(tmp_path / "kept.db")
        assert device.withdraw().status_code == 503
        service.engine.dispose()
        (tmp_path / "kept.db").replace(tmp_path / "a.db")
        assert device.withdraw().status_code == 200


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = os.umask(0o022)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PENCHANT_DATABASE", raising=False)
    (tmp_path / "open.key").write_text("x")
    (tmp_path / "open.key").chmod(0o644)
    (tmp_path / "bad.key").write_text("not a key")
    (tmp_path / "bad.key").chmod(0o600)
    (tmp_path / "text").write_text("no receipt")
    yield tmp_path
    os.umask(before)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["serve", "--database", "mysql://x/y"], "is not spoken here"),
        (["serve", "--database", "nonsense"], "is not a database URL"),
        (["serve", "--database", "sqlite:////nowhere/at/all.db"], "unable to open"),
        (["serve", "--database", "postgresql://u:secret@127.0.0.1:1/x"], "does not answer"),
        (["serve", "--key", "open.key"], "chmod 600"),
        (["serve", "--key", "bad.key"], "not the base64"),
        (["serve", "--key", "no/such/folder.key"], "name a file that can be made"),
        (["serve", "--host", "203.0.113.1"], "choose another"),
        (["serve", "--port", "99999999"], "no port"),
        (["serve", "--app-key", "short"], "base64 of 32 bytes"),
        (["credential", "auditor", "carol", "--days", "31"], "1 to 30 days"),
        (["credential", "auditor", "Carol Smith"], "a name is"),
        (["restore", "nothing.gz"], "penchant.key"),
        (["restore", "nothing.gz", "--key", "bad.key"], "not the base64"),
        (["restore", "text", "--log", "text"], "--checkpoint"),
        (["backup", "no/such/folder.gz"], "name a file that can be written"),
        (["verify-receipt", "nothing.json", "--key", 43 * "A" + "="], "No such file"),
        (["verify-receipt", "text", "--key", 43 * "A" + "="], "not a receipt"),
        (["sign-request", "GET", "v1", "--device-key", "d.key"], "begins with /"),
        (["sign-request", "PUT", "/v1", "--device-key", "d.key", "--body", "{"], "is JSON"),
        (["sign-request", "GET", "/v1", "--device-key", "d.key", "--header", "x"], "NAME:VALUE"),
    ],
)
def test_bad_input_is_one_clear_line(
    there: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, errors = capsys.readouterr()
    assert errors.startswith("penchant-server: ")
    assert errors.count("\n") == 1
    assert says in errors
    assert "secret" not in errors + out


def test_an_address_in_use_is_said_so(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    assert "choose another --host or --port" in capsys.readouterr().err


def test_a_key_that_nobody_approved_does_not_serve(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving("sqlite:///penchant.db"):
        pass
    assert main(["serve"]) == 2
    assert "propose a change of kind key" in capsys.readouterr().err


def test_the_small_commands_do_what_they_say(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"]) == 0
    assert main(["notices"]) == 0
    assert len(capsys.readouterr().out.splitlines()[1:]) == 8
    assert main(["token"]) == 0
    token, digest = (line.split()[1] for line in capsys.readouterr().out.splitlines())
    assert token_digest(token) == digest
    assert main(["openapi"]) == 0
    assert json.loads(capsys.readouterr().out)["info"]["title"] == "Penchant consent"
    assert main(["credential", "operator", "ada"]) == 0
    assert len(capsys.readouterr().out.strip()) == 43
    assert main(["credential", "operator", "eve"]) == 2


def test_backup_and_restore_by_command(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving("sqlite:///penchant.db") as service:
        device = service.enrolled()
        device.grant()
        _save(there / "penchant.key", service.key)
        assert main(["backup", "b.gz"]) == 0
        assert main(["restore", "b.gz"]) == 2
        assert main(["restore", "b.gz", "--replace"]) == 0
        assert "1 subjects, whose consent is denied" in capsys.readouterr().out
        assert not device.consent()["permitted"]
        assert main(["restore", "b.gz", "--database", "sqlite:///new.db"]) == 0


def test_a_receipt_is_checked_offline_with_the_pinned_key(
    there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving("sqlite:///penchant.db") as service:
        receipt = service.enrolled().grant().content
        (there / "penchant.key.pub").write_text(service.key.public.base64 + "\n")
    (there / "r.json").write_bytes(receipt)
    (there / "pretty.json").write_text(json.dumps(json.loads(receipt), indent=2))
    for file in ("r.json", "pretty.json"):
        assert main(["verify-receipt", file]) == 0
        assert CONTRIBUTION in capsys.readouterr().out
    (there / "r.json").write_bytes(receipt.replace(b'"version":1', b'"version":2'))
    other = SigningKey.generate().public.base64
    for arguments in (["r.json"], ["pretty.json", "--key", other]):
        assert main(["verify-receipt", *arguments]) == 2
        assert "does not verify" in capsys.readouterr().err


def _save(path: Path, key: SigningKey) -> None:
    path.write_text(to_base64(key.seed))
    path.chmod(0o600)
