"""One suite for both databases: what the store promises holds on SQLite and on a real PostgreSQL."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, inspect

from privacy.events import RoundAborted
from server.consent import LIFETIME, UNDECIDED, Purpose, grant, withdraw
from server.database import StoreUnavailable, migrate, open_engine, serially, transaction
from server.ledger_store import StoredLedger
from server.store import ConsentStore
from server.tables import metadata

PURPOSE: Purpose = "federated_contribution"
NOTICE = "a" * 64
CURRENT = frozenset({NOTICE})


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = open_engine(database)
    migrate(made)
    yield made
    made.dispose()


def enrol(engine: Engine, *names: str) -> None:
    with transaction(engine) as connection:
        for name in names:
            ConsentStore(connection).enrol(name, key="k", now=0)


def give(engine: Engine, name: str, now: int = 0) -> int:
    with transaction(engine) as connection:
        store = ConsentStore(connection)
        state = store.state(name, PURPOSE)
        given = grant(
            state,
            expected_version=state.version,
            notice=NOTICE,
            language="en",
            current_notices=CURRENT,
            now=now,
        )
        store.save(name, PURPOSE, given)
        return given.version


def take_back(engine: Engine, name: str) -> int:
    def step(connection: Connection) -> int:
        store = ConsentStore(connection)
        gone = withdraw(store.state(name, PURPOSE), now=1)
        store.save(name, PURPOSE, gone)
        return gone.version

    return serially(engine, step)


def test_migrations_make_exactly_the_tables_and_may_run_again(engine: Engine) -> None:
    migrate(engine)
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_a_state_comes_back_as_it_was_saved(engine: Engine) -> None:
    enrol(engine, "s")
    with transaction(engine) as connection:
        assert ConsentStore(connection).state("s", PURPOSE) == UNDECIDED
    assert give(engine, "s", now=7) == 1
    with transaction(engine) as connection:
        state = ConsentStore(connection).states("s")[PURPOSE]
    assert (state.version, state.decision, state.valid_until) == (1, "granted", 7 + LIFETIME)


def test_enrolling_twice_changes_nothing(engine: Engine) -> None:
    with transaction(engine) as connection:
        store = ConsentStore(connection)
        assert store.enrol("s", key="first", now=0)
        assert not store.enrol("s", key="second", now=1)
        assert store.key_of("s") == "first"
        assert store.key_of("nobody") is None


def test_a_step_that_fails_leaves_nothing_behind(engine: Engine) -> None:
    def enrol_and_fail(connection: Connection) -> None:
        ConsentStore(connection).enrol("s", key="k", now=0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        serially(engine, enrol_and_fail)
    with transaction(engine) as connection:
        assert ConsentStore(connection).key_of("s") is None


def test_only_grants_that_stand_are_eligible_and_usable(engine: Engine) -> None:
    enrol(engine, "in", "out", "late", "never")
    give(engine, "in"), give(engine, "out"), give(engine, "late", now=-LIFETIME)
    take_back(engine, "out")
    with transaction(engine) as connection:
        store = ConsentStore(connection)
        assert store.granted(PURPOSE, current_notices=CURRENT, now=1) == {"in": 1}
        everyone = ["in", "out", "late", "never", "stranger"]
        assert store.held_versions(everyone, PURPOSE, current_notices=CURRENT, now=1) == {"in": 1}
        assert store.granted(PURPOSE, current_notices=frozenset({"b" * 64}), now=1) == {}


def test_erasure_takes_consent_and_receipts_along(engine: Engine) -> None:
    enrol(engine, "s")
    give(engine, "s")
    with transaction(engine) as connection:
        store = ConsentStore(connection)
        store.keep_receipt("s", PURPOSE, version=1, receipt="{}")
        store.erase("s")
        assert store.receipts("s", after=0, limit=10) == []
        assert store.states("s")[PURPOSE] == UNDECIDED


def test_a_nonce_counts_once_per_key_within_its_window(engine: Engine) -> None:
    with transaction(engine) as connection:
        store = ConsentStore(connection)
        assert store.first_use("k", "n", now=100, window=60)
        assert not store.first_use("k", "n", now=150, window=60)
        assert store.first_use("other", "n", now=150, window=60)
        assert store.first_use("k", "n", now=1000, window=60)


def test_pages_of_receipts_are_complete_and_ordered(engine: Engine) -> None:
    enrol(engine, "s")
    with transaction(engine) as connection:
        store = ConsentStore(connection)
        for version in range(5):
            store.keep_receipt("s", PURPOSE, version=version, receipt=str(version))
        first = store.receipts("s", after=0, limit=3)
        rest = store.receipts("s", after=first[-1][0], limit=3)
    assert [receipt for _, receipt in (*first, *rest)] == ["0", "1", "2", "3", "4"]


def test_concurrent_changes_never_lose_a_version(engine: Engine) -> None:
    enrol(engine, "s")
    failures: list[BaseException] = []

    def toggle() -> None:
        try:
            for _ in range(10):
                serially(engine, _toggle)
        except BaseException as problem:  # reported by the assertion below
            failures.append(problem)

    def _toggle(connection: Connection) -> None:
        store = ConsentStore(connection)
        state = store.state("s", PURPOSE)
        changed = (
            withdraw(state, now=1)
            if state.decision == "granted"
            else grant(
                state,
                expected_version=state.version,
                notice=NOTICE,
                language="en",
                current_notices=CURRENT,
                now=1,
            )
        )
        store.save("s", PURPOSE, changed)

    threads = [threading.Thread(target=toggle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with transaction(engine) as connection:
        assert ConsentStore(connection).states("s")[PURPOSE].version == 40


def test_the_log_grows_by_one_position_at_a_time_whoever_writes(engine: Engine) -> None:
    def append(number: int) -> None:
        serially(
            engine, lambda connection: StoredLedger(connection).append(RoundAborted(line="l", round=number))
        )

    threads = [threading.Thread(target=append, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with transaction(engine) as connection:
        events = StoredLedger(connection).events()
    assert sorted(event.round for event in events if isinstance(event, RoundAborted)) == list(range(1, 9))


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite:////nowhere/at/all.db"])
def test_a_store_that_cannot_be_opened_is_said_so(url: str) -> None:
    with pytest.raises(StoreUnavailable):
        migrate(open_engine(url))
