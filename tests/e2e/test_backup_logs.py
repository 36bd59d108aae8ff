"""A restore forgets nothing of the private consent log that is still there, and says publicly what is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import server.restore
from privacy.acts import ConsentLogGap
from privacy.audit.faults import Broken
from privacy.audit.findings import Findings
from privacy.audit.verify import audit
from privacy.bundle import write_bundle
from privacy.consent_log import verify_receipt_proof
from privacy.events import Event
from privacy.keys import SigningKey
from privacy.manifest import TrustAnchors
from server.audit.stored import read_stored
from server.backup import write_backup
from server.database import reading
from server.ledger_store import StoredLedger
from server.log_keeper import LogKeeper
from server.tables import consent_leaves, receipt_leaves
from tests.e2e.consenting import CONTRIBUTION, Device, Service, serving
from tests.e2e.restoring import again
from tests.e2e.test_consent_log import LOGS

TRUST = TrustAnchors(
    origin=LOGS.public.origin,
    release_key=SigningKey.from_seed(b"r" * 32).public,
    log_key=LOGS.public.key.public,
)


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    with serving(database, logs=LOGS) as made:
        yield made


def tick(service: Service) -> None:
    service.clock.now += LOGS.tick_seconds
    assert LogKeeper(service.engine, LOGS, clock=service.clock).tick()


def provable(device: Device, receipt: bytes, version: int = 1) -> bool:
    """Say whether the service has a proof of a receipt that holds offline."""
    asked = f"{device.path}/consents/{CONTRIBUTION}/receipts/{version}/proof"
    answer = device.ask("GET", asked)
    if answer.status_code != 200:
        return False
    pins = LOGS.pins
    verify_receipt_proof(
        answer.content, receipt, consent_key=pins.consent_key, consent_origin=pins.consent_origin,
        log_key=pins.key, log_origin=pins.origin,
    )  # fmt: skip
    return True


def audited(service: Service, folder: Path) -> Findings:
    """Let the officer bundle the database and the audit judge it."""
    with reading(service.engine) as connection:
        stored = read_stored(connection, trust=TRUST, key=LOGS.public.key, pins=LOGS.pins)
        write_bundle(folder / "officer.bundle", stored.bundle)
    return audit(folder / "officer.bundle", trust=TRUST.encode())


def log_of(service: Service) -> list[Event]:
    with reading(service.engine) as connection:
        return StoredLedger(connection).events()


def leaves(service: Service) -> list[str]:
    with reading(service.engine) as connection:
        rows = connection.execute(consent_leaves.select().order_by(consent_leaves.c.position))
        return [row.leaf for row in rows]


def test_a_backup_read_over_a_living_database_leaves_the_consent_log_whole(
    service: Service, tmp_path: Path
) -> None:
    """Since the backup one person got a place, one came and one left."""
    waiting, gone, stays = service.enrolled(), service.enrolled(), service.enrolled()
    kept, erased = stays.grant().content, gone.grant().content
    tick(service)
    late = waiting.grant().content
    write_backup(service.engine, tmp_path / "backup.gz", now=service.clock())
    tick(service)
    new = service.enrolled()
    new.grant()
    gone.erase()
    tick(service)
    before = leaves(service)
    done = again(service, tmp_path / "backup.gz")
    assert (done.lost, leaves(service)) == (0, before)
    assert provable(stays, kept)
    assert provable(waiting, late), "its place is older than the restore"
    assert not provable(gone, erased), "its salt is gone, and its leaf is marked"
    tick(service)
    assert provable(gone, erased), "it is back until it is erased again, under a new leaf"
    added = [leaf for leaf in leaves(service)[len(before) :] if "erased" in leaf]
    assert len(added) == 1, "the place of the receipt that came after the backup"
    service.clock.now += 31 * 86_400
    service.sweep()
    while service.count("consent_erasures"):
        tick(service)
    found = audited(service, tmp_path)
    assert found.lost == 0
    assert found.officer is not None
    markers = [leaf for leaf in leaves(service) if "erased" in leaf]
    assert len(markers) == len(set(markers))


def test_with_the_database_lost_the_log_says_which_heads_are_gone(service: Service, tmp_path: Path) -> None:
    found, events = _lost(service, tmp_path)
    assert found.lost == 2
    assert ConsentLogGap(first=2, last=3) in events


def test_a_restore_that_keeps_silent_about_lost_heads_is_found_out(
    sqlite_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: nothing is said of them."""
    monkeypatch.setattr(server.restore, "declare_lost", lambda connection: None)
    with serving(sqlite_database, logs=LOGS) as service, pytest.raises(Broken) as broken:
        _lost(service, tmp_path)
    assert broken.value.rule == "officer.anchor"


def _lost(service: Service, tmp_path: Path) -> tuple[Findings, list[Event]]:
    """Back up after one tick, lose the database after three, go on in another; return what an audit finds."""
    path = tmp_path / "backup.gz"
    device = service.enrolled()
    receipt = device.grant().content
    tick(service)
    write_backup(service.engine, path, now=service.clock())
    tick(service)
    tick(service)
    witnessed = log_of(service)
    with serving(f"sqlite:///{tmp_path / 'new.db'}", logs=LOGS) as new:
        new.clock.now = service.clock.now
        done = again(new, path, events=witnessed, replace=False)
        assert done.recovered == 2
        twin = Device(new, device.key)
        assert provable(twin, receipt)
        tick(new)
        assert again(new, path, events=log_of(new)).lost == 0, "the same heads are not lost twice"
        tick(new)
        return audited(new, tmp_path), log_of(new)


def test_a_place_is_not_given_to_another_receipt_that_has_its_number(
    service: Service, tmp_path: Path
) -> None:
    """Numbers are used again after a restore: the place of an earlier receipt is not the later one's."""
    first, second = tmp_path / "first.gz", tmp_path / "second.gz"
    service.enrolled()
    write_backup(service.engine, first, now=service.clock())
    old = service.enrolled()
    receipt = old.grant().content
    write_backup(service.engine, second, now=service.clock())
    again(service, first)
    service.clock.now += 3600
    service.enrolled().grant()
    tick(service)
    again(service, second)
    assert not provable(old, receipt)
    tick(service)
    assert provable(old, receipt)
    with reading(service.engine) as connection:
        places = [row.position for row in connection.execute(receipt_leaves.select())]
    assert len(places) == len(set(places))
