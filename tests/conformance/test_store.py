"""One suite for both databases: what the store promises holds on SQLite and on a real PostgreSQL."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import Connection, Engine, inspect

from privacy.events import RoundAborted
from server.consent import HOUR, LIFETIME, UNDECIDED, ConsentState, Purpose, grant, withdraw
from server.database import StoreUnavailable, migrate, open_engine, reading, serially, transaction
from server.ledger_store import StoredLedger
from server.store import ConsentStore
from server.tables import metadata

PURPOSE: Purpose = "federated_contribution"
NOTICE = "a" * 64
CURRENT = frozenset({NOTICE})
LOCK = "SELECT pg_advisory_xact_lock(7)"


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = open_engine(database)
    migrate(made)
    yield made
    made.dispose()


def enrol(engine: Engine, *names: str) -> None:
    with transaction(engine) as connection:
        for name in names:
            ConsentStore(connection).enrol(name, now=0)


def held(store: ConsentStore, name: str) -> tuple[int, ConsentState]:
    found = store.state(name, PURPOSE)
    assert found is not None
    return found


def give(engine: Engine, name: str, now: int = 0) -> int:
    def step(connection: Connection) -> int:
        store = ConsentStore(connection)
        handle, state = held(store, name)
        given = granted(state, now=now)
        store.save(handle, PURPOSE, given)
        return given.version

    return serially(engine, step)


def granted(state: ConsentState, *, now: int) -> ConsentState:
    return grant(
        state,
        expected_version=state.version,
        notice=NOTICE,
        language="en",
        current_notices=CURRENT,
        now=now,
    )


def take_back(engine: Engine, name: str) -> int:
    def step(connection: Connection) -> int:
        store = ConsentStore(connection)
        handle, state = held(store, name)
        gone = withdraw(state, now=1)
        store.save(handle, PURPOSE, gone)
        return gone.version

    return serially(engine, step)


def test_migrations_make_exactly_the_tables_and_may_run_again(engine: Engine) -> None:
    migrate(engine)
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_a_state_comes_back_as_it_was_saved(engine: Engine) -> None:
    enrol(engine, "s")
    with transaction(engine) as connection:
        assert held(ConsentStore(connection), "s")[1] == UNDECIDED
    assert give(engine, "s", now=7) == 1
    with reading(engine) as connection:
        states = ConsentStore(connection).states("s")
    assert states is not None
    state = states[PURPOSE]
    assert (state.version, state.decision, state.valid_until) == (1, "granted", 7 + LIFETIME)


def test_enrolling_twice_changes_nothing(engine: Engine) -> None:
    with transaction(engine) as connection:
        store = ConsentStore(connection)
        assert store.enrol("s", now=0)
        before = held(store, "s")
        assert not store.enrol("s", now=1)
        assert held(store, "s") == before
        assert store.state("nobody", PURPOSE) is None


def test_a_step_that_fails_leaves_nothing_behind(engine: Engine) -> None:
    def enrol_and_fail(connection: Connection) -> None:
        ConsentStore(connection).enrol("s", now=0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        serially(engine, enrol_and_fail)
    with reading(engine) as connection:
        assert ConsentStore(connection).states("s") is None


def test_only_grants_that_stand_are_eligible_and_usable(engine: Engine) -> None:
    enrol(engine, "in", "out", "late", "never")
    give(engine, "in"), give(engine, "out"), give(engine, "late", now=-LIFETIME)
    take_back(engine, "out")
    with transaction(engine) as connection:
        store = ConsentStore(connection)
        handles = np.array([*(held(store, name)[0] for name in ("in", "out", "late", "never")), 17], np.int64)
        asked, versions = store.eligible(PURPOSE, notices=CURRENT, now=1)
        assert (asked.tolist(), versions.tolist()) == ([handles[0]], [1])
        for hold in (False, True):
            usable = store.versions(handles, PURPOSE, notices=CURRENT, now=1, hold=hold)
            assert usable.tolist() == [1, -1, -1, -1, -1]
        assert store.eligible(PURPOSE, notices=frozenset({"b" * 64}), now=1)[0].size == 0


def test_erasure_takes_consent_and_receipts_along(engine: Engine) -> None:
    enrol(engine, "s")
    give(engine, "s")
    with transaction(engine) as connection:
        store = ConsentStore(connection)
        store.keep_receipt(held(store, "s")[0], PURPOSE, version=1, receipt="{}")
        store.erase("s")
        assert store.receipts("s", after=0, limit=10) == []
        assert store.states("s") is None


def test_a_nonce_counts_once_per_subject_until_it_is_forgotten(engine: Engine) -> None:
    with transaction(engine) as connection:
        store = ConsentStore(connection)
        assert store.first_use("s", "n", until=100)
        assert not store.first_use("s", "n", until=200)
        assert store.first_use("other", "n", until=150)
        store.forget_nonces(now=120)
        assert store.first_use("s", "n", until=300)
        assert not store.first_use("other", "n", until=300)


def test_pages_of_receipts_are_complete_and_ordered(engine: Engine) -> None:
    enrol(engine, "s")
    with transaction(engine) as connection:
        store = ConsentStore(connection)
        handle = held(store, "s")[0]
        for version in range(5):
            store.keep_receipt(handle, PURPOSE, version=version, receipt=str(version))
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
        handle, state = held(store, "s")
        changed = (
            withdraw(state, now=1)
            if state.decision == "granted"
            else granted(state, now=HOUR * state.version)
        )
        store.save(handle, PURPOSE, changed)

    threads = [threading.Thread(target=toggle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with transaction(engine) as connection:
        assert held(ConsentStore(connection), "s")[1].version == 40


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


def test_a_database_that_keeps_us_waiting_says_nothing_was_decided(postgresql_database: str) -> None:
    waited_for, waiting = open_engine(postgresql_database), open_engine(postgresql_database, patience=0.3)
    with waited_for.begin() as holder:
        holder.exec_driver_sql(LOCK)
        with pytest.raises(StoreUnavailable), transaction(waiting) as connection:
            connection.exec_driver_sql(LOCK)
    with transaction(waiting) as connection:
        assert connection.exec_driver_sql("SELECT 'after'").scalar_one() == "after"
    waited_for.dispose()
    waiting.dispose()


def test_a_connection_whose_server_fell_silent_is_given_up(postgresql_database: str) -> None:
    waiting = open_engine(postgresql_database, patience=0.3)

    def ask(connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SELECT pg_sleep(1)")

    with pytest.raises(StoreUnavailable, match="fell silent"):
        serially(waiting, ask)
    with transaction(waiting) as connection:
        assert connection.exec_driver_sql("SELECT 'after'").scalar_one() == "after"
    waiting.dispose()
