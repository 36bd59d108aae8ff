"""The guard against hostile model files: each is valid protobuf a loader might accept."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from client.device.guard import MAX_BYTES, OPERATORS, GuardError, check_model
from models.graph import BLOCKED_FROM, build_graph
from tests.made import parameters

Fault = Callable[[onnx.ModelProto], None]


def model() -> onnx.ModelProto:
    return onnx.load_from_string(build_graph(parameters(12, taste=2, content=3)))


def external_data(hostile: onnx.ModelProto) -> None:
    tensor = hostile.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="passwords.txt")


def external_data_beside_bytes(hostile: onnx.ModelProto) -> None:
    hostile.graph.initializer[0].external_data.add(key="location", value="passwords.txt")


def subgraph(kind: str) -> Fault:
    def fault(hostile: onnx.ModelProto) -> None:
        node = hostile.graph.node[0]
        node.op_type = kind
        node.attribute.append(helper.make_attribute("body", helper.make_graph([], "body", [], [])))

    return fault


def hidden_subgraph(hostile: onnx.ModelProto) -> None:
    hostile.graph.node[0].attribute.append(helper.make_attribute("x", helper.make_graph([], "x", [], [])))


def unknown_operator(hostile: onnx.ModelProto) -> None:
    hostile.graph.node[0].op_type = "Hack"


def operator_that_allocates(hostile: onnx.ModelProto) -> None:
    hostile.graph.node[0].op_type = "ConstantOfShape"


def unknown_domain(hostile: onnx.ModelProto) -> None:
    hostile.opset_import[0].domain = "com.microsoft"


def second_domain(hostile: onnx.ModelProto) -> None:
    hostile.opset_import.add(domain="com.microsoft", version=1)


def domain_of_a_node(hostile: onnx.ModelProto) -> None:
    hostile.graph.node[0].domain = "com.microsoft"


def function(hostile: onnx.ModelProto) -> None:
    hostile.functions.append(helper.make_function("own", "Mul", ["a"], ["b"], [], []))


def training(hostile: onnx.ModelProto) -> None:
    hostile.training_info.add()


def sparse_initializer(hostile: onnx.ModelProto) -> None:
    hostile.graph.sparse_initializer.add().dims.extend([2**31, 2**31])


def allocation_bomb(hostile: onnx.ModelProto) -> None:
    del hostile.graph.initializer[0].dims[:]
    hostile.graph.initializer[0].dims.extend([2**31, 2**31])


def negative_shape(hostile: onnx.ModelProto) -> None:
    del hostile.graph.initializer[0].dims[:]
    hostile.graph.initializer[0].dims.extend([-1, -8])


def text_tensor(hostile: onnx.ModelProto) -> None:
    hostile.graph.initializer[0].data_type = TensorProto.STRING


def typed_data(hostile: onnx.ModelProto) -> None:
    tensor = hostile.graph.initializer[0]
    tensor.int64_data.extend(np.frombuffer(tensor.raw_data, np.int64).tolist())
    tensor.ClearField("raw_data")


def newer_operators(hostile: onnx.ModelProto) -> None:
    hostile.opset_import[0].version = 22


def newer_format(hostile: onnx.ModelProto) -> None:
    hostile.ir_version = 11


def no_graph(hostile: onnx.ModelProto) -> None:
    hostile.ClearField("graph")


def many_nodes(hostile: onnx.ModelProto) -> None:
    hostile.graph.node.extend([hostile.graph.node[0]] * 256)


def repeated_metadata(hostile: onnx.ModelProto) -> None:
    hostile.metadata_props.append(hostile.metadata_props[0])


def optional_input(hostile: onnx.ModelProto) -> None:
    hostile.graph.input[0].type.CopyFrom(
        helper.make_optional_type_proto(helper.make_tensor_type_proto(1, None))
    )


FAULTS: list[Fault] = [
    external_data, external_data_beside_bytes, subgraph("If"), subgraph("Loop"), subgraph("Scan"), hidden_subgraph,
    unknown_operator, operator_that_allocates, unknown_domain, second_domain, domain_of_a_node, function, training,
    sparse_initializer, allocation_bomb, negative_shape, text_tensor, typed_data, newer_operators, newer_format,
    no_graph, many_nodes, repeated_metadata, optional_input,
]  # fmt: skip


def test_what_the_exporter_writes_passes() -> None:
    assert check_model(model().SerializeToString()) == {"format": "penchant-ranking-1", "items": "12"}


def test_the_allow_list_holds_the_operators_the_exporter_writes_and_no_other() -> None:
    large = onnx.load_from_string(build_graph(parameters(BLOCKED_FROM, taste=1, content=1)))
    assert {node.op_type for one in (model(), large) for node in one.graph.node} == OPERATORS


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_hostile_file_is_refused(fault: Fault) -> None:
    hostile = model()
    fault(hostile)
    with pytest.raises(GuardError):
        check_model(hostile.SerializeToString())


def test_a_file_over_the_cap_is_refused_unread() -> None:
    with pytest.raises(GuardError, match="bytes, more than"):
        check_model(bytes(MAX_BYTES + 1))


def test_a_second_graph_is_refused_where_readers_would_merge_it() -> None:
    good = model().SerializeToString()
    extra = onnx.ModelProto(graph=helper.make_graph([], "second", [], [])).SerializeToString()
    with pytest.raises(GuardError, match="more than 1 of graph"):
        check_model(good + extra)


@pytest.mark.parametrize(
    "tail",
    [
        b"\x00",
        b"\xff",
        b"\x08" + b"\xff" * 11,
        b"\x32\x00",
        b"\xc8\x01\x00",
        b"\x0b",
        b"\x0d\0\0\0\0",
        b"\x72\x7f",
    ],
)
def test_trailing_bytes_are_refused(tail: bytes) -> None:
    with pytest.raises(GuardError):
        check_model(model().SerializeToString() + tail)


def test_a_number_longer_than_64_bits_is_refused() -> None:
    with pytest.raises(GuardError, match="cut off or too long"):
        check_model(b"\x08" + b"\xff" * 9 + b"\x7f")


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(GuardError, match="UTF-8"):
        check_model(b"\x12\x01\xff")
