"""A device goes on with the keys it pinned while its publisher replaces them; no thief of a replaced key leads it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from client.device import shelf
from client.device.release import ReleaseForged, open_release
from client.device.sync import Outcome
from client.participation import AcceptedTerms, TermsNotLogged
from models.export import ExportedRelease
from privacy.canonical import decode, encode
from privacy.checkpoint import LogProof
from privacy.events import RoundTerms, encode_event
from privacy.keys import SigningKey
from privacy.ledger import Ledger
from privacy.manifest import TrustAnchors
from privacy.rotation import rotated
from tests.e2e.shelves import Taker, lay_out, serving
from tests.e2e.signed import NOW, ORIGIN, Publisher, publisher, tiny

PEOPLE = {"proposed_by": "ann", "approved_by": "bob"}
MODELS: dict[int, ExportedRelease] = {number: tiny(30 + number) for number in (1, 2, 3, 4)}
Files = dict[str, bytes]


@dataclass(slots=True)
class Succession:
    """A publisher with one log, whose keys are replaced; a device pins the first of them."""

    first: Publisher
    now: Publisher
    log: Ledger

    @property
    def trust(self) -> TrustAnchors:
        """What was pinned before any rotation."""
        return self.first.trust

    def publish(self, number: int, by: Publisher | None = None, log: Ledger | None = None) -> Files:
        return (by or self.now).publish(MODELS[number], sequence=number, ledger=log or self.log)

    def rotate_log(self) -> None:
        new = SigningKey.generate()
        self.log.rotate(new, **PEOPLE)
        self.now = replace(self.now, log_key=new)

    def rotate_release(self) -> None:
        new = SigningKey.generate()
        self.log.append(rotated(self.now.release_key, new, origin=ORIGIN, purpose="release", **PEOPLE))
        self.now = replace(self.now, release_key=new)


@pytest.fixture
def keys() -> Succession:
    made = publisher()
    return Succession(made, made, Ledger(ORIGIN, made.log_key))


@pytest.fixture
def device(tmp_path: Path, keys: Succession) -> Iterator[Taker]:
    (tmp_path / "www").mkdir()
    with serving(tmp_path / "www") as url:
        yield Taker(tmp_path, keys.trust, url)


def offered(device: Taker, files: Files) -> Outcome:
    """Let a plain web server serve this release, and the device look."""
    lay_out(device.folder / "www", files)
    return device.sync()


def test_a_device_goes_on_over_every_rotation_behind_a_plain_web_server(
    keys: Succession, device: Taker
) -> None:
    assert offered(device, keys.publish(1)) == Outcome("installed", "tiny/1")
    keys.rotate_log()
    assert offered(device, keys.publish(2)) == Outcome("installed", "tiny/2")
    keys.rotate_release()
    keys.rotate_log()
    assert offered(device, keys.publish(3)) == Outcome("installed", "tiny/3")
    assert device.ranks_with() == "tiny/3"
    assert device.sync() == Outcome("unchanged")


def test_an_app_that_pins_the_later_keys_takes_the_same_release_and_keeps_what_was_held(
    keys: Succession, device: Taker
) -> None:
    old = keys.publish(1)
    assert offered(device, old) == Outcome("installed", "tiny/1")
    keys.rotate_log()
    keys.rotate_release()
    assert offered(device, keys.publish(2)) == Outcome("installed", "tiny/2")
    device.trust = keys.now.trust
    assert device.ranks_with() == "tiny/2"
    held = device.shelf.highest()
    assert held is not None
    assert held.sequence == 2
    assert offered(device, keys.publish(3)) == Outcome("installed", "tiny/3")


def test_a_proof_made_anew_teaches_a_device_the_rotation_before_the_next_release(
    keys: Succession, device: Taker
) -> None:
    held = keys.publish(1)
    assert offered(device, held) == Outcome("installed", "tiny/1")
    keys.rotate_log()
    anew = {**held, "manifest.proof": keys.log.proof(0)}
    for wrong in (
        anew["manifest.proof"].replace(b"index 0", b"index 1"),
        b"",
        silently_rotated(keys)["manifest.proof"],
    ):
        assert offered(device, {**held, "manifest.proof": wrong}) == Outcome(
            "unchanged", problem="release_forged"
        )
    assert offered(device, anew) == Outcome("unchanged")
    assert offered(device, held) == Outcome("unchanged", problem="release_forged"), (
        "the old proof: a key replaced"
    )
    assert offered(device, stolen_log_key(keys)) == Outcome("kept", problem="release_forged")
    device.trust = keys.now.trust
    assert device.ranks_with() == "tiny/1", "an app that pins the later keys goes on offline"


def test_the_floor_stands_over_a_rotation_of_the_release_key(keys: Succession, device: Taker) -> None:
    """The planted fault: a replay of what was held before the newest release's key was there."""
    old = keys.publish(2)
    keys.rotate_release()
    assert offered(device, keys.publish(3)) == Outcome("installed", "tiny/3")
    assert offered(device, old) == Outcome("kept", problem="release_older")


def stolen_log_key(keys: Succession) -> Files:
    """Sign a newer release in a log that the replaced key of the log signs on, with every key of releases at hand."""
    return keys.publish(4, replace(keys.now, log_key=keys.first.log_key), Ledger(ORIGIN, keys.first.log_key))


def stolen_release_key(keys: Succession) -> Files:
    """Log a newer release that the replaced key of releases signed, by whoever keeps the log."""
    return keys.publish(4, keys.first)


def silently_rotated(keys: Succession) -> Files:
    """Replace the release key by the thief's own, signed by both, in a log of the thief's."""
    thief, log = SigningKey.generate(), Ledger(ORIGIN, SigningKey.generate())
    log.append(rotated(keys.first.release_key, thief, origin=ORIGIN, purpose="release", **PEOPLE))
    return keys.publish(4, replace(keys.first, release_key=thief), log)


def rotated_beside_the_log(keys: Succession) -> Files:
    """Carry such a rotation beside an honest proof, without its being in the log."""
    thief = SigningKey.generate()
    event = rotated(keys.now.release_key, thief, origin=ORIGIN, purpose="release", **PEOPLE)
    files = keys.publish(4, replace(keys.now, release_key=thief))
    proof = LogProof.decode(files["manifest.proof"])
    step = {"entry": decode(encode_event(event)), "index": 0, "path": []}
    body = decode(proof.extra) if proof.extra else {"format": "penchant-rotations-1", "rotations": []}
    body["rotations"] = [step, *body["rotations"]]  # type: ignore[index,call-overload,misc]
    return {**files, "manifest.proof": replace(proof, extra=encode(body)).encode()}


THIEVES: list[Callable[[Succession], Files]] = [
    stolen_log_key,
    stolen_release_key,
    silently_rotated,
    rotated_beside_the_log,
]


@pytest.mark.parametrize("steal", THIEVES)
def test_no_thief_of_a_replaced_key_leads_a_device_on(
    keys: Succession, device: Taker, steal: Callable[[Succession], Files]
) -> None:
    keys.rotate_log()
    keys.rotate_release()
    assert offered(device, keys.publish(1)) == Outcome("installed", "tiny/1")
    assert offered(device, steal(keys)) == Outcome("kept", problem="release_forged")
    assert offered(device, keys.publish(2)) == Outcome("installed", "tiny/2")


def test_without_its_memory_the_device_would_believe_a_replaced_key_again(
    keys: Succession, device: Taker, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.rotate_log()
    assert offered(device, keys.publish(1)) == Outcome("installed", "tiny/1")
    monkeypatch.setattr(shelf, "check_newer", lambda *_: None)
    assert offered(device, stolen_log_key(keys)) == Outcome("installed", "tiny/4")


@pytest.mark.parametrize("said", [b"", b"[]", b'{"log":7}', b'{"log":[1],"release":["x"]}', b"\xff"])
def test_a_spoiled_memory_says_nothing_and_breaks_nothing(
    said: bytes, keys: Succession, device: Taker
) -> None:
    assert offered(device, keys.publish(1)) == Outcome("installed", "tiny/1")
    (device.folder / "shelf" / "keys.json").write_bytes(said)
    assert offered(device, keys.publish(2)) == Outcome("installed", "tiny/2")
    assert json.loads((device.folder / "shelf" / "keys.json").read_bytes())["log"]


def test_a_release_says_which_step_does_not_hold(keys: Succession) -> None:
    files = silently_rotated(keys)
    with pytest.raises(ReleaseForged, match="pinned key"):
        open_release(files, trust=keys.trust, now=NOW)


TERMS = RoundTerms(
    line="tiny", round=1, mechanism="moments", dimension=4, clipping_norm=1.0, noise_multiplier=2.0,
    sampling_rate=1.0, denominator=100.0, scale_bits=16, trust="central",
)  # fmt: skip


def test_the_terms_of_a_round_are_followed_from_the_accepted_log_key(keys: Succession) -> None:
    accepted = AcceptedTerms(
        line="tiny", trust="central", declared_population=100, clipping_norm=1.0, least_noise_multiplier=1.0,
        largest_dimension=4, largest_epsilon=9.0, delta=1e-6, log_origin=ORIGIN,
        log_key=keys.trust.log_key.base64,
    )  # fmt: skip
    keys.rotate_log()
    keys.rotate_log()
    proof = keys.log.proof(keys.log.append(TERMS), purposes=("log",))
    assert accepted.open(encode_event(TERMS), proof) == TERMS
    bare = replace(LogProof.decode(proof), extra=b"").encode()
    with pytest.raises(TermsNotLogged, match="pinned key"):
        accepted.open(encode_event(TERMS), bare)
    thiefs = Ledger(ORIGIN, SigningKey.generate())
    thiefs.append(rotated(keys.now.log_key, SigningKey.generate(), origin=ORIGIN, purpose="log", **PEOPLE))
    forged = thiefs.proof(thiefs.append(TERMS), purposes=("log",))
    with pytest.raises(TermsNotLogged, match="never lead to the pinned log key"):
        accepted.open(encode_event(TERMS), forged)
