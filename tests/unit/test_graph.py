"""The release graph: small catalogues, degenerate models, the file it is written to."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from client.device.runtime import Ranked, RequestError, Runtime
from client.device.tables import ModelRefused
from models.export import ExportError, export_release
from models.graph import GraphError, build_graph
from models.history import from_lists
from models.parameters import GlobalParameters
from models.preference import score
from models.quantize import quantize, quantized
from tests.made import catalogue, parameters


def rank(
    params: GlobalParameters, history: list[int], *, k: int = 5, seen: list[int] | None = None
) -> Ranked:
    return Runtime(build_graph(params)).rank(
        history,
        ages=np.arange(len(history))[::-1],
        kinds=np.ones(len(history)),
        deltas={},
        seen=history if seen is None else seen,
        k=k,
    )


def test_without_events_the_ranking_is_the_bias_alone() -> None:
    params = parameters(40)
    ranked = rank(params, [])
    best = np.argsort(-params.bias, kind="stable")[:5]
    assert ranked.items.tolist() == best.tolist()
    np.testing.assert_array_equal(ranked.scores, params.bias[best].astype(np.float64))
    assert ranked.events.shape == (5, 0)


def test_fewer_unseen_items_than_asked_for_give_a_shorter_slate() -> None:
    ranked = rank(parameters(6), [0, 1, 2, 4])
    assert sorted(ranked.items.tolist()) == [3, 5]
    assert len(rank(parameters(3), [0, 1, 2]).items) == 0


def test_a_catalogue_of_one_item_ranks_it() -> None:
    assert rank(parameters(1), []).items.tolist() == [0]
    shown_again = rank(parameters(1), [0], seen=[])
    assert shown_again.items.tolist() == [0]
    np.testing.assert_allclose(shown_again.scores, parameters(1).bias, atol=1e-12)


@pytest.mark.parametrize(("taste", "content"), [(0, 5), (4, 0), (0, 0), (1, 1)])
def test_a_part_without_columns_is_left_out(taste: int, content: int) -> None:
    params = parameters(30, taste=taste, content=content)
    ranked = rank(params, [3, 7], k=30)
    reference = score(quantized(params), from_lists([[3, 7]]))[0]
    np.testing.assert_allclose(ranked.scores, reference[ranked.items], atol=1e-6)
    assert ranked.events.shape == (28, 2)


def test_equal_scores_stand_in_catalogue_order() -> None:
    one = parameters(1, taste=4, content=6)
    params = replace(
        one,
        taste_in=np.repeat(one.taste_in, 50, axis=0),
        taste_out=np.repeat(one.taste_out, 50, axis=0),
        content=np.repeat(one.content, 50, axis=0),
        bias=np.repeat(one.bias, 50),
    )
    assert rank(params, [], k=7).items.tolist() == list(range(7))
    assert rank(params, [0, 3], k=5).items.tolist() == [1, 2, 4, 5, 6]


def test_twin_items_stand_in_catalogue_order_wherever_they_rank() -> None:
    params = parameters(60)
    for table in (params.taste_in, params.taste_out, params.content, params.bias):
        table[30:] = table[:30]
    ranked = rank(params, [2, 9, 17], k=40, seen=[]).items.tolist()
    assert all(
        ranked.index(item) < ranked.index(item + 30) for item in ranked if item < 30 and item + 30 in ranked
    )


def test_shifts_move_an_item_and_show_as_their_own_part() -> None:
    params = parameters(40)
    runtime = Runtime(build_graph(params))
    last = int(np.argmin(params.bias))
    lifted = runtime.rank([], ages=[], kinds=[], deltas={last: 100.0}, seen=[], k=1)
    assert lifted.items.tolist() == [last]
    assert lifted.local.tolist() == [100.0]


def test_an_event_of_weight_zero_counts_as_none() -> None:
    runtime = Runtime(build_graph(parameters(40)))
    weightless = runtime.rank([3], ages=[0], kinds=[0], deltas={}, seen=[], k=5)
    none = runtime.rank([], ages=[], kinds=[], deltas={}, seen=[], k=5)
    np.testing.assert_array_equal(weightless.scores, none.scores)


def test_what_a_person_disliked_speaks_against_what_it_is_like() -> None:
    runtime = Runtime(build_graph(parameters(40)))
    liked, disliked = (
        runtime.rank([3], ages=[0], kinds=[weight], deltas={}, seen=[], k=40) for weight in (1.0, -1.0)
    )
    for_it, against = (one.events[np.argsort(one.items), 0] for one in (liked, disliked))
    np.testing.assert_allclose(for_it, -against, atol=1e-12)
    assert np.abs(for_it).max() > 0.1


@pytest.mark.parametrize("items", [8192, 8300])
def test_a_catalogue_in_blocks_ranks_as_the_float_reference(items: int) -> None:
    params = parameters(items, taste=4, content=6)
    for history in ([], [3, 8191, 4000]):
        for k in (5, 300):
            ranked = rank(params, history, k=k)
            wanted = score(quantized(params), from_lists([history]))[0].astype(np.float64)
            wanted[history] = -np.inf
            np.testing.assert_allclose(ranked.scores, np.sort(wanted)[::-1][:k], rtol=1e-5, atol=1e-5)
    assert sorted(rank(params, [1, 2], k=items + 9, seen=[1, 2]).items.tolist()) == [
        item for item in range(items) if item not in (1, 2)
    ]


def test_the_movielens_sized_file_is_at_most_180_kilobytes() -> None:
    assert len(build_graph(parameters(1682, taste=8, content=48))) <= 180_000


def test_the_file_passes_the_checker_with_the_versions_the_web_runtime_takes() -> None:
    model = onnx.load_from_string(build_graph(parameters(20)))
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (10, 21)


def test_equal_parameters_give_equal_bytes() -> None:
    assert build_graph(parameters(20)) == build_graph(parameters(20))


def test_a_second_executor_agrees_with_the_runtime() -> None:
    params = parameters(50)
    ranked = rank(params, [4, 8, 15])
    feed = {
        "history": np.array([4, 8, 15]),
        "ages": np.array([2, 1, 0], np.float32),
        "kinds": np.ones(3, np.float32),
        "delta_items": np.zeros(0, np.int64),
        "delta_values": np.zeros(0, np.float32),
        "seen": np.array([4, 8, 15]),
        "k": np.array([5]),
    }
    outputs = ReferenceEvaluator(build_graph(params)).run(None, feed)
    items, scores, events, bias, local = (np.asarray(output) for output in outputs)
    assert items.tolist() == ranked.items.tolist()
    np.testing.assert_allclose(scores, ranked.scores, atol=1e-9)
    np.testing.assert_allclose(events, ranked.events, atol=1e-9)
    np.testing.assert_allclose(events.sum(axis=1) + bias + local, scores, atol=1e-9)


def test_content_rows_are_stored_once() -> None:
    model = onnx.load_from_string(build_graph(parameters(100, taste=8, content=48)))
    stored = sum(
        len(tensor.raw_data)
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8
    )
    assert stored == 100 * (8 + 8 + 48)


def test_no_items_make_no_release() -> None:
    with pytest.raises(GraphError):
        build_graph(parameters(0))


def test_parameters_and_catalogue_of_different_items_are_not_exported() -> None:
    with pytest.raises(ExportError):
        export_release(parameters(5), catalogue(6))


def test_the_model_carries_its_catalogues_digest() -> None:
    files = export_release(parameters(5), catalogue(5))
    assert Runtime(files.model).metadata.keys() == {"format", "items", "catalogue_sha256"}
    assert files.model != export_release(parameters(5), replace(catalogue(5), titles=("",) * 5)).model


@pytest.mark.parametrize(
    "change",
    [
        {"k": 0},
        {"history": [40]},
        {"history": [-1]},
        {"history": [1.5]},
        {"seen": [40]},
        {"deltas": {40: 1.0}},
        {"deltas": {1: float("nan")}},
        {"kinds": [float("nan")]},
        {"kinds": [1.0, 1.0]},
        {"ages": [float("inf")]},
    ],
)
def test_a_request_out_of_range_is_refused(change: dict[str, object]) -> None:
    request = {"history": [1], "ages": [0], "kinds": [1], "deltas": {}, "seen": [], "k": 5, **change}
    with pytest.raises(RequestError):
        Runtime(build_graph(parameters(40))).rank(request.pop("history"), **request)  # type: ignore[arg-type]


def test_a_guarded_file_that_is_no_model_is_refused() -> None:
    model = onnx.load_from_string(build_graph(parameters(5)))
    model.graph.node[0].input[0] = "nowhere"
    with pytest.raises(ModelRefused):
        Runtime(model.SerializeToString())


def test_another_format_is_refused() -> None:
    model = onnx.load_from_string(build_graph(parameters(5)))
    onnx.helper.set_model_props(model, {"format": "penchant-ranking-2", "items": "5"})
    with pytest.raises(ModelRefused):
        Runtime(model.SerializeToString())


def test_a_zero_row_and_a_tiny_row_quantize_to_zero() -> None:
    table = np.array([[0, 0], [1e-44, -1e-42], [1, -2]], np.float32)
    coded = quantize(table)
    assert coded.rows.tolist() == [[0, 0], [0, 0], [64, -127]]
    assert np.isfinite(coded.dequantized()).all()
