"""A restore resurrects nothing and forgets no spend (G9): the drill on both databases, and from one to the other."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import server.restore
from privacy.events import PrivacyEvent, RoundAborted
from server.backup import BackupRefused, write_backup
from server.consent import PURPOSES
from server.database import open_engine, reading
from server.ledger_store import StoredLedger
from server.line_policy import cap_of
from server.recovery import LogForked
from server.refusals import WINDOW
from server.restore import BACK_WITHIN, RestoreRefused, restore
from tests.e2e.consenting import Device, Service, serving
from tests.e2e.restoring import again, committed, intent, log, terms, under_way
from tests.worlds import declared


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    with serving(database) as made:
        yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "backup.gz"


def resurrected(service: Service, path: Path) -> list[str]:
    """Run the drill: decide, back up, change everything, restore; return what came back that must not."""
    kept, leaver, erased = service.enrolled(), service.enrolled(), service.enrolled()
    undecided, late = service.enrolled(), service.device()
    for device in (kept, leaver, erased):
        assert device.grant().status_code == 200
    refuser = service.enrolled()
    refuser.refuse()
    operator = service.credential("operator", "ada")
    write_backup(service.engine, path, now=service.clock())
    service.clock.now += 60
    before = {name: d.consent()["version"] for name, d in (("kept", kept), ("undecided", undecided))}
    leaver.withdraw()
    erased.erase()
    sent = undecided.granting()
    assert service.ask(sent).status_code == 200
    undecided.withdraw()
    captured = [late.request("POST", "/v1/subjects", {"token": None}), late.granting()]
    assert [service.ask(request).status_code for request in captured] == [201, 200]
    late.erase()
    service.clock.now += 60
    again(service, path)
    found = []
    for name, device in {"kept": kept, "leaver": leaver, "refuser": refuser, "undecided": undecided}.items():
        for purpose in PURPOSES:
            shown = device.consent(purpose)
            if shown["permitted"]:
                found.append(f"{name}: permitted")
            if shown["version"] <= before.get(name, 2) + 2:
                found.append(f"{name}: version {shown['version']} may have been issued before")
    decisions = [device.consent()["decision"] for device in (kept, leaver, refuser, undecided)]
    found += [] if decisions == ["unconfirmed", "unconfirmed", "refused", None] else ["decisions"]
    replays = [(request.method, service.ask(request)) for request in (sent, *captured)]
    found += [f"a replay of {method}" for method, answer in replays if answer.is_success]
    return found + ([] if operator.ask("GET", "/v1/changes").status_code == 401 else ["a credential"])


def test_what_was_denied_since_the_backup_stays_denied_and_nothing_old_counts(
    service: Service, path: Path
) -> None:
    assert resurrected(service, path) == []


@pytest.mark.parametrize("part", ["_deny_all", "recover"])
def test_a_restore_that_just_puts_rows_back_is_found_out(
    sqlite_database: str, path: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted faults: consent is left as the backup has it; younger entries of the log are dropped."""
    with serving(sqlite_database) as service:
        if part == "_deny_all":
            monkeypatch.setattr(server.restore, part, lambda connection, *, now: None)
            assert any("permitted" in each for each in resurrected(service, path))
        else:
            monkeypatch.setattr(server.restore, part, lambda connection, *logs: 0)
            assert spent_after_restore(service, path) < 3


def test_a_device_confirms_by_granting_again(service: Service, path: Path) -> None:
    device = service.enrolled()
    device.grant(key="before-restore")
    write_backup(service.engine, path, now=service.clock())
    again(service, path)
    version = device.consent()["version"]
    assert device.grant(1).status_code == 412
    assert device.grant(version).status_code == 200
    assert device.consent()["permitted"]
    receipts = device.ask("GET", f"{device.path}/receipts").json()["receipts"]
    assert len(receipts) == 2


def test_versions_rise_when_the_same_backup_is_restored_twice(service: Service, path: Path) -> None:
    device = service.enrolled()
    device.grant()
    write_backup(service.engine, path, now=service.clock())
    seen = []
    for wait in (1, 1, 0, -3600):
        service.clock.now += wait
        again(service, path)
        seen.append(device.consent()["version"])
        device.grant(seen[-1])
        device.withdraw()
    assert seen[0] < seen[1]
    assert min(seen) > 1 << 32


def test_whoever_is_not_back_in_thirty_days_is_erased_and_whoever_is_stays(
    service: Service, path: Path
) -> None:
    """The backup may be older than an erasure: a person who was erased does not come back."""
    here, erased = service.enrolled(), service.enrolled()
    for device in (here, erased):
        device.grant()
    write_backup(service.engine, path, now=service.clock())
    erased.erase()
    again(service, path)
    here.consents()
    service.clock.now += BACK_WITHIN - 1
    service.sweep()
    assert service.count("subjects") == 2
    service.clock.now += 1
    service.sweep()
    assert service.count("subjects") == 1
    assert here.consents().status_code == 200
    assert service.count("receipts") == 1


def test_enrolment_pauses_until_requests_from_before_are_too_old(service: Service, path: Path) -> None:
    write_backup(service.engine, path, now=service.clock())
    again(service, path)
    device = service.device()
    assert device.enrol().json()["code"] == "just_withdrawn"
    assert device.withdraw().status_code == 200
    service.clock.now += 2 * WINDOW + 1
    assert device.enrol().status_code == 201


def spent_after_restore(service: Service, path: Path) -> int:
    """Spend before and after a backup, restore it, and return how many rounds still count as paid for."""
    engine = service.engine
    log(engine, declared(8.0), terms(1), intent(1), committed(1))
    write_backup(engine, path, now=service.clock())
    log(engine, terms(2), intent(2), committed(2), terms(3), intent(3))
    again(service, path)
    with reading(engine) as connection:
        return len(StoredLedger(connection).of(PrivacyEvent, line="test"))


def test_spend_is_the_larger_of_backup_and_database(service: Service, path: Path) -> None:
    assert spent_after_restore(service, path) == 3
    with reading(service.engine) as connection:
        events = StoredLedger(connection).events()
        rows = connection.exec_driver_sql("SELECT round, state FROM rounds").all()
        states = {row.round: row.state for row in rows}
    assert events[-1] == RoundAborted(line="test", round=3)
    assert states == {2: "committed", 3: "aborted"}


def test_spend_that_only_the_witnessed_log_knows_counts_too(
    service: Service, path: Path, tmp_path: Path
) -> None:
    """The database is lost; the log was copied somewhere else."""
    lost = service
    with serving(f"sqlite:///{tmp_path / 'new.db'}") as new:
        _recovered(lost, new, path)


def _recovered(lost: Service, new: Service, path: Path) -> None:
    log(lost.engine, terms(1), intent(1), committed(1))
    write_backup(lost.engine, path, now=lost.clock())
    witnessed = log(lost.engine, declared(8.0), terms(2), intent(2))
    done = again(new, path, events=witnessed, replace=False)
    assert (done.recovered, done.aborted) == (3, 1)
    with reading(new.engine) as connection:
        ledger = StoredLedger(connection)
        assert ledger.events() == [*witnessed, RoundAborted(line="test", round=2)]
        assert ledger.tree.size == len(witnessed) + 1
        cap = cap_of(connection, "test")
    assert cap is not None
    assert cap.epsilon == 8.0


def test_logs_that_disagree_are_refused_and_nothing_changes(service: Service, path: Path) -> None:
    device = service.enrolled()
    device.grant()
    log(service.engine, terms(1), intent(1))
    write_backup(service.engine, path, now=service.clock())
    with pytest.raises(LogForked):
        again(service, path, events=[terms(2), intent(2)])
    assert device.consent()["permitted"]


def test_rounds_under_way_are_aborted_and_uncommitted_contributions_are_in_no_backup(
    service: Service, path: Path
) -> None:
    device = service.enrolled()
    device.grant()
    under_way(service.engine, 1, device)
    write_backup(service.engine, path, now=service.clock())
    assert b'"contributions"' not in gzip.decompress(path.read_bytes())
    assert again(service, path).aborted == 1
    assert service.count("contributions") == 0
    operator = service.credential("operator", "ada")
    shown = operator.ask("GET", "/v1/rounds").json()["rounds"]
    assert shown == [{"line": "test", "round": 1, "state": "aborted"}]


def test_a_backup_holds_no_nonce_and_no_credential_and_only_its_owner_reads_it(
    service: Service, path: Path
) -> None:
    device, operator = service.enrolled(), service.credential("operator", "ada")
    device.grant()
    write_backup(service.engine, path, now=service.clock())
    content = gzip.decompress(path.read_bytes()).decode()
    assert device.subject in content
    assert operator.token not in content
    assert '"nonces"' not in content
    assert '"credentials"' not in content
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_database_that_holds_something_is_replaced_only_when_asked_and_keeps_its_record(
    service: Service, path: Path
) -> None:
    service.enrolled()
    write_backup(service.engine, path, now=service.clock())
    auditor = service.credential("auditor", "carol")
    auditor.ask("GET", "/v1/admin-log")
    with pytest.raises(RestoreRefused, match="--replace"):
        again(service, path, replace=False)
    again(service, path)
    officer = service.credential("officer", "grace")
    entries = officer.ask("GET", "/v1/admin-log").json()["entries"]
    actions = [(each["actor"], each["action"]) for each in entries]
    assert ("carol", "GET /v1/admin-log") in actions
    assert ("console", "store.restore") in actions
    assert len({each["number"] for each in entries}) == len(entries)


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-9], lambda data: b"", lambda data: gzip.compress(b'{"format":"penchant-backup-1"}\n'),
     lambda data: gzip.compress(gzip.decompress(data).replace(b'"granted"', b'"refused"'))],
    ids=["cut", "empty", "no end", "changed"],
)  # fmt: skip
def test_a_damaged_backup_is_refused_before_anything_changes(
    sqlite_database: str, path: Path, damage: Callable[[bytes], bytes]
) -> None:
    with serving(sqlite_database) as service:
        device = service.enrolled()
        device.grant()
        write_backup(service.engine, path, now=service.clock())
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(BackupRefused):
            again(service, path)
        assert device.consent()["permitted"]


@pytest.mark.parametrize("kinds", [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_a_backup_of_one_database_is_restored_into_the_other(
    request: pytest.FixtureRequest, path: Path, kinds: tuple[str, str]
) -> None:
    first, second = (request.getfixturevalue(f"{kind}_database") for kind in kinds)
    with serving(first) as old:
        device = old.enrolled()
        device.grant()
        device.withdraw()
        write_backup(old.engine, path, now=old.clock())
        receipts = device.ask("GET", f"{device.path}/receipts").json()
    engine = open_engine(second)
    restore(engine, path, log=[], key=old.key.public, now=old.clock(), replace=False)
    engine.dispose()
    with serving(second, key=old.key) as new:
        moved = Device(new, device.key)
        assert moved.ask("GET", f"{moved.path}/receipts").json() == receipts
        assert moved.consent()["decision"] == "withdrawn"
        assert moved.grant(moved.consent()["version"]).status_code == 200
