"""`penchant-audit bundle` and `verify`, over a run's folder and both databases: what is said, and the exit codes."""

import hashlib
import json
import os
import shlex
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sqlalchemy import Connection

from privacy.acts import ReleaseWithdrawn
from privacy.canonical import encode, to_base64
from privacy.channel import pointer_to
from privacy.events import ReleasePublished, encode_event
from privacy.keys import SigningKey
from privacy.manifest import open_manifest
from server.audit.__main__ import main
from server.consent_ledger import StoredConsentLog
from server.database import migrate, open_engine, serially
from server.ledger_store import LogKey, StoredLedger
from server.logs import Logs
from server.release_store import ReleaseStore
from tests.bundles_made import TRUST, Publisher, rich, simple
from tests.e2e.consenting import NOW
from tests.e2e.labelled import LOG, LOG_KEY, RELEASE_KEY, labelled
from tests.e2e.labelled import TRUST as STORED_TRUST
from tests.log_made import LINE, one_round

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((files("privacy.audit") / "findings.schema.json").read_text())


def laid_out(folder: Path, made: Publisher) -> Path:
    """Lay a publisher's log out as a run does."""
    bundle = made.bundle()
    (released,) = bundle.releases
    contents = {
        "ledger/trust.json": bundle.trust,
        "ledger/entries.jsonl": b"".join(encode_event(event) + b"\n" for event in made.events),
        "ledger/checkpoints": encode([head.decode() for head in bundle.checkpoints]),
        "release/manifest.json": released.manifest,
        "release/label.json": released.label,
        "release/manifest.proof": released.proof,
    }
    for name, content in contents.items():
        path = folder / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / "run"


class Officer:
    """Runs the command and keeps what it said."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.file = folder / "made.bundle"

    def does(self, *arguments: object) -> tuple[int, str]:
        code = main([str(argument) for argument in arguments])
        printed = self._capsys.readouterr()
        return code, printed.out + printed.err

    def bundles(self, source: object, *options: object) -> tuple[int, str]:
        return self.does("bundle", source, "-o", self.file, *options)

    def verifies(self, *options: object) -> tuple[int, str]:
        return self.does("verify", self.file, *options)

    def finds(self, *options: object) -> tuple[int, dict[str, Any]]:
        code, said = self.verifies("--json", *options)
        found: dict[str, Any] = json.loads(said)
        jsonschema.validate(found, SCHEMA)
        return code, found


@pytest.fixture
def officer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Officer:
    return Officer(tmp_path, capsys)


def test_a_runs_bundle_is_valid_and_says_that_it_attests_to_itself(officer: Officer) -> None:
    code, said = officer.bundles(laid_out(officer.folder, simple()))
    assert (code, str(officer.file) in said) == (0, True)
    code, said = officer.verifies()
    assert code == 0
    assert "VALID, self-attested" in said
    assert "MAY GO OUT" in said
    assert "pin them with --trust" in said
    assert "trust = central" in said


def test_the_figures_in_json_are_those_of_the_log_and_keep_their_schema(officer: Officer) -> None:
    officer.bundles(laid_out(officer.folder, simple()))
    trust = officer.folder / "trust.json"
    trust.write_bytes(TRUST.encode())
    code, found = officer.finds("--trust", trust)
    assert (code, found["verdict"], found["keys"], found["attested"]) == (0, "valid", "pinned", "self")
    (line,), (release,) = found["lines"], found["releases"]
    assert (line["line"], line["rounds"], line["cap"]) == (LINE, 3, "4")
    assert 1.73 < float(line["epsilon_exact"]) <= float(line["epsilon_check"]) < float(line["epsilon"]) < 1.74
    assert (release["sequence"], release["may_go_out"], release["because"]) == (1, True, [])


def test_a_withdrawn_release_is_valid_and_must_not_go_out(officer: Officer) -> None:
    made = rich()
    made.releases.pop()
    made.events, made.heads = made.events[:17], made.heads[:3]
    made.events.append(ReleaseWithdrawn(line=LINE, sequence=1, reason="decision"))
    officer.bundles(laid_out(officer.folder, made))
    code, said = officer.verifies()
    assert code == 0
    assert "MUST NOT GO OUT: it was withdrawn" in said
    assert officer.finds()[1]["releases"][0]["may_go_out"] is False


def test_an_invalid_bundle_names_its_first_broken_rule_and_exits_one(officer: Officer) -> None:
    made = simple()
    made.events += one_round(9, noise=0.5)
    officer.bundles(laid_out(officer.folder, made))
    code, said = officer.verifies()
    assert code == 1
    assert said.startswith("INVALID")
    assert "line.cap" in said
    assert "entry 18 (privacy_event)" in said
    code, found = officer.finds()
    assert (code, found["verdict"], found["broken"]["rule"]) == (1, "invalid", "line.cap")


def test_what_is_no_bundle_exits_two(officer: Officer) -> None:
    officer.file.write_bytes(b"no bundle\n")
    code, said = officer.verifies()
    assert (code, said.startswith("UNREADABLE")) == (2, True)
    assert officer.finds()[0] == 2
    officer.file.unlink()
    assert officer.verifies()[0] == 2
    officer.bundles(laid_out(officer.folder, simple()))
    assert officer.verifies("--trust", officer.folder / "absent")[0] == 2
    code, found = officer.finds("--release", f"{LINE}/7")
    assert (code, found["says"].endswith(f"it holds {LINE}/1")) == (2, True)


def test_a_source_that_is_none_is_one_clear_error_and_leaves_no_file(officer: Officer) -> None:
    run = laid_out(officer.folder, simple())
    (run / "release" / "label.json").unlink()
    code, said = officer.bundles(run)
    assert (code, "label.json" in said, officer.file.exists()) == (2, True, False)
    code, said = officer.bundles(officer.folder / "absent.db")
    assert (code, "neither a run's folder" in said, officer.file.exists()) == (2, True, False)
    (officer.folder / "other.db").write_bytes(b"")
    code, said = officer.bundles(officer.folder / "other.db")
    assert (code, "not a database of penchant-server" in said) == (2, True)


def filled(url: str, *, later: int = 0) -> None:
    """Give a database a log with a release, and entries after it that no head covers."""
    engine = open_engine(url)
    migrate(engine)
    release = labelled()
    manifest = open_manifest(release["manifest.json"], RELEASE_KEY.public)
    published = ReleasePublished(
        line=LINE,
        sequence=manifest.sequence,
        manifest=hashlib.sha256(release["manifest.json"]).hexdigest(),
    )

    def fill(connection: Connection) -> None:
        log, store = StoredLedger(connection), ReleaseStore(connection)
        for event in (*LOG, published, *list(one_round(9, noise=30.0))[:later]):
            log.append(event)
        for data in release.values():
            store.put_file(hashlib.sha256(data).hexdigest(), data)
        store.publish(LINE, pointer_to(release), trust=STORED_TRUST, now=NOW)

    serially(engine, fill)
    engine.dispose()


def test_a_databases_bundle_is_its_log_up_to_the_newest_head(database: str, officer: Officer) -> None:
    filled(database, later=2)
    code, said = officer.bundles(database)
    assert (code, "2 newer entries have no signed head yet" in said) == (0, True)
    code, found = officer.finds()
    assert (code, found["log"]["entries"], found["published"]) == (0, 17, 1)


def test_whoever_holds_the_logs_key_bundles_all_of_it(database: str, officer: Officer) -> None:
    filled(database, later=2)
    key = officer.folder / "log.key"
    key.write_text(to_base64(LOG_KEY.seed))
    key.chmod(0o600)
    assert officer.bundles(database, "--log-key", key)[0] == 0
    code, found = officer.finds()
    assert (code, found["log"]["entries"], found["log"]["heads"]) == (0, 19, 2)


def ticked(url: str, folder: Path) -> None:
    """Give a database a log whose consent log ticked twice, and write what pins their keys."""
    consent = LogKey("penchant.example/made-up/consent", SigningKey.from_seed(b"c" * 32))
    logs = Logs(public=LogKey(STORED_TRUST.origin, LOG_KEY), consent=consent, slots=4, tick_seconds=10)
    engine = open_engine(url)
    migrate(engine)

    def grow(connection: Connection) -> None:
        for event in LOG[:-1]:
            StoredLedger(connection).append(event)
        for at in (NOW, NOW + 10):
            StoredConsentLog(connection, logs).tick(now=at)

    serially(engine, grow)
    engine.dispose()
    (folder / "log.pins").write_bytes(logs.pins.encode())
    (folder / "trust.json").write_bytes(STORED_TRUST.encode())


def test_the_heads_a_service_kept_and_its_consent_log_go_along(database: str, officer: Officer) -> None:
    ticked(database, officer.folder)
    trust, pins = ("--trust", officer.folder / "trust.json"), ("--pins", officer.folder / "log.pins")
    assert officer.bundles(database, *trust)[0] == 0
    code, found = officer.finds()
    assert (code, found["log"]["heads"], found["log"]["entries"], found["consent"]) == (0, 2, 17, None)
    code, said = officer.bundles(database, "--officer", *trust)
    assert (code, "--pins" in said) == (2, True)
    assert officer.bundles(database, "--officer", *pins, *trust)[0] == 0
    assert officer.finds()[1]["consent"] == {"entries": 8, "ticks": 2}


def test_an_entry_rewritten_in_the_database_is_found(sqlite_database: str, officer: Officer) -> None:
    filled(sqlite_database)
    engine = open_engine(sqlite_database)
    with engine.begin() as connection:
        rewrite = (
            'UPDATE ledger SET leaf = replace(leaf, \'"noise_multiplier":"3"\', \'"noise_multiplier":"9"\')'
        )
        connection.exec_driver_sql(rewrite)
    engine.dispose()
    assert officer.bundles(sqlite_database.removeprefix("sqlite:///"))[0] == 0
    assert officer.finds()[1]["broken"]["rule"] == "log.root"


def test_the_readmes_lines_work_as_pasted(tmp_path: Path) -> None:
    chapter = (ROOT / "README.md").read_text().split("**Check it without us.**")[1].split("\n\n")[1]
    pasted = [line.strip() for line in chapter.splitlines()]
    run = laid_out(tmp_path, simple())
    (tmp_path / "runs").mkdir()
    run.rename(tmp_path / "runs" / "demo")
    (tmp_path / "runs" / "demo" / "release" / "trust.json").write_bytes(TRUST.encode())
    said = ""
    for line in pasted:
        assert line.startswith(".venv/bin/penchant-audit ")
        command = [sys.executable, "-m", "server.audit", *shlex.split(line)[1:]]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said += done.stdout
    assert "VALID, self-attested  runs/demo.bundle" in said
    assert "are those you pinned" in said
