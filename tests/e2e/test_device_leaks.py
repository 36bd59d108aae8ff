"""Sentinels in everything local, and a search of every byte sent, every log line, exception and output."""

import base64
import contextlib
import json
import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from client.device.__main__ import main
from client.device.device import Device
from client.device.person import Context
from client.device.store import EventStore
from client.device.transfer import Pairing
from client.device.vault import KEY_FILE
from client.device.web import Web
from tests.e2e.hearing import (
    INTEREST,
    ITEM,
    LIST,
    PHRASE,
    PLACE,
    PLAN,
    TUNED,
    WORD,
    Heard,
    listening,
)
from tests.e2e.persons import FILES, SIGNER, device
from tests.e2e.serving import Service
from tests.e2e.shelves import lay_out, serving
from tests.e2e.signed import NOW, tiny
from tests.unit.test_contribution import ACCEPTED, call, terms


def live(folder: Path, heard: Heard) -> None:
    """Call every verb of a device, well and badly, with sentinels in everything personal."""
    service = Service(folder)
    lay_out(folder / "www", FILES)
    with service.up(), serving(folder / "www") as url:
        with device(folder, server=service.url, releases=url, clock=service.clock, bundle=None) as one:
            service.clock.now = NOW
            heard.secrets += [one._engine.vault.secret(), (folder / "home" / KEY_FILE).read_bytes()]
            heard.secrets += [
                one._engine.vault.signing_key(audience=audience).seed
                for audience in (service.url, "penchant-device")
            ]
            personal(one, heard)
            contributing(one, heard)
            moving(one, heard, folder)
            failing(one, heard)
            leaving(one, heard)
        damaged(folder, heard)
    commanding(folder, heard)
    for verb in (
        ["consent", "status"],
        ["consent", "withdraw"],
        ["consent", "grant", "aggregate_metrics", "--yes"],
    ):
        main([*verb, "--home", str(folder / "home"), "--server", "http://127.0.0.1:9"])


def personal(one: Device, heard: Heard) -> None:
    context = {"hour": 7, "place": PLACE}
    for kind in ("view", "like", "open"):
        heard.attempt(lambda kind=kind: one.track(kind, ITEM, list_id=LIST, context=context))  # type: ignore[misc]
    heard.attempt(lambda: one.track("view", "i3"))
    heard.attempt(lambda: one.track("view", "i7", list_id=LIST))
    heard.attempt(lambda: one.choose(interests=[INTEREST], attributes={"plan": PLAN}))
    heard.attempt(lambda: one.tune("i5", TUNED))
    heard.attempt(lambda: one.tune(ITEM, TUNED))
    heard.attempt(lambda: one.hide(ITEM))
    heard.attempt(one.sync)
    heard.attempt(lambda: one.recommend(context=Context(hour=7, place=PLACE)))
    heard.attempt(lambda: one.rerank([ITEM, "i4"], relevance=[0.5, 0.1]))
    heard.attempt(lambda: one.explain("i5"))
    heard.attempt(one.profile)
    heard.attempt(one.best_time)
    heard.attempt(lambda: one.variant(WORD, [WORD, "other"]))
    heard.attempt(one.status)
    heard.said.write(repr(one.status()) + repr(one.consent.status()))
    refused = ({"kind": WORD}, {"kind": "view", "at": 5}, {"kind": "view", "context": {WORD: PLACE}})
    for verdict in [one.track(item=ITEM, **each) for each in refused]:
        heard.said.write(f"{verdict} {verdict.reason}")
    one.pause()
    heard.attempt(lambda: one.track("view", ITEM))
    one.resume()


def contributing(one: Device, heard: Heard) -> None:
    heard.attempt(lambda: one.contribute(call(terms()), accepted=ACCEPTED), fails=True)
    heard.attempt(lambda: one.consent.grant(one.consent.notice("federated_contribution")))
    shown = one.contribute(call(terms()), accepted=ACCEPTED)
    heard.sent += one.hand_over(shown)
    heard.said.write(shown.cost.statement())
    heard.attempt(lambda: one.contribute(call(terms(line="other")), accepted=ACCEPTED), fails=True)


def moving(one: Device, heard: Heard, folder: Path) -> None:
    with device(folder / "other") as other:
        pairing = other.pair()
        sealed = one.export(to=pairing.code)
        heard.sent += sealed + one.export(passphrase=PHRASE)
        heard.attempt(lambda: other.import_(sealed, pairing=pairing))
        heard.attempt(lambda: other.import_(sealed, pairing=other.pair()), fails=True)
        heard.attempt(lambda: other.import_(sealed, passphrase=PHRASE), fails=True)
        heard.attempt(lambda: other.import_(one.export()[:-9]), fails=True)
        heard.attempt(lambda: one.export(passphrase=WORD), fails=True)
        heard.attempt(lambda: one.export(to=WORD), fails=True)


def failing(one: Device, heard: Heard) -> None:
    heard.attempt(lambda: one.recommend(k=0), fails=True)
    heard.attempt(lambda: one.rerank([ITEM, ITEM]), fails=True)
    heard.attempt(lambda: one.rerank([ITEM], relevance=[float("nan")]), fails=True)
    heard.attempt(lambda: one.tune(ITEM, float("inf")), fails=True)
    heard.attempt(lambda: one.variant(WORD, []), fails=True)
    heard.attempt(lambda: one.forget(ITEM, since=3), fails=True)
    heard.attempt(lambda: one.best_time(prior=[TUNED]), fails=True)


def leaving(one: Device, heard: Heard) -> None:
    heard.said.write(repr(one.forget(ITEM)))
    heard.attempt(lambda: one.consent.refresh())
    heard.attempt(lambda: one.consent.signal(on=True))
    heard.attempt(lambda: one.consent.withdraw("local_personalization"))
    heard.attempt(lambda: one.tune(ITEM, TUNED), fails=True)
    heard.attempt(one.sync)
    heard.attempt(lambda: one.forget(everything=True))
    heard.said.write("".join(receipt.decode() for receipt in one.consent.receipts("forgetting")))


def commanding(folder: Path, heard: Heard) -> None:
    """Every command, but those whose very output is what the person has: that goes to the person's own terminal."""
    release = folder / "bundle"
    release.mkdir(exist_ok=True)
    days = 2 + (int(time.time()) - NOW) // 86_400
    for name, data in {**SIGNER.publish(tiny(), days=days), "trust.json": SIGNER.trust.encode()}.items():
        (release / name).write_bytes(data)
    at = ["--home", str(folder / "typed")]
    assert main(["consent", "grant", "--yes", *at]) == 0
    plain, sealed = str(folder / "plain.json"), str(folder / "sealed")
    asked = call(terms())
    (folder / "round").mkdir()
    for name, data in {"terms.json": asked.terms, "terms.proof": asked.proof, "settings.json": b"{}"}.items():
        (folder / "round" / name).write_bytes(data)
    np.savez(folder / "round" / "public.npz", sentinel=np.zeros(3))
    (folder / "accepted.json").write_text(json.dumps(asdict(ACCEPTED)))
    contribute = ["contribute", str(folder / "round"), "--accepted", str(folder / "accepted.json")]
    code = Pairing().code
    for done, verb in (
        (0, ["track", "view", ITEM]),
        (0, ["track", "view", "i3"]),
        (2, ["track", WORD, ITEM]),
        (0, ["hide", ITEM]),
        (0, ["hide", ITEM, "--undo"]),
        (0, ["tune", ITEM, str(TUNED)]),
        (2, ["tune", ITEM, "inf"]),
        (0, ["choose", "--interest", INTEREST, "--attribute", f"plan={PLAN}"]),
        (2, ["explain", ITEM]),
        (0, ["recommend"]),
        (2, ["rerank", ITEM, ITEM]),
        (0, ["best-time"]),
        (0, ["status"]),
        (0, ["settle"]),
        (0, ["pause"]),
        (2, ["track", "view", ITEM]),
        (0, ["resume"]),
        (2, contribute),
        (0, ["export", plain]),
        (0, ["export", sealed, "--to", code]),
        (2, ["export", sealed, "--to", WORD]),
        (0, ["import", plain]),
        (2, ["import", sealed]),
        (2, ["pair", str(folder / "never"), "--wait", "0"]),
        (0, ["forget", "--item", ITEM]),
    ):
        assert main([*verb, *at, "--release", str(release)]) == done, (verb[0], heard.said.getvalue()[-400:])
    heard.sent += Path(sealed).read_bytes()


def damaged(folder: Path, heard: Heard) -> None:
    """A store whose rows were changed, then one that is no database any more."""
    with device(folder / "damaged") as one:
        one.track("view", ITEM)
        with one._engine.database.writing() as connection:
            connection.execute("UPDATE events SET sealed = zeroblob(length(sealed))")
        heard.attempt(one.recommend, fails=True)
    (folder / "damaged" / "home" / "device.db").write_bytes(WORD.encode() * 4096)
    heard.attempt(lambda: Device.open(folder / "damaged" / "home", trust=SIGNER.trust), fails=True)


def test_nothing_local_is_in_any_byte_log_line_exception_or_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(monkeypatch) as heard:
        live(tmp_path, heard)
    assert heard.found() == set()
    assert len(heard.secrets) == 4
    assert heard.sent.count(b"/v1/subjects") > 5
    assert heard.sent.count(b"/files/") > 3


def leaks_by_header(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Web.send

    def send(self: Web, method: str, url: str, *, headers: Any, **more: Any) -> Any:
        return plain(self, method, url, headers={**headers, "x-last": ITEM}, **more)

    monkeypatch.setattr(Web, "send", send)


def leaks_by_log(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = EventStore.add

    def add(self: EventStore, raws: Any) -> Any:
        raws = list(raws)
        logging.getLogger("some.library").debug("storing %s", raws)
        return plain(self, raws)

    monkeypatch.setattr(EventStore, "add", add)


def leaks_by_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Device.tune

    def tune(self: Device, item: str, by: float) -> None:
        try:
            plain(self, item, by)
        except Exception as error:
            raise ValueError(f"cannot tune {item}") from error

    monkeypatch.setattr(Device, "tune", tune)


@pytest.mark.parametrize("leak", [leaks_by_header, leaks_by_log, leaks_by_exception])
def test_a_planted_leak_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leak: Any) -> None:
    leak(monkeypatch)
    with listening(monkeypatch) as heard, contextlib.suppress(AssertionError, ValueError):
        live(tmp_path, heard)
    assert WORD.encode() in heard.found()


def test_a_leaked_secret_is_caught_in_any_spelling() -> None:
    secret = bytes(range(32))
    for spelled in (secret, secret.hex().encode(), base64.b64encode(secret), repr(secret).encode()):
        heard = Heard(secrets=[secret])
        heard.sent += b"x" + spelled + b"y"
        assert heard.found()
