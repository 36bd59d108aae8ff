"""The guard on any bytes: metadata or our error, and what passes never crashes the runtime."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from client.device.guard import GuardError, check_model
from client.device.runtime import Runtime
from client.device.tables import ModelRefused
from models.graph import build_graph
from tests.made import parameters

GOOD = build_graph(parameters(3, taste=1, content=2))


@given(st.binary(max_size=400))
def test_any_bytes_are_accepted_or_our_error(data: bytes) -> None:
    with contextlib.suppress(GuardError):
        check_model(data)


@given(st.integers(0, len(GOOD) - 1))
def test_every_truncation_is_refused(length: int) -> None:
    try:
        check_model(GOOD[:length])
    except GuardError:
        return
    # What a cut at a field's border leaves may be a smaller model, but never the whole one.
    assert check_model(GOOD[:length]) != check_model(GOOD)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_model_loads_or_is_our_error(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(GOOD)
    for at, byte in changes:
        damaged[at] = byte
    with contextlib.suppress(GuardError, ModelRefused):
        Runtime(bytes(damaged))
