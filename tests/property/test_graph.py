"""The release graph against the float reference, for any model and any person."""

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import numpy_helper

from client.device.reference import Reference
from client.device.runtime import Ranked, Runtime
from models.catalogue import CatalogueError
from models.catalogue_file import decode_catalogue, encode_catalogue
from models.graph import build_graph
from models.history import Float, Histories, from_lists
from models.parameters import GlobalParameters
from models.preference import BLOCK, score
from models.quantize import quantize, quantized
from tests.made import catalogue, parameters


@dataclass(frozen=True, slots=True)
class Case:
    """A model, a person and how long a slate they want."""

    params: GlobalParameters
    history: list[int]
    deltas: dict[int, float]
    k: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    items = draw(st.integers(1, 80))
    params = parameters(
        items,
        taste=draw(st.integers(0, 6)),
        content=draw(st.integers(0, 12)),
        seed=draw(st.integers(0, 10**6)),
    )
    positions = st.integers(0, items - 1)
    history = draw(st.lists(positions, unique=True, max_size=min(items, 30)))
    deltas = draw(st.dictionaries(positions, st.floats(-3, 3, width=32), max_size=5))
    return Case(params, history, deltas, draw(st.integers(1, 12)))


def rank(case: Case, runtime: Runtime | None = None) -> Ranked:
    return (runtime or Runtime(build_graph(case.params))).rank(
        case.history,
        ages=np.arange(len(case.history))[::-1],
        kinds=np.ones(len(case.history)),
        deltas=case.deltas,
        seen=case.history,
        k=case.k,
    )


def reference(case: Case) -> Float:
    deltas = np.zeros((1, case.params.items), np.float32)
    deltas[0, list(case.deltas)] = list(case.deltas.values())
    scores: Float = score(quantized(case.params), from_lists([case.history]), deltas)[0]
    return scores


def unexplained(ranked: Ranked) -> float:
    total = ranked.events.sum(axis=1) + ranked.bias + ranked.local
    return float(np.abs(total - ranked.scores).max(initial=0))


@given(cases())
def test_reasons_sum_to_the_score(case: Case) -> None:
    ranked = rank(case)
    assert unexplained(ranked) <= 1e-6


@given(cases())
def test_the_graph_ranks_as_the_float_reference_of_its_own_tables(case: Case) -> None:
    ranked, wanted = rank(case), reference(case)
    unseen = np.setdiff1d(np.arange(case.params.items), case.history)
    best = np.sort(wanted[unseen])[::-1][: case.k]
    np.testing.assert_allclose(ranked.scores, wanted[ranked.items], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ranked.scores, best, rtol=1e-5, atol=1e-5)
    assert not set(ranked.items.tolist()) & set(case.history)
    assert np.all(np.diff(ranked.scores) <= 0)


@given(cases(), st.data())
def test_numpy_and_the_onnx_runtime_read_the_same_file_the_same_way(case: Case, data: st.DataObject) -> None:
    length = len(case.history)
    kinds = data.draw(
        st.lists(st.sampled_from([-2.0, -0.5, 0.0, 1.0, 2.0]), min_size=length, max_size=length)
    )
    model = build_graph(case.params)
    request: dict[str, Any] = {
        "ages": np.arange(length)[::-1],
        "kinds": kinds,
        "deltas": case.deltas,
        "seen": case.history,
    }
    found = Runtime(model).rank(case.history, k=case.k, **request)
    wanted = Reference(model).rank(case.history, k=case.k, **request)
    np.testing.assert_allclose(found.scores, wanted.scores, rtol=1e-6, atol=1e-6)
    if np.all(np.diff(wanted.scores) < -1e-6):
        assert found.items.tolist() == wanted.items.tolist()
        np.testing.assert_allclose(found.events, wanted.events, rtol=1e-6, atol=1e-6)
        assert found.local.tolist() == wanted.local.tolist()


@given(cases(), st.data())
def test_forgetting_an_item_equals_never_having_seen_it_bit_for_bit(case: Case, data: st.DataObject) -> None:
    forgotten = data.draw(st.integers(0, case.params.items - 1))
    remembering = Runtime(build_graph(case.params))
    rank(case, remembering)
    rest = Case(case.params, [item for item in case.history if item != forgotten], case.deltas, case.k)
    after, never = rank(rest, remembering), rank(rest)
    for name in ("items", "scores", "events", "bias", "local"):
        assert getattr(after, name).tobytes() == getattr(never, name).tobytes()


@given(st.lists(st.lists(st.integers(0, 19), unique=True, max_size=20), max_size=BLOCK + 5))
def test_a_persons_float_scores_do_not_depend_on_the_batch(lists: list[list[int]]) -> None:
    params = parameters(20, taste=3, content=5)
    together = score(params, from_lists(lists))
    for person, items in enumerate(lists):
        assert score(params, from_lists([items]))[0].tobytes() == together[person].tobytes()


@given(cases())
def test_the_formula_of_the_parameters_is_what_the_reference_computes(case: Case) -> None:
    params = case.params
    expected = params.bias.astype(np.float64)
    weights = params.alpha + (1 - params.alpha) * np.exp(-np.arange(len(case.history))[::-1] / params.tau)
    fade = weights.sum() / (weights.sum() + params.fade_in)
    for strength, inward, outward in (
        (params.taste_weight, params.taste_in, params.taste_out),
        (params.content_weight, params.content, params.content),
    ):
        taste = weights @ inward[case.history].astype(np.float64)
        part = (outward - outward.mean(axis=0, dtype=np.float64)) @ taste
        deviation = part.std()
        if deviation > 1e-3:
            expected += fade * strength * part / deviation
        else:
            expected += fade * strength * part / np.sqrt(deviation**2 + 1e-12)
    plain = score(params, from_lists([case.history]))[0]
    np.testing.assert_allclose(plain, expected, rtol=1e-4, atol=1e-4)


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(0, 8), st.integers(0, 6)),
        elements=st.floats(-(2.0**100), 2.0**100, width=32),
    )
)
def test_a_quantized_row_is_at_most_half_a_step_away(
    table: Float,
) -> None:
    coded = quantize(table)
    error = np.abs(coded.rows * coded.scale[:, None].astype(np.float64) - table)
    tiny = 127 * np.finfo(np.float32).smallest_normal
    assert np.all(error <= coded.scale[:, None] * (0.5 + 1e-4) + np.where(coded.scale[:, None] == 0, tiny, 0))
    assert coded.rows.min(initial=0) >= -127


@given(st.integers(0, 30))
def test_a_catalogue_file_reads_back(items: int) -> None:
    listed = encode_catalogue(catalogue(items))
    again = decode_catalogue(listed)
    assert encode_catalogue(again) == listed
    assert (again.ids, again.titles, again.genres) == (
        catalogue(items).ids,
        catalogue(items).titles,
        catalogue(items).genres,
    )


@given(st.binary(max_size=200) | st.integers(0, 400).map(lambda at: _broken(at)))
def test_any_bytes_are_a_catalogue_or_our_error(data: bytes) -> None:
    with contextlib.suppress(CatalogueError):
        assert encode_catalogue(decode_catalogue(data)) == data


def _broken(at: int) -> bytes:
    """Flip one bit of a valid file."""
    data = bytearray(encode_catalogue(catalogue(4)))
    data[at % len(data)] ^= 1 << (at % 7)
    return bytes(data)


def test_many_people_without_events_score_the_bias() -> None:
    params = parameters(9, taste=2, content=3)
    nobody = Histories(np.zeros(131, np.int64), np.zeros(0, np.int32))
    np.testing.assert_array_equal(score(params, nobody), np.tile(params.bias, (130, 1)))


CASE = Case(parameters(40, taste=3, content=5), [4, 9, 30], {7: 1.0}, 5)


def test_the_check_of_reasons_catches_a_lost_part() -> None:
    model = onnx.load_from_string(build_graph(CASE.params))
    (shares,) = (node for node in model.graph.node if node.output[0] == "events")
    shares.input[1] = "zero"
    assert unexplained(rank(CASE, Runtime(model.SerializeToString()))) > 1e-3


@pytest.mark.parametrize("constant", ["mean", "covariance", "inward_scale", "scales", "alpha"])
def test_the_check_of_the_ranking_catches_a_wrong_constant(constant: str) -> None:
    model = onnx.load_from_string(build_graph(CASE.params))
    (shipped,) = (tensor for tensor in model.graph.initializer if tensor.name == constant)
    right = numpy_helper.to_array(shipped)
    every_other = np.arange(right.size).reshape(right.shape) % 2 == 0
    shipped.CopyFrom(
        numpy_helper.from_array(np.where(every_other, right + 0.1, right).astype(right.dtype), constant)
    )
    ranked = rank(CASE, Runtime(model.SerializeToString()))
    assert np.abs(ranked.scores - reference(CASE)[ranked.items]).max() > 1e-4
