"""An export between a person's devices: opened by the one it was sealed for, by nobody else, and never half."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.device.contracts import StoredEvent
from client.device.personal import Settings
from client.device.transfer import (
    Pairing,
    TransferRefused,
    export_of,
    open_under,
    read_export,
    seal_to,
    seal_under,
)

EVENTS = (StoredEvent(5, "view", "ü", "l", (("hour", "7"),)), StoredEvent(9, "open", ""))
OWN = Settings(tuned={"a": 0.5}, hidden=("b",), interests=("Drama",), attributes={"plan": "free"})
PHRASE = "correct horse battery"
UNDER = seal_under(PHRASE, b"plain")


def test_an_export_is_read_back_and_only_a_sealed_one_carries_the_secret() -> None:
    found = read_export(export_of(EVENTS, OWN).to_json())
    assert [dict(event) for event in found.events] == [event.to_wire() for event in EVENTS]
    assert (found.settings, found.secret) == (OWN, None)
    assert read_export(export_of(EVENTS, OWN, secret=bytes(32)).to_json()).secret == bytes(32)
    assert "secret" not in repr(export_of((), OWN, secret=bytes(32)))


def test_a_pairing_opens_what_was_sealed_to_it_and_another_does_not() -> None:
    pairing = Pairing()
    sealed = seal_to(pairing.code, b"plain")
    assert pairing.open(sealed) == b"plain"
    with pytest.raises(TransferRefused):
        Pairing().open(sealed)
    assert b"plain" not in sealed


def test_a_mistyped_code_is_noticed() -> None:
    code = Pairing().code
    for at in range(len(code)):
        wrong = code[:at] + ("A" if code[at] != "A" else "B") + code[at + 1 :]
        with pytest.raises(TransferRefused):
            seal_to(wrong, b"")


def test_a_passphrase_opens_and_another_does_not() -> None:
    assert open_under(PHRASE, UNDER) == b"plain"
    with pytest.raises(TransferRefused):
        open_under(PHRASE + "!", UNDER)
    with pytest.raises(TransferRefused, match="at least 10"):
        seal_under("short", b"plain")


def test_the_same_words_typed_on_another_keyboard_are_the_same_passphrase() -> None:
    assert open_under("straße am café", seal_under("straße am cafe\u0301", b"x")) == b"x"


@given(st.data())
@settings(max_examples=20)
def test_no_byte_of_a_sealed_export_can_change(data: st.DataObject) -> None:
    pairing = Pairing()
    sealed = bytearray(seal_to(pairing.code, b"plain text"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(TransferRefused):
        pairing.open(bytes(sealed))


@pytest.mark.parametrize("at", range(0, len(UNDER), 9))
def test_no_byte_under_a_passphrase_can_change(at: int) -> None:
    changed = bytearray(UNDER)
    changed[at] ^= 1
    with pytest.raises(TransferRefused):
        open_under(PHRASE, bytes(changed))


@given(st.binary(max_size=200))
def test_any_bytes_are_an_export_or_our_error(data: bytes) -> None:
    for read in (read_export, Pairing().open, lambda data: open_under(PHRASE, data)):
        with contextlib.suppress(TransferRefused):
            read(data)


@given(
    st.recursive(
        st.none() | st.text(max_size=4), lambda i: st.lists(i) | st.dictionaries(st.text(), i), max_leaves=5
    )
)
def test_any_json_is_an_export_or_our_error(value: object) -> None:

    for changed in ("events", "settings", "secret"):
        body = json.loads(export_of(EVENTS, OWN).to_json()) | {changed: value}
        with contextlib.suppress(TransferRefused):
            read_export(json.dumps(body).encode())
