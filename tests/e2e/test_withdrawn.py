"""A withdrawn release: a device that holds it stops using it once the log shows that, and believes nobody else."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from client.device.sync import Outcome
from privacy.acts import ReleaseWithdrawn
from privacy.canonical import decode
from privacy.channel import read_channel
from privacy.fields import from_wire
from privacy.keys import SigningKey
from privacy.ledger import Ledger
from privacy.manifest import TrustAnchors
from privacy.withdrawal import encode_withdrawal
from tests.e2e.persons import MET, SIGNER, bundle, device
from tests.e2e.shelves import Files, Taker, lay_out, serving
from tests.e2e.signed import DAY, ORIGIN, tiny

FIRST, SECOND, THIRD = (SIGNER.publish(tiny(29 + number), sequence=number) for number in (1, 2, 3))


def shown(sequence: int, *, line: str = "tiny", key: SigningKey = SIGNER.log_key) -> bytes:
    """Withdraw in the log; return what shows it."""
    ledger, event = Ledger(ORIGIN, key), ReleaseWithdrawn(line=line, sequence=sequence, reason="hazard")
    return encode_withdrawal(event, ledger.proof(ledger.append(event)))


def say(folder: Path, *withdrawals: bytes, current: Files | None = None) -> None:
    """Point the channel somewhere, and name withdrawals in it."""
    lay_out(folder, current)
    digests = tuple(hashlib.sha256(data).hexdigest() for data in withdrawals)
    for digest, data in zip(digests, withdrawals, strict=True):
        (folder / "files" / digest).write_bytes(data)
    channel = read_channel((folder / "channel.json").read_bytes())
    (folder / "channel.json").write_bytes(replace(channel, withdrawn=digests).encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "www"


@pytest.fixture
def taker(tmp_path: Path, folder: Path) -> Iterator[Taker]:
    """A device that has the second release, and the first as its last good one."""
    lay_out(folder, FIRST)
    with serving(folder) as url:
        found = Taker(tmp_path, SIGNER.trust, url)
        found.sync()
        lay_out(folder, SECOND)
        assert found.sync() == Outcome("installed", "tiny/2")
        yield found


def test_a_device_goes_back_to_the_last_good_release_and_never_takes_the_withdrawn_one_again(
    taker: Taker, folder: Path
) -> None:
    say(folder, shown(2))
    assert taker.sync() == Outcome("nothing", withdrawn=("tiny/2",))
    assert taker.ranks_with() == "tiny/1"
    assert taker.sync() == Outcome("nothing")
    lay_out(folder, SECOND)
    assert taker.sync() == Outcome("kept", problem="release_withdrawn")
    assert taker.ranks_with() == "tiny/1"
    say(folder, shown(2), current=THIRD)
    assert taker.sync() == Outcome("installed", "tiny/3")
    assert taker.ranks_with() == "tiny/3"


def test_a_release_that_was_withdrawn_before_it_came_is_not_taken(taker: Taker, folder: Path) -> None:
    say(folder, shown(3), current=THIRD)
    assert taker.sync() == Outcome("kept", problem="release_withdrawn", withdrawn=("tiny/3",))
    assert taker.ranks_with() == "tiny/2"


def test_the_last_good_release_is_no_way_back_once_it_is_withdrawn_itself(taker: Taker, folder: Path) -> None:
    say(folder, shown(1), current=SECOND)
    taker.sync()
    assert not taker.shelf.roll_back()
    assert taker.ranks_with() == "tiny/2"
    assert taker.shelf.withdrawn() == {"tiny/1"}


def test_a_way_back_taken_by_hand_forgets_no_withdrawal(taker: Taker, folder: Path) -> None:
    say(folder, shown(3), current=SECOND)
    taker.sync()
    assert taker.shelf.roll_back()
    assert taker.shelf.withdrawn() == {"tiny/3"}


def forged() -> bytes:
    """By whoever runs the web server, without the log's key."""
    return shown(2, key=SigningKey.generate())


def borrowed() -> bytes:
    """The proof of another withdrawal under this release's number."""
    file = json.loads(shown(1))
    file["entry"]["sequence"] = 2
    return json.dumps(file, sort_keys=True, separators=(",", ":")).encode()


def of_another_line() -> bytes:
    return shown(2, line="other")


@pytest.mark.parametrize("lie", [forged, borrowed, of_another_line, lambda: b"{}", lambda: b"x" * 70_000])
def test_what_the_log_does_not_show_changes_nothing_but_is_noted(
    taker: Taker, folder: Path, lie: Callable[[], bytes]
) -> None:
    say(folder, lie(), current=SECOND)
    outcome = taker.sync()
    assert (outcome.found, outcome.withdrawn) == ("unchanged", ())
    assert outcome.problem in ("withdrawal_forged", "no_answer")
    assert taker.ranks_with() == "tiny/2"
    say(folder, lie(), shown(2), current=THIRD)
    outcome = taker.sync()
    assert (outcome.found, outcome.release, outcome.withdrawn) == ("installed", "tiny/3", ("tiny/2",))
    assert outcome.problem


def test_a_device_that_believed_the_channel_would_lose_a_good_release(
    taker: Taker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def believe(data: bytes, trust: TrustAnchors) -> ReleaseWithdrawn:
        entry = dict(decode(data)["entry"])  # type: ignore[index, call-overload, arg-type]
        del entry["kind"]
        return from_wire(ReleaseWithdrawn, entry)

    monkeypatch.setattr("client.device.flagged.open_withdrawal", believe)
    say(folder, forged(), current=SECOND)
    assert taker.sync().withdrawn == ("tiny/2",)
    assert taker.ranks_with() == "tiny/1"


def test_evidence_that_does_not_come_is_noted_and_asked_for_again(taker: Taker, folder: Path) -> None:
    say(folder, shown(2))
    file = folder / "files" / hashlib.sha256(shown(2)).hexdigest()
    held = file.read_bytes()
    file.unlink()
    assert taker.sync() == Outcome("nothing", problem="no_answer")
    assert taker.ranks_with() == "tiny/2"
    file.write_bytes(held)
    assert taker.sync() == Outcome("nothing", withdrawn=("tiny/2",))


def test_without_a_good_release_slates_are_public_and_say_so_until_a_good_one_comes(
    tmp_path: Path, folder: Path
) -> None:
    say(folder, shown(1))
    with serving(folder) as url:
        with device(tmp_path, releases=url) as person:
            for item in MET:
                person.track("like", item)
            assert person.recommend(k=3).personalized
            outcome = person.sync()
            assert outcome is not None
            assert outcome.withdrawn == ("tiny/1",)
            assert not person.recommend(k=3).personalized
            assert person.status().withdrawn
        with device(tmp_path, releases=url, consent=False) as person:
            slate = person.recommend(k=3)
            assert (slate.personalized, slate.release, person.status().withdrawn) == (False, "tiny/1", True)
            assert all(reason.kind == "popularity" for item in slate.items for reason in item.reasons)
            say(folder, shown(1), current=SECOND)
            person.sync()
            assert (person.recommend(k=3).personalized, person.status().withdrawn) == (True, False)


def test_a_device_at_work_goes_back_at_once_and_its_app_cannot_bring_the_withdrawn_release_back(
    tmp_path: Path, folder: Path
) -> None:
    lay_out(folder, SECOND)
    with serving(folder) as url:
        with device(tmp_path, releases=url) as person:
            person.sync()
            person.track("like", MET[0])
            say(folder, shown(2))
            person.sync()
            assert (person.recommend(k=3).release, person.recommend(k=3).personalized) == ("tiny/1", True)
        with device(tmp_path, releases=url, bundle=bundle(tmp_path / "update", dict(SECOND))) as person:
            assert person.recommend(k=3).release == "tiny/1"


def test_going_back_to_a_release_that_is_over_by_then_is_public_content(taker: Taker, folder: Path) -> None:
    taker.clock.now += 30 * DAY
    say(folder, shown(2))
    assert taker.sync().withdrawn == ("tiny/2",)
    assert taker.ranks_with() == "tiny/1"
