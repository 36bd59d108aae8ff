"""Models rewired at random, still valid protobuf: guard and runtime refuse them or they rank, nothing else."""

from typing import Any

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.device.guard import OPERATORS, check_model
from client.device.runtime import Runtime
from client.errors import ClientError
from models.graph import build_graph
from tests.made import parameters

GOOD = build_graph(parameters(3, taste=1, content=2))
SHAPE = onnx.load_from_string(GOOD).graph
NAMES = sorted(
    {name for node in SHAPE.node for name in [*node.input, *node.output]}
    | {t.name for t in SHAPE.initializer}
)


@st.composite
def rewired(draw: st.DrawFn) -> bytes:
    """Change some nodes, initializers and declarations of a good model."""
    model = onnx.load_from_string(GOOD)
    graph = model.graph
    for _ in range(draw(st.integers(1, 4))):
        node = graph.node[draw(st.integers(0, len(graph.node) - 1))]
        tensor = graph.initializer[draw(st.integers(0, len(graph.initializer) - 1))]
        change = draw(
            st.sampled_from(["operator", "input", "output", "attribute", "dims", "type", "drop", "order"])
        )
        if change == "operator":
            node.op_type = draw(st.sampled_from(sorted(OPERATORS)))
        elif change == "input" and node.input:
            node.input[draw(st.integers(0, len(node.input) - 1))] = draw(st.sampled_from(NAMES))
        elif change == "output":
            node.output[0] = draw(st.sampled_from(NAMES))
        elif change == "attribute" and node.attribute:
            node.attribute[0].i = draw(st.integers(-3, 2**62))
        elif change == "dims" and tensor.dims:
            tensor.dims[0] = draw(st.integers(-2, 2**40))
        elif change == "type":
            tensor.data_type = draw(st.sampled_from([1, 3, 7, 11]))
        elif change == "drop":
            graph.node.remove(node)
        elif change == "order":
            graph.node.append(node)
    return bytes(model.SerializeToString())


def rank_with(model: bytes) -> Any:
    runtime = Runtime(model)
    return runtime.rank([0], ages=[0.0], kinds=[1.0], deltas={1: 0.5}, seen=[0], k=2)


@given(rewired())
@settings(max_examples=80)
def test_a_rewired_model_ranks_or_is_our_error(model: bytes) -> None:
    try:
        ranked = rank_with(model)
    except ClientError:
        return
    assert len(ranked.items) <= 3


def test_the_good_model_ranks_and_the_changes_reach_both_guard_and_runtime() -> None:
    assert len(rank_with(GOOD).items) == 2
    model = onnx.load_from_string(GOOD)
    model.graph.initializer[0].dims[0] += 1
    with pytest.raises(ClientError) as refused:
        check_model(bytes(model.SerializeToString()))
    assert refused.value.code == "model_unsafe"
    model = onnx.load_from_string(GOOD)
    model.graph.node[0].input[0] = "nowhere"
    assert check_model(bytes(model.SerializeToString()))
    with pytest.raises(ClientError) as refused:
        rank_with(bytes(model.SerializeToString()))
    assert refused.value.code == "model_refused"
