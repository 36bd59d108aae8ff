"""An attacker's look at the device: a web server, a consent service, a signer or a file that means harm."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from client.device.personal import Settings
from client.device.runtime import RequestError, Runtime
from client.device.shredding import finish
from client.device.switches import Switches
from client.device.sync import Outcome
from client.device.tables import ModelRefused
from client.device.transfer import TransferRefused, export_of
from client.device.vault import MARK
from client.device.web import Web, WebError
from models.export import ExportedRelease
from privacy.channel import Channel, pointer_to
from tests.e2e.homes import home
from tests.e2e.persons import FILES, MET, SIGNER, device, meet
from tests.e2e.shelves import Taker, lay_out, serving
from tests.e2e.signed import publisher, tiny

TINY = tiny()


def changed(**arrays: Any) -> ExportedRelease:
    """Return a release whose signer was robbed: tables replaced, everything signed and logged as it should be."""
    model = onnx.load_from_string(TINY.model)
    for tensor in model.graph.initializer:
        if tensor.name in arrays:
            value = arrays[tensor.name](numpy_helper.to_array(tensor))
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    return replace(TINY, model=model.SerializeToString(deterministic=True))


def nothing(table: Any) -> Any:
    return np.full_like(table, np.nan)


POISONED = {
    "popularity that is no number": changed(popularity=nothing),
    "popularity that hides everything": changed(popularity=lambda table: np.full_like(table, -np.inf)),
    "a history that is no number": changed(inward_scale=nothing),
    "a weight that is no number": changed(weights=nothing),
    "recency that grows beyond all numbers": changed(minus_tau=lambda table: np.array(1e-300)),
}


@pytest.mark.parametrize("name", POISONED)
def test_a_signed_release_that_ranks_nobody_or_nothing_never_takes_the_place_of_a_good_one(
    tmp_path: Path, name: str
) -> None:
    lay_out(tmp_path / "www", SIGNER.publish(POISONED[name], sequence=2))
    with serving(tmp_path / "www") as url, device(tmp_path, releases=url) as one:
        meet(one, *MET)
        before = one.recommend()
        outcome = one.sync()
        assert outcome is not None
        assert outcome.found == "kept", outcome
        assert one.recommend().items == before.items


def test_a_release_that_fails_on_one_request_gives_way_to_the_last_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path / "www", SIGNER.publish(tiny(31), sequence=2))
    with serving(tmp_path / "www") as url, device(tmp_path, releases=url) as one:
        meet(one, *MET)
        before = one.recommend()
        one.sync()
        assert one.status().release == "tiny/2"
        plain = Runtime.rank

        def rank(self: Runtime, *history: Any, **asked: Any) -> Any:
            if self.items == 31 and asked["k"] == 7:
                raise ModelRefused("the model fails on a request")
            return plain(self, *history, **asked)

        monkeypatch.setattr(Runtime, "rank", rank)
        assert one.recommend(k=5).release == "tiny/2"
        slate = one.recommend(k=7)
        assert slate.release == "tiny/1"
        assert slate.items[:5] == before.items
        assert one.explain("i5") is not None
        assert one.sync() == Outcome("kept", problem="release_refused_before")


def test_an_empty_table_of_endless_width_is_our_error() -> None:
    for shape in ((0, 2**62), (2**62, 0, 2**40)):
        model = onnx.load_from_string(TINY.model)
        tensor = next(tensor for tensor in model.graph.initializer if tensor.name == "place")
        del tensor.dims[:]
        tensor.dims.extend(shape)
        tensor.raw_data = b""
        with pytest.raises(ModelRefused):
            Runtime(model.SerializeToString())


def test_a_server_that_names_ever_new_files_cannot_fill_the_disk(tmp_path: Path) -> None:
    lay_out(tmp_path / "www", FILES)
    with serving(tmp_path / "www") as url:
        taker = Taker(tmp_path, SIGNER.trust, url)
        taker.sync()
        for turn in range(8):
            forged = {name: f"{name} {turn}".encode() for name in FILES}
            lay_out(tmp_path / "www", forged)
            assert taker.sync() == Outcome("kept", problem="release_forged")
        assert len(list((tmp_path / "incoming").glob("[0-9a-f]*"))) <= len(FILES)
        lay_out(tmp_path / "www", SIGNER.publish(tiny(31), sequence=2))
        assert taker.sync().found == "installed"


@contextmanager
def dripping(answer: bytes, *, every: float) -> Iterator[tuple[str, list[int]]]:
    """Serve one byte of an answer at a time; yield the address, and which bytes went out."""
    listener = socket.create_server(("127.0.0.1", 0))
    over, out = threading.Event(), list[int]()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            for byte in answer:
                if over.wait(every):
                    return
                out.append(byte)
                try:
                    connection.send(bytes([byte]))
                except OSError:
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", out
    finally:
        over.set()
        thread.join()
        listener.close()


@pytest.mark.parametrize("sent", [b"x: ", b"\r\n"], ids=["head", "body"])
def test_a_server_that_drips_its_answer_is_left_after_a_while(sent: bytes) -> None:
    web = Web(seconds=0.5, total_seconds=0.6)
    with dripping(b"HTTP/1.1 200 OK\r\n" + sent + b"y" * 4000, every=0.02) as (url, out):
        with pytest.raises(WebError):
            web.send("GET", url, headers={})
        assert 0 < len(out) < 4000
    web.close()


def test_no_text_looks_like_a_key_so_that_nobodys_text_keeps_a_receipt_back(tmp_path: Path) -> None:
    with pytest.raises(UnicodeDecodeError):
        MARK.decode()
    with home(tmp_path) as one:
        hostile = json.dumps({"text": "pnchtkey " + MARK.decode("latin-1")}, ensure_ascii=False).encode()
        with one.database.writing() as connection:
            switches = Switches(connection)
            switches.keep_receipt("consent", MARK.decode("latin-1"), version=1, origin="", receipt=hostile)
        one.fill()
        one.consent.withdraw("local_personalization")
        assert finish(one.database, one.vault)
        assert len(one.consent.receipts("forgetting")) == 1


def test_a_plain_file_cannot_give_the_device_a_secret_that_its_writer_knows(tmp_path: Path) -> None:
    known = export_of((), Settings(), secret=bytes(32)).to_json()
    with device(tmp_path) as one:
        before = one._engine.vault.secret()
        with pytest.raises(TransferRefused, match="secret"):
            one.import_(known)
        assert one._engine.vault.secret() == before


def test_a_pairing_opens_one_export_and_no_second(tmp_path: Path) -> None:
    with device(tmp_path / "a") as one, device(tmp_path / "b") as other:
        pairing = other.pair()
        first, second = one.export(to=pairing.code), one.export(to=pairing.code)
        other.import_(first, pairing=pairing)
        with pytest.raises(TransferRefused, match="used"):
            other.import_(second, pairing=pairing)


HALF = "half a character: \ud800"


def test_half_a_character_in_an_export_changes_nothing(tmp_path: Path) -> None:
    body = json.loads(export_of((), Settings()).to_json())
    with device(tmp_path) as one:
        for settings in (
            {"hidden": [HALF]},
            {"tuned": {HALF: 1}},
            {"interests": [HALF]},
            {"attributes": {"a": HALF}},
        ):
            event = {"kind": "view", "item": "i3", "time": one._engine.clock()}
            sent = {**body, "events": [event], "settings": {**body["settings"], **settings}}
            with pytest.raises(TransferRefused):
                one.import_(json.dumps(sent).encode())
        assert json.loads(one.export())["events"] == []


def test_half_a_character_is_refused_with_one_clear_error(tmp_path: Path) -> None:
    with device(tmp_path) as one:
        verbs: list[Callable[[], None]] = [
            lambda: one.hide(HALF),
            lambda: one.tune(HALF, 1),
            lambda: one.choose(interests=[HALF]),
            lambda: one.choose(attributes={"plan": HALF}),
        ]
        for verb in verbs:
            with pytest.raises(RequestError):
                verb()
        assert one.track("view", HALF).code == "malformed_item"
        assert {item.item for item in one.rerank([HALF, "i3"]).items} == {HALF, "i3"}
        assert one.explain(HALF) is None
        assert not any(json.loads(one.export())["settings"].values())


def test_a_channel_that_points_outside_its_folder_is_none(tmp_path: Path) -> None:
    files = {**pointer_to(FILES).files, "model.onnx": "../../../home/vault.key"}
    (tmp_path / "www").mkdir()
    text = Channel(line="tiny", current=pointer_to(FILES)).encode().decode()
    good = pointer_to(FILES).files["model.onnx"]
    (tmp_path / "www" / "channel.json").write_text(text.replace(good, files["model.onnx"]))
    with serving(tmp_path / "www") as url:
        outcome = Taker(tmp_path, SIGNER.trust, url).sync()
    assert outcome.found == "kept"
    assert not list(tmp_path.rglob("vault.key"))


def test_a_robbed_signer_of_another_log_gets_nothing_in(tmp_path: Path) -> None:
    lay_out(tmp_path / "www", publisher().publish(tiny(31), sequence=9))
    with serving(tmp_path / "www") as url, device(tmp_path, releases=url) as one:
        outcome = one.sync()
        assert outcome is not None
        assert (outcome.found, outcome.problem) == ("kept", "release_forged")
        assert one.status().release == "tiny/1"
