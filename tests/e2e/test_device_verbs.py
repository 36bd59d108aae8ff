"""The verbs of a device, as an app calls them: personal by consent, public without, forgotten for good."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.device.device import Device
from client.device.engine import NoReleaseYet
from client.device.memory import ForgetWhat
from client.device.person import Context
from client.device.personal import ConsentNeeded
from client.device.preview import Preview
from client.device.purposes import LOCAL
from client.device.release import open_release
from client.device.slate import Event, Slate
from tests.e2e.homes import Clock
from tests.e2e.persons import FILES, MET, SIGNER, bundle, device, meet
from tests.e2e.serving import Service
from tests.e2e.shelves import lay_out, serving
from tests.e2e.signed import DAY, NOW, publisher, tiny


def plain(slate: Slate) -> Slate:
    """A slate without its list id, which is drawn anew each time."""
    return replace(slate, list_id="")


def test_a_slate_is_that_of_the_ranker_for_these_events(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        meet(one, *MET)
        slate = one.recommend(k=5)
        preview = Preview(open_release(FILES, trust=SIGNER.trust, now=NOW))
        expected = preview.recommend([Event(item, time=NOW - 1000 + i) for i, item in enumerate(MET)], k=5)
        assert [item.item for item in slate.items] == [item.item for item in expected.items]
        assert slate.personalized
        assert len({one.recommend().list_id for _ in range(5)}) == 5


def test_without_consent_a_slate_is_public_and_nothing_is_kept(tmp_path: Path) -> None:
    with device(tmp_path, consent=False) as one:
        assert one.track("view", "i3").code == "no_consent"
        assert not one.recommend().personalized
        with pytest.raises(ConsentNeeded):
            one.hide("i3")
        with pytest.raises(ConsentNeeded):
            one.tune("i3", 1)
        with pytest.raises(ConsentNeeded):
            one.choose(interests=["Drama"])
        assert json.loads(one.export())["events"] == []


def test_withdrawing_makes_the_next_slate_public_and_deletes_what_it_was_made_of(tmp_path: Path) -> None:
    with device(tmp_path) as one, device(tmp_path / "other", consent=False) as nobody:
        meet(one, *MET)
        assert one.recommend().personalized
        one.consent.withdraw(LOCAL)
        assert plain(one.recommend(k=9)) == plain(nobody.recommend(k=9))
        one.consent.grant(one.consent.notice(LOCAL))
        assert plain(one.recommend(k=9)) == plain(nobody.recommend(k=9))


def test_pausing_neither_remembers_nor_ranks_personally_and_resuming_does_both(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        meet(one, *MET)
        before = plain(one.recommend())
        one.pause()
        assert one.track("view", "i5").code == "paused"
        assert not one.recommend().personalized
        assert one.status().paused
        one.resume()
        assert plain(one.recommend()) == before


@given(st.lists(st.integers(0, 29), max_size=8), st.integers(0, 29))
@settings(max_examples=12)
def test_forgetting_an_item_then_ranking_equals_never_having_seen_it(
    tmp_path_factory: pytest.TempPathFactory, items: list[int], gone: int
) -> None:
    with (
        device(tmp_path_factory.mktemp("a")) as one,
        device(tmp_path_factory.mktemp("b")) as other,
    ):
        for at, item in enumerate(items):
            one.track("view", f"i{item}", at=NOW - 99 + at)
            if item != gone:
                other.track("view", f"i{item}", at=NOW - 99 + at)
        one.tune(f"i{gone}", 3.0)
        assert one.forget(f"i{gone}").scope == "item"
        assert plain(one.recommend(k=29)) == plain(other.recommend(k=29))


def test_forgetting_since_and_everything(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        meet(one, "i3", at=NOW - 3 * DAY)
        meet(one, "i7", "i1", at=NOW - 10)
        one.choose(interests=["Drama"], attributes={"plan": "free"})
        one.forget(since=NOW - DAY)
        assert [event["item"] for event in json.loads(one.export())["events"]] == ["i3"]
        receipt = one.forget(everything=True).receipt
        left = json.loads(one.export())
        assert left["events"] == []
        assert not any(left["settings"].values())
        assert json.loads(receipt) in left["receipts"]
        with pytest.raises(ForgetWhat):
            one.forget()
        with pytest.raises(ForgetWhat):
            one.forget("i3", since=5)


def test_hidden_and_tuned_items_follow_the_person(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        one.tune("i5", 50.0)
        assert one.recommend().items[0].item == "i5"
        one.hide("i5")
        assert "i5" not in {item.item for item in one.recommend(k=30).items}
        one.hide("i5", hidden=False)
        one.tune("i5", 0)
        assert not one.recommend().personalized


def test_interests_context_and_profile_are_told_in_plain_words(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        one.choose(interests=["Drama"])
        slate = one.recommend(context=Context(hour=20, place="home"))
        assert slate.personalized
        assert any("you chose Drama" in reason.text for reason in slate.items[0].reasons)
        assert "You chose Drama." in one.profile().chosen
        explained = one.explain(slate.items[0].item)
        assert explained is not None
        assert explained.score == pytest.approx(sum(reason.amount for reason in explained.reasons), abs=1e-6)
        assert one.explain("nowhere") is None


def test_a_list_of_the_apps_own_is_reranked_whole(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        meet(one, *MET)
        slate = one.rerank(["i9", "unknown", "i2"], relevance=[0.1, 0.9, 0.5])
        assert {item.item for item in slate.items} == {"i9", "unknown", "i2"}
        assert one.rerank(["i9", "i2"], profiling=False).personalized is False


def test_the_best_time_is_that_of_the_persons_own_opens(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        assert one.best_time().confidence == 0
        for day in range(6):
            one.track("open", at=NOW - day * DAY, context={"hour": 7})
        assert one.best_time().hour == 7
        assert one.best_time(prior=[0.0] * 23 + [1.0]).hour == 23
        one.consent.withdraw(LOCAL, keep=True)
        assert one.best_time().confidence == 0


def test_an_arm_is_sticky_and_devices_differ(tmp_path: Path) -> None:
    arms = ["a", "b"]
    with device(tmp_path / "x") as one:
        first = [one.variant(f"experiment {n}", arms) for n in range(30)]
    with device(tmp_path / "x") as again, device(tmp_path / "y") as other:
        assert [again.variant(f"experiment {n}", arms) for n in range(30)] == first
        assert [other.variant(f"experiment {n}", arms) for n in range(30)] != first
    assert set(first) == {"a", "b"}


@pytest.mark.parametrize("way", ["pairing", "passphrase"])
def test_everything_moves_to_the_persons_other_device_encrypted(tmp_path: Path, way: str) -> None:
    with device(tmp_path / "old") as old, device(tmp_path / "new") as new:
        meet(old, *MET)
        old.tune("i9", 2.0)
        new.track("view", MET[0], at=NOW - 1000)
        if way == "pairing":
            pairing = new.pair()
            sealed = old.export(to=pairing.code)
            done = new.import_(sealed, pairing=pairing)
        else:
            sealed = old.export(passphrase="correct horse battery")
            done = new.import_(sealed, passphrase="correct horse battery")
        assert b'"item"' in old.export()
        assert b'"item"' not in sealed
        assert done.codes == {"stored": 4, "duplicate": 1}
        assert done.one_subject
        assert plain(new.recommend()) == plain(old.recommend())
        assert new._engine.vault.secret() == old._engine.vault.secret()


def test_an_import_needs_consent_here_and_brings_none_along(tmp_path: Path) -> None:
    with device(tmp_path / "old") as old, device(tmp_path / "new", consent=False) as new:
        meet(old, *MET)
        with pytest.raises(ConsentNeeded):
            new.import_(old.export())
        assert not new.consent.permits(LOCAL)


def test_an_expired_release_ranks_public_content_and_no_person(tmp_path: Path) -> None:
    clock = Clock(NOW)
    with device(tmp_path, clock=clock) as one, device(tmp_path / "o", clock=clock, consent=False) as nobody:
        meet(one, *MET)
        one.tune("i9", 100.0)
        assert one.recommend().items[0].item == "i9"
        clock.now += 30 * DAY
        assert plain(one.recommend(k=9)) == plain(nobody.recommend(k=9))
        assert not one.recommend().personalized
        assert one.profile().events == 0
    with device(tmp_path, clock=clock, consent=False) as again:
        assert again.recommend().items


def test_a_hostile_release_never_stops_the_app(tmp_path: Path) -> None:
    lay_out(tmp_path / "www", FILES)
    with serving(tmp_path / "www") as url, device(tmp_path, bundle=None, releases=url) as one:
        with pytest.raises(NoReleaseYet):
            one.recommend()
        assert one.track("view", "i3").accepted
        outcome = one.sync()
        assert outcome is not None
        assert outcome.found == "installed"
        before = plain(one.recommend())
        third = SIGNER.publish(tiny(31), sequence=3)
        lay_out(tmp_path / "www", {**third, "model.onnx": b"evil"})
        outcome = one.sync()
        assert outcome is not None
        assert outcome.found == "kept"
        assert plain(one.recommend()) == before
        lay_out(tmp_path / "www", third)
        one.sync()
        assert one.status().release == "tiny/3"


def test_a_bundle_by_another_key_is_not_installed(tmp_path: Path) -> None:
    other = bundle(tmp_path / "other", publisher().publish(tiny()))
    with device(tmp_path, bundle=other) as one, pytest.raises(NoReleaseYet):
        one.recommend()


def test_an_app_that_ships_a_newer_release_brings_it_and_an_older_one_moves_nothing(tmp_path: Path) -> None:
    newer = bundle(tmp_path / "newer", SIGNER.publish(tiny(31), sequence=2))
    for shipped, expected in (
        (tmp_path / "bundle", "tiny/1"),
        (newer, "tiny/2"),
        (tmp_path / "bundle", "tiny/2"),
    ):
        bundle(tmp_path / "bundle")
        with device(tmp_path, bundle=shipped, consent=False) as one:
            assert one.status().release == expected


def test_a_damaged_shelf_is_repaired_from_what_the_app_ships(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        before = plain(one.recommend())
    for model in tmp_path.glob("home/releases/*/model.onnx"):
        model.write_bytes(b"rot")
    with device(tmp_path, consent=False) as one:
        assert plain(one.recommend()) == before


def test_offline_sync_changes_nothing(tmp_path: Path) -> None:
    with device(tmp_path, releases="http://127.0.0.1:9", server="http://127.0.0.1:9", consent=False) as one:
        outcome = one.sync()
        assert outcome is not None
        assert (outcome.found, outcome.problem) == ("kept", "no_answer")
        assert one.recommend().items


def test_what_is_kept_is_there_after_the_app_starts_again(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        meet(one, *MET)
        before = plain(one.recommend())
    with Device.open(tmp_path / "home", trust=SIGNER.trust, clock=Clock(NOW)) as again:
        assert plain(again.recommend()) == before
        assert again.status().personal


def test_a_withdrawal_finds_its_way_to_the_service_by_itself_also_after_a_restart(tmp_path: Path) -> None:
    service = Service(tmp_path, clock=Clock(int(time.time())))

    def acknowledged(one: Device) -> bool:
        until = time.monotonic() + 20
        while time.monotonic() < until and one.consent.courier.waiting():
            time.sleep(0.02)
        return not one.consent.courier.waiting()

    with service.up(), device(tmp_path, server=service.url, clock=service.clock) as one:
        one.consent.withdraw(LOCAL)
        assert acknowledged(one)
        one.consent.grant(one.consent.notice(LOCAL))
    with device(tmp_path, server=service.url, clock=service.clock, consent=False) as one:
        one.consent.withdraw(LOCAL)
        assert not one.consent.permits(LOCAL)
    service.clock.now += 5
    with (
        service.up(),
        device(tmp_path, server=service.url, clock=service.clock, consent=False) as one,
    ):
        assert acknowledged(one)
        assert len(one.consent.receipts()) == 4
