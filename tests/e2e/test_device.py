"""A device from a signed folder to a slate in plain words, and every way a folder can be refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from client.device.guard import GuardError
from client.device.preview import Preview
from client.device.release import (
    CAPS,
    ReleaseError,
    ReleaseExpired,
    ReleaseForged,
    ReleaseIncomplete,
    ReleaseOlder,
    open_release,
)
from client.device.runtime import RequestError
from client.device.slate import Event, Slate
from models.export import ExportedRelease
from tests.e2e.signed import DAY, NOW, Publisher, publisher, tiny

SIGNER = publisher()
FILES = SIGNER.publish(tiny())
MET = [Event("i3"), Event("i7"), Event("i12"), Event("i1"), Event("i20")]


def device() -> Preview:
    return Preview(open_release(FILES, trust=SIGNER.trust, now=NOW))


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def amounts(slate: Slate) -> list[float]:
    return [sum(reason.amount for reason in item.reasons) for item in slate.items]


def test_a_folder_opens_and_recommends_unseen_titles(tmp_path: Path) -> None:
    opened = Preview.open(write(tmp_path, FILES), trust=SIGNER.trust, now=NOW)
    slate = opened.recommend(MET)
    assert len(slate.items) == 5
    assert not {item.item for item in slate.items} & {event.item for event in MET}
    assert slate.items[0].title == "Title " + slate.items[0].item[1:]
    assert slate.personalized
    assert slate.release == opened.release == "tiny/1"


def test_every_score_is_the_sum_of_its_reasons() -> None:
    slate = device().recommend(MET, tuned={"i5": 2.5, "i6": -0.5}, k=25)
    assert amounts(slate) == pytest.approx([item.score for item in slate.items], abs=1e-6)


def test_reasons_name_the_strongest_events_first_in_plain_words() -> None:
    for item in device().recommend(MET, k=10).items:
        named = [reason for reason in item.reasons if reason.kind == "event"]
        assert [reason.amount for reason in named] == sorted((r.amount for r in named), reverse=True)
        assert all(reason.text == f"because you liked Title {(reason.item or '')[1:]}" for reason in named)
        assert all(reason.amount > 0 for reason in named)
        assert sum(reason.kind == "popularity" for reason in item.reasons) == 1


def test_without_events_a_slate_is_popularity_and_says_so() -> None:
    slate = device().recommend([])
    assert not slate.personalized
    assert {reason.kind for item in slate.items for reason in item.reasons} == {"popularity"}


def test_a_tuned_item_says_that_the_person_asked_for_it() -> None:
    first = device().recommend(MET, tuned={"i5": 50.0}).items[0]
    assert first.item == "i5"
    assert first.reasons[-1].text == "you asked for more of it"


def test_a_hidden_item_is_never_shown() -> None:
    assert "i5" not in {item.item for item in device().recommend([], hidden=["i5"], k=30).items}


@given(st.lists(st.integers(0, 29).map(lambda item: f"i{item}"), max_size=12), st.integers(0, 29))
@settings(max_examples=30)
def test_forgetting_an_item_equals_never_having_seen_it(items: list[str], at: int) -> None:
    one, rest = device(), [Event(item) for item in items if item != f"i{at}"]
    one.recommend([Event(item) for item in items])
    assert one.recommend(rest) == device().recommend(rest)


def test_an_item_met_again_counts_at_its_latest_event() -> None:
    again = [Event("i3"), Event("i7"), Event("i3", weight=2.0)]
    assert device().recommend(again) == device().recommend([Event("i7"), Event("i3", weight=2.0)])


def test_an_item_unknown_to_the_release_is_passed_over() -> None:
    assert device().recommend([Event("elsewhere"), *MET]) == device().recommend(MET)


def test_a_weight_that_is_no_number_is_refused_without_naming_the_item() -> None:
    with pytest.raises(RequestError) as refused:
        device().recommend([Event("i3", weight=float("nan"))])
    assert "i3" not in str(refused.value)


def test_a_release_past_its_last_day_is_refused() -> None:
    with pytest.raises(ReleaseExpired):
        open_release(FILES, trust=SIGNER.trust, now=NOW + 30 * DAY)


def test_a_release_older_than_the_one_held_is_refused() -> None:
    second = open_release(SIGNER.publish(tiny(), sequence=2), trust=SIGNER.trust, now=NOW)
    with pytest.raises(ReleaseOlder):
        open_release(FILES, trust=SIGNER.trust, now=NOW, held=second.manifest)


def test_the_release_held_and_the_one_after_it_are_taken() -> None:
    first = open_release(FILES, trust=SIGNER.trust, now=NOW)
    assert open_release(FILES, trust=SIGNER.trust, now=NOW, held=first.manifest).name == "tiny/1"
    after = SIGNER.publish(tiny(31), sequence=2)
    assert open_release(after, trust=SIGNER.trust, now=NOW, held=first.manifest).name == "tiny/2"


def test_a_second_release_of_the_same_number_is_refused() -> None:
    first = open_release(FILES, trust=SIGNER.trust, now=NOW)
    with pytest.raises(ReleaseForged, match="two releases"):
        open_release(SIGNER.publish(tiny(31)), trust=SIGNER.trust, now=NOW, held=first.manifest)


def test_a_release_of_another_line_is_refused() -> None:
    first = open_release(FILES, trust=SIGNER.trust, now=NOW)
    with pytest.raises(ReleaseForged, match="another line"):
        open_release(FILES, trust=SIGNER.trust, now=NOW, held=replace(first.manifest, line="other"))


@pytest.mark.parametrize("name", sorted(CAPS))
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, FILES)
    (tmp_path / name).unlink()
    with pytest.raises(ReleaseIncomplete, match=name):
        Preview.open(tmp_path, trust=SIGNER.trust, now=NOW)


def test_a_file_over_its_cap_is_refused() -> None:
    with pytest.raises(ReleaseIncomplete):
        open_release({**FILES, "manifest.proof": bytes(2**16 + 1)}, trust=SIGNER.trust, now=NOW)


@pytest.mark.parametrize("name", sorted(CAPS))
@given(data=st.data())
@settings(max_examples=40)
def test_a_changed_byte_in_any_file_is_refused(name: str, data: st.DataObject) -> None:
    changed = bytearray(FILES[name])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ReleaseForged):
        open_release({**FILES, name: bytes(changed)}, trust=SIGNER.trust, now=NOW)


@pytest.mark.parametrize("name", sorted(CAPS))
@given(data=st.binary(max_size=300))
@settings(max_examples=40)
def test_any_bytes_in_place_of_a_file_are_our_error(name: str, data: bytes) -> None:
    assume(data != FILES[name])
    with pytest.raises(ReleaseError):
        open_release({**FILES, name: data}, trust=SIGNER.trust, now=NOW)


def other_release_key(signer: Publisher) -> Publisher:
    return replace(signer, release_key=publisher().release_key)


def other_log_key(signer: Publisher) -> Publisher:
    return replace(signer, log_key=publisher().log_key)


@pytest.mark.parametrize("forger", [other_release_key, other_log_key])
def test_a_release_by_another_key_is_refused(forger: Callable[[Publisher], Publisher]) -> None:
    with pytest.raises(ReleaseForged):
        open_release(forger(SIGNER).publish(tiny()), trust=SIGNER.trust, now=NOW)


def test_a_signed_release_that_is_not_logged_is_refused() -> None:
    unlogged = {**SIGNER.publish(tiny(31)), "manifest.proof": FILES["manifest.proof"]}
    with pytest.raises(ReleaseForged):
        open_release(unlogged, trust=SIGNER.trust, now=NOW)


def test_a_release_of_another_log_is_refused() -> None:
    with pytest.raises(ReleaseForged):
        open_release(FILES, trust=replace(SIGNER.trust, origin="log.example/other"), now=NOW)


@pytest.mark.parametrize("model", [b"\x08\x0a", bytes(100)])
def test_a_signed_file_that_is_no_ranking_model_is_refused(model: bytes) -> None:
    files = SIGNER.publish(ExportedRelease(model, tiny().catalogue))
    with pytest.raises(GuardError):
        open_release(files, trust=SIGNER.trust, now=NOW)
