"""The event store: nothing without consent, nothing lost, nothing left, and no order of arrival in what is read."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.device.contracts import StoredEvent
from client.device.personal import PersonalStore, Settings
from client.device.purposes import LOCAL
from client.device.sealing import MANY
from client.device.store import DAY, WEEK, EventStore, week_of
from client.device.vault import Vault, VaultError
from tests.e2e.homes import NOW, Clock, Home, home

raws = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["view", "like"]),
            "item": st.sampled_from("abcd"),
            "time": st.integers(NOW - 40 * DAY, NOW),
        }
    ),
    max_size=12,
)


@contextmanager
def store(clock: Clock | None = None, *, consent: bool = True) -> Iterator[tuple[EventStore, Home]]:
    clock = clock or Clock()
    with tempfile.TemporaryDirectory() as folder, home(Path(folder) / "home", clock=clock) as device:
        if consent:
            device.consent.grant(device.consent.notice(LOCAL))
        yield EventStore(device.database, device.vault, clock=clock), device


def view(item: str, time: int = NOW) -> dict[str, Any]:
    return {"kind": "view", "item": item, "time": time}


def codes(store: EventStore, *given: dict[str, Any]) -> list[str]:
    return [verdict.code for verdict in store.add(given)]


def personal(device: Home, events: EventStore) -> PersonalStore:
    return PersonalStore(device.database, events, permitted=lambda switches: switches.get(LOCAL).granted)


def test_nothing_is_stored_without_consent_nor_after_a_withdrawal() -> None:
    with store(consent=False) as (events, device):
        assert codes(events, view("a")) == ["no_consent"]
        device.consent.grant(device.consent.notice(LOCAL))
        assert codes(events, view("a")) == ["stored"]
        device.consent.withdraw(LOCAL)
        assert codes(events, view("b")) == ["no_consent"]
        assert events.events() == ()
        assert set(device.counts().values()) == {0}


def test_each_event_of_a_batch_gets_its_own_verdict() -> None:
    with store() as (events, _):
        late = view("a", NOW - 2 * DAY)
        given = [view("a"), view("a"), late, view("b", NOW + 999), {"kind": "hover"}, view("c", 5)]
        expected = ["stored", "duplicate", "stored_late", "from_the_future", "unknown_kind", "too_old"]
        assert codes(events, *given) == expected
        assert [event.item for event in events.events()] == ["a", "a"]


@given(
    st.lists(st.integers(0, 150), max_size=90),
    st.lists(st.integers(0, 150), min_size=MANY, max_size=2 * MANY),
)
@settings(max_examples=25)
def test_many_at_once_get_the_verdicts_they_would_get_one_by_one(before: list[int], given: list[int]) -> None:
    with store() as (one, device), store() as (other, _):
        for each in (one, other):
            each.add([view(f"i{item}", NOW - item * DAY) for item in before])
        wanted = [verdict for item in given for verdict in other.add([view(f"i{item}", NOW - item * DAY)])]
        assert one.add([view(f"i{item}", NOW - item * DAY) for item in given]) == wanted
        assert one.events() == other.events()
        assert device.counts()["events"] == len({*before, *given})


@given(raws, st.randoms())
@settings(max_examples=25)
def test_what_is_read_does_not_depend_on_the_order_of_arrival(given: list[Any], random: Any) -> None:
    shuffled = random.sample(given, len(given))
    with store() as (one, _), store() as (other, _):
        one.add(given)
        for raw in shuffled:
            other.add([raw])
        assert one.events() == other.events()
        different = {(raw["time"], raw["item"], raw["kind"]) for raw in given}
        assert [event.time for event in one.events()] == sorted(time for time, _, _ in different)


@given(raws)
@settings(max_examples=25)
def test_what_is_left_after_forgetting_an_item_is_what_a_device_that_never_saw_it_has(
    given: list[Any],
) -> None:
    with store() as (one, _), store() as (other, _):
        one.add(given)
        other.add(raw for raw in given if raw["item"] != "a")
        assert one.forget("item", lambda event: event.item == "a")
        assert one.events() == other.events()


def test_nothing_older_than_retention_is_kept() -> None:
    clock = Clock()
    with store(clock) as (events, device):
        events.add(view("a", NOW - day * DAY) for day in range(170))
        clock.now += 30 * DAY
        assert min(event.time for event in events.events()) >= clock.now - 180 * DAY
        assert events.expire()
        with device.database.reading() as connection:
            weeks = [row[0] for row in connection.execute("SELECT week FROM weeks ORDER BY week")]
        assert weeks[0] == week_of(clock.now - 180 * DAY - 1) + 1
        assert len(events.events()) >= 170 - 37


def test_weeks_are_those_of_the_iso_calendar() -> None:
    start = datetime(2026, 11, 23, tzinfo=UTC)
    assert start.isoweekday() == 1
    first = int(start.timestamp())
    assert week_of(first - 1) + 1 == week_of(first) == week_of(first + WEEK - 1)
    assert (start + timedelta(days=7)).isocalendar().week == start.isocalendar().week + 1


def test_no_text_of_an_event_or_a_setting_is_on_the_disk() -> None:
    with store() as (events, device):
        events.add(
            [{**view("sentinel-item"), "list": "sentinel-list", "context": {"place": "sentinel place"}}]
        )
        personal(device, events).change(lambda _: Settings(attributes={"plan": "sentinel-plan"}))
        for file in device.folder.iterdir():
            assert b"sentinel" not in file.read_bytes()
        assert b"sentinel" not in device.database.pages()


def test_another_devices_key_opens_nothing() -> None:
    with store() as (events, device):
        events.add([view("a")])
        thief = EventStore(device.database, Vault(bytes(32), "file", device.database), clock=Clock())
        with pytest.raises(VaultError):
            thief.events()


def test_a_changed_row_is_refused_and_not_read_wrongly() -> None:
    with store() as (events, device):
        events.add([view("a")])
        with device.database.writing() as connection:
            connection.execute("UPDATE events SET sealed = zeroblob(length(sealed))")
        with pytest.raises(VaultError):
            events.events()


def test_an_event_cannot_be_moved_to_another_week() -> None:
    with store() as (events, device):
        events.add([view("a"), view("b", NOW - WEEK)])
        with device.database.writing() as connection:
            connection.execute("UPDATE weeks SET wrapped = (SELECT MIN(wrapped) FROM weeks)")
        with pytest.raises(VaultError):
            events.events()


def test_what_another_process_stores_is_read() -> None:
    with store() as (events, device):
        events.add([view("a")])
        assert len(events.events()) == 1
        with home(device.folder) as beside:
            EventStore(beside.database, beside.vault, clock=Clock()).add([view("b")])
        assert [event.item for event in events.events()] == ["a", "b"]


def test_settings_are_kept_changed_and_forgotten_with_their_item() -> None:
    with store() as (events, device):
        own = personal(device, events)
        own.change(lambda _: Settings(tuned={"a": 1.5, "b": -1}, hidden=("a", "c"), interests=("Drama",)))
        assert own.get().tuned == {"a": 1.5, "b": -1}
        assert events.forget(
            "item", lambda event: False, also=lambda c, now: own.forget_item(c, "a", scope="item", now=now)
        )
        assert own.get() == Settings(tuned={"b": -1}, hidden=("c",), interests=("Drama",))


def test_events_come_back_as_stored_events() -> None:
    with store() as (events, _):
        events.add([{**view("a"), "list": "l1", "context": {"hour": 0}}])
        assert events.events() == (StoredEvent(NOW, "view", "a", "l1", (("hour", "0"),)),)
