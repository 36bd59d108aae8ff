"""Receipts in the private log: proved within a minute, verified offline, gone from it when their owner is erased."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection

from privacy.acts import ConsentRootAnchored
from privacy.canonical import decode, encode
from privacy.checkpoint import LogProof, open_checkpoint, verify_log_proof
from privacy.consent_log import ConsentLogError, Erased, read_leaf, verify_receipt_proof
from privacy.errors import PrivacyError
from privacy.keys import SigningKey
from privacy.merkle import leaf_hash, root, verify_consistency
from privacy.tiles import read_entry_bundle
from server.__main__ import main
from server.consent_ledger import StoredConsentLog
from server.database import reading, serially
from server.ledger_store import LogKey, StoredLedger
from server.log_keeper import LogKeeper
from server.logs import Logs
from server.tables import consent_leaves, receipt_leaves
from tests.e2e.consenting import CONTRIBUTION, Device, Service, serving

LOGS = Logs(
    public=LogKey("log.example/main", SigningKey.from_seed(b"p" * 32)),
    consent=LogKey("log.example/main/consent", SigningKey.from_seed(b"c" * 32)),
    slots=4,
)


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    with serving(database, logs=LOGS) as made:
        yield made


def tick(service: Service) -> bool:
    """Let a tick's time pass, and tick."""
    service.clock.now += LOGS.tick_seconds
    return LogKeeper(service.engine, LOGS, clock=service.clock).tick()


def proof(device: Device, version: int = 1) -> tuple[int, bytes]:
    answer = device.ask("GET", f"{device.path}/consents/{CONTRIBUTION}/receipts/{version}/proof")
    return answer.status_code, answer.content


def verify(shown: bytes, receipt: bytes, *, log: SigningKey = LOGS.public.key) -> None:
    verify_receipt_proof(
        shown,
        receipt,
        consent_key=LOGS.consent.key.public,
        consent_origin=LOGS.consent.origin,
        log_key=log.public,
        log_origin=LOGS.public.origin,
    )


def leaves(service: Service) -> list[bytes]:
    with reading(service.engine) as connection:
        rows = connection.execute(consent_leaves.select().order_by(consent_leaves.c.position))
        return [row.leaf.encode() for row in rows]


def test_a_receipt_has_its_proof_after_the_next_tick_and_it_verifies_offline(service: Service) -> None:
    device = service.enrolled()
    granted = device.grant().content
    status, _ = proof(device)
    assert status == 404
    assert tick(service)
    status, shown = proof(device)
    assert status == 200
    assert len(shown) < 4096
    verify(shown, granted)
    withdrawn = device.withdraw().content
    tick(service)
    verify(proof(device, 2)[1], withdrawn)
    verify(proof(device)[1], granted)


def test_a_proof_of_another_receipt_or_by_another_key_shows_nothing(service: Service) -> None:
    device = service.enrolled()
    granted, withdrawn = device.grant().content, device.withdraw().content
    tick(service)
    _, shown = proof(device)
    with pytest.raises(PrivacyError):
        verify(shown, withdrawn)
    with pytest.raises(PrivacyError):
        verify(shown, granted, log=SigningKey.generate())
    body = decode(shown)
    assert isinstance(body, dict)
    with pytest.raises(ConsentLogError):
        verify(encode({**body, "anchor_salt": "0" * 64}), granted)


def test_only_its_owner_gets_a_proof(service: Service) -> None:
    owner, other = service.enrolled(), service.enrolled()
    owner.grant()
    tick(service)
    path = f"{owner.path}/consents/{CONTRIBUTION}/receipts/1/proof"
    assert other.ask("GET", path).status_code == 401
    assert proof(other)[0] == 404


@pytest.mark.parametrize("people", [0, 1, 3])
def test_a_tick_looks_the_same_whatever_was_decided(service: Service, people: int) -> None:
    for _ in range(people):
        service.enrolled().grant()
    tick(service)
    found = leaves(service)
    assert len(found) == LOGS.slots
    assert {len(leaf) for leaf in found} == {len(found[0])}
    assert all(read_leaf(leaf) is None for leaf in found)


def test_more_than_a_tick_holds_waits_for_the_next_and_none_is_lost(service: Service) -> None:
    people = [service.enrolled() for _ in range(6)]
    receipts = [device.grant().content for device in people]
    tick(service)
    assert [proof(device)[0] for device in people] == [200] * 4 + [404] * 2
    tick(service)
    for device, receipt in zip(people, receipts, strict=True):
        verify(proof(device)[1], receipt)
    assert len(leaves(service)) == 2 * LOGS.slots


def test_one_tick_happens_in_its_time_however_many_ask(service: Service) -> None:
    keepers = [LogKeeper(service.engine, LOGS, clock=service.clock) for _ in range(3)]
    assert [keeper.tick() for keeper in keepers] == [True, False, False]
    service.clock.now += LOGS.tick_seconds - 1
    assert [keeper.tick() for keeper in keepers] == [False] * 3
    service.clock.now += 1
    assert sum(keeper.tick() for keeper in keepers) == 1


def test_erasure_takes_record_and_salt_leaves_a_marker_and_every_other_proof(service: Service) -> None:
    gone, stays = service.enrolled(), service.enrolled()
    receipt, other = gone.grant().content, stays.grant().content
    tick(service)
    verify(proof(gone)[1], receipt)
    before = leaves(service)
    with reading(service.engine) as connection:
        salts = {bytes(row.salt).hex() for row in connection.execute(receipt_leaves.select())}
    gone.erase()
    tick(service)
    after = leaves(service)
    assert after[: len(before)] == before, "no leaf ever changes"
    erased = [found for leaf in after if (found := read_leaf(leaf)) is not None]
    with reading(service.engine) as connection:
        kept = {bytes(row.salt).hex() for row in connection.execute(receipt_leaves.select())}
    assert len(erased) == 1
    assert isinstance(erased[0], Erased)
    assert len(salts - kept) == 1
    verify(proof(stays)[1], other)
    assert proof(gone)[0] == 404


def test_erasure_before_its_tick_leaves_nothing_at_all(service: Service) -> None:
    device = service.enrolled()
    device.grant()
    device.erase()
    tick(service)
    assert all(read_leaf(leaf) is None for leaf in leaves(service))
    assert service.count("consent_erasures") == 0


def test_anchors_are_numbered_and_every_head_is_a_beginning_of_the_next(service: Service) -> None:
    for _ in range(3):
        tick(service)
    with reading(service.engine) as connection:
        stored = StoredLedger(connection)
        numbers = [event.number for event in stored.events() if isinstance(event, ConsentRootAnchored)]
        notes = [
            row.note.encode() for row in connection.exec_driver_sql("SELECT note FROM log_heads ORDER BY size")
        ]  # fmt: skip
        heads = [open_checkpoint(note, LOGS.public.key.public, origin=LOGS.public.origin) for note in notes]
        assert numbers == [1, 2, 3]
        for old, new in pairwise(heads):
            path = stored.tree.consistency_proof(old.size, new.size)
            verify_consistency(
                old_size=old.size, new_size=new.size, proof=path, old_root=old.root, new_root=new.root
            )


def test_anyone_reads_the_log_as_c2sp_tiles_and_checks_it(service: Service) -> None:
    for _ in range(3):
        tick(service)
    note = service.get("/log/checkpoint").content
    head = open_checkpoint(note, LOGS.public.key.public, origin=LOGS.public.origin)
    entries = read_entry_bundle(service.get(f"/log/tile/entries/000.p/{head.size}").content)
    tile = service.get(f"/log/tile/0/000.p/{head.size}").content
    assert root(entries) == head.root
    assert b"".join(map(leaf_hash, entries)) == tile
    shown = service.get("/log/proofs/1").content
    assert LogProof.decode(shown).index == 1
    verify_log_proof(shown, entries[1], LOGS.public.key.public, origin=LOGS.public.origin)
    for missing in (f"proofs/{head.size}", "tile/0/001", f"tile/0/000.p/{head.size + 1}", "tile/entries/000"):
        assert service.get(f"/log/{missing}").status_code == 404
    assert service.get("/log/tile/0/zzz").status_code == 422
    pinned = service.get("/log/pins.json").content
    assert decode(pinned) == decode(LOGS.pins.encode())


def test_a_service_without_log_keys_says_so_and_decides_all_the_same(sqlite_database: str) -> None:
    with serving(sqlite_database) as service:
        device = service.enrolled()
        assert device.grant().status_code == 200
        assert proof(device)[0] == 404
        assert service.get("/log/checkpoint").json()["code"] == "no_log"


def test_the_command_verifies_a_saved_receipt_with_its_proof(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device = service.enrolled()
    receipt = device.grant().content
    tick(service)
    files = {
        "receipt": receipt,
        "proof": proof(device)[1],
        "pins": LOGS.pins.encode(),
        "key": service.key.public.base64.encode(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    where = {name: str(tmp_path / name) for name in files}
    asked = ["verify-receipt", where["receipt"], "--key", where["key"], "--proof", where["proof"]]
    assert main([*asked, "--pins", where["pins"]]) == 0
    assert "in the consent log, and that in log.example/main" in capsys.readouterr().out
    (tmp_path / "proof").write_bytes(proof(service.enrolled())[1] or b"{}")
    assert main([*asked, "--pins", where["pins"]]) == 2
    assert "proof" in capsys.readouterr().err
    assert main([*asked, "--pins", where["key"]]) == 2


def test_a_tick_that_fails_leaves_neither_leaf_nor_anchor(service: Service) -> None:
    """The planted fault: the transaction dies after the anchor; both logs are as they were."""
    service.enrolled().grant()

    def dying(connection: Connection) -> None:
        StoredConsentLog(connection, LOGS).tick(now=service.clock())
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        serially(service.engine, dying)
    assert [service.count(table) for table in ("consent_leaves", "ledger", "consent_ticks", "log_heads")] == [
        0
    ] * 4
