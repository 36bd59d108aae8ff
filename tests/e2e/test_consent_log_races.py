"""The private log under threads and after a restore: one tick in its time, each leaf with its content or a marker."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from privacy.acts import ConsentRootAnchored
from privacy.consent_log import commitment, read_leaf
from server.backup import write_backup
from server.database import reading
from server.ledger_store import StoredLedger
from server.log_keeper import LogKeeper
from server.restore import restore
from server.tables import consent_leaves, receipt_leaves, receipts
from tests.e2e.consenting import Service, serving
from tests.e2e.test_consent_log import LOGS, tick


@pytest.fixture
def service(database: str) -> Iterator[Service]:
    with serving(database, logs=LOGS) as made:
        yield made


def together(*works: Callable[[], object]) -> None:
    """Run these at once; whatever one of them raises is raised here."""
    failed: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as problem:
            failed.append(problem)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for problem in failed:
        raise problem


def check(service: Service) -> tuple[int, int]:
    """See that each kept receipt opens its leaf; return how many receipts are logged, and how many markers stand."""
    with reading(service.engine) as connection:
        leaves = [
            row.leaf.encode()
            for row in connection.execute(consent_leaves.select().order_by(consent_leaves.c.position))
        ]
        query = select(receipt_leaves.c.position, receipt_leaves.c.salt, receipts.c.receipt).join(receipts)
        rows = connection.execute(query).all()
    assert len(leaves) % LOGS.slots == 0
    for row in rows:
        assert leaves[row.position] == commitment(row.receipt.encode(), bytes(row.salt))
    erased = [found.index for leaf in leaves if (found := read_leaf(leaf)) is not None]
    assert len(erased) == len(set(erased)), "a leaf is marked once"
    assert not set(erased) & {row.position for row in rows}, "what is marked is gone"
    return len(rows), len(erased)


def test_of_many_who_look_at_once_one_ticks(service: Service) -> None:
    service.clock.now += LOGS.tick_seconds
    ticked: list[bool] = []
    keepers = [LogKeeper(service.engine, LOGS, clock=service.clock) for _ in range(6)]
    together(*(lambda keeper=keeper: ticked.append(keeper.tick()) for keeper in keepers))
    assert sorted(ticked) == [False] * 5 + [True]
    assert service.count("consent_ticks") == 1


def test_people_who_leave_while_it_ticks_leave_a_marker_or_nothing(service: Service) -> None:
    stay = [service.enrolled() for _ in range(3)]
    for device in stay:
        device.grant()

    def come_and_go() -> None:
        for _ in range(4):
            device = service.enrolled()
            device.grant()
            device.withdraw()
            device.erase()

    def ticking() -> None:
        for _ in range(10):
            tick(service)

    together(come_and_go, come_and_go, ticking)
    for _ in range(6):
        tick(service)
    logged, _ = check(service)
    assert logged == len(stay)
    assert service.count("consent_erasures") == 0


def test_after_a_restore_anchors_go_on_from_the_public_log(service: Service, tmp_path: Path) -> None:
    service.enrolled().grant()
    tick(service)
    write_backup(service.engine, tmp_path / "backup", now=service.clock())
    tick(service)
    tick(service)
    restore(
        service.engine,
        tmp_path / "backup",
        log=(),
        key=service.key.public,
        now=service.clock(),
        replace=True,
    )
    tick(service)
    with reading(service.engine) as connection:
        events = StoredLedger(connection).events()
    numbers = [event.number for event in events if isinstance(event, ConsentRootAnchored)]
    assert numbers == [1, 2, 3, 4], "what was anchored after the backup is not forgotten"
    assert check(service) == (1, 0)
