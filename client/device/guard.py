"""The guard: reads a model's protobuf by itself and lets only a plain ranking graph reach the ONNX runtime.

The signature says who made a file; the guard bounds what a file can be, even one whose signer was robbed: no
file or network access (external data), no code it does not know (operators, domains, functions, subgraphs), no
memory the bytes do not pay for (every initializer is as long as its shape says). Everything is an allow-list: a
field, operator or type that the exporter does not write is refused. It does not bound what allowed operators
compute from each other.

Source: onnx.proto (ONNX 1.18, IR version 10) and the Protocol Buffers encoding; a singular field that occurs
twice is refused, because readers differ in which one counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import cast

from client.errors import ClientError

MAX_BYTES = 64 * 2**20
MAX_TEXT = 1024
MAX_IR_VERSION = 10
MAX_OPSET = 21
OPERATORS = frozenset(
    {
        "Add", "Cast", "Div", "DynamicQuantizeLinear", "Exp", "Gather", "MatMul", "MatMulInteger", "Max", "Min",
        "Mul", "ReduceMax", "ReduceSum", "Reshape", "ScatterElements", "Sqrt", "Sub", "TopK", "Transpose",
        "Unsqueeze",
    }
)  # fmt: skip
BYTES_PER_ELEMENT = {1: 4, 3: 1, 7: 8, 11: 8}
"""Allowed element types of onnx.TensorProto: float, int8, int64, double."""


class GuardError(ClientError):
    """The model file is not one this device runs: the caller keeps the release it has."""

    code = "model_unsafe"


@dataclass(frozen=True, slots=True)
class _Field:
    """A field a message may have: its name, what its bytes are, and how often it may occur."""

    name: str
    kind: str
    limit: int = 1


_MESSAGES: dict[str, dict[int, _Field]] = {
    "model": {
        1: _Field("ir_version", "number"),
        2: _Field("producer_name", "text"),
        7: _Field("graph", "graph"),
        8: _Field("opset_import", "opset"),
        14: _Field("metadata_props", "entry", 16),
    },
    "opset": {1: _Field("domain", "text"), 2: _Field("version", "number")},
    "entry": {1: _Field("key", "text"), 2: _Field("value", "text")},
    "graph": {
        1: _Field("node", "node", 256),
        2: _Field("name", "text"),
        5: _Field("initializer", "tensor", 64),
        11: _Field("input", "value", 16),
        12: _Field("output", "value", 16),
    },
    "node": {
        1: _Field("input", "text", 8),
        2: _Field("output", "text", 8),
        4: _Field("op_type", "text"),
        5: _Field("attribute", "attribute", 8),
    },
    "attribute": {
        1: _Field("name", "text"),
        3: _Field("i", "number"),
        4: _Field("s", "text"),
        8: _Field("ints", "number", 8),
        20: _Field("type", "number"),
    },
    "tensor": {
        1: _Field("dims", "number", 4),
        2: _Field("data_type", "number"),
        8: _Field("name", "text"),
        9: _Field("raw_data", "bytes"),
    },
    "value": {1: _Field("name", "text"), 2: _Field("type", "type")},
    "type": {1: _Field("tensor_type", "form")},
    "form": {1: _Field("elem_type", "number"), 2: _Field("shape", "shape")},
    "shape": {1: _Field("dim", "dim", 4)},
    "dim": {1: _Field("dim_value", "number"), 2: _Field("dim_param", "text")},
}


@dataclass(frozen=True, slots=True)
class _Message:
    """A parsed message: its values by field name, in file order."""

    kind: str
    values: dict[str, list[object]]

    def numbers(self, name: str) -> list[int]:
        return cast(list[int], self.values.get(name, []))

    def messages(self, name: str) -> "list[_Message]":
        return cast(list[_Message], self.values.get(name, []))

    def one(self, name: str) -> object:
        found = self.values.get(name)
        if not found:
            raise GuardError(f"the model's {self.kind} has no {name}")
        return found[0]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One initializer of a guarded model.

    Args:
        shape: its dimensions.
        element: the onnx.TensorProto number of its element type.
        data: its little-endian bytes, a view into the model's.
    """

    shape: tuple[int, ...]
    element: int
    data: memoryview


@dataclass(frozen=True, slots=True)
class GuardedModel:
    """What may be read of a model without running it.

    Args:
        metadata: its metadata_props.
        tensors: its initializers by name.
    """

    metadata: Mapping[str, str]
    tensors: Mapping[str, Tensor]


def check_model(data: bytes) -> dict[str, str]:
    """Accept a model that holds nothing but a ranking graph, and return its metadata_props.

    Raises:
        GuardError: the bytes are not such a model; says where.
    """
    return dict(read_model(data).metadata)


def read_model(data: bytes) -> GuardedModel:
    """Accept a model that holds nothing but a ranking graph, and return what it ships.

    Args:
        data: any bytes.

    Raises:
        GuardError: the bytes are not such a model; says where.
    """
    if len(data) > MAX_BYTES:
        raise GuardError(f"the model has {len(data)} bytes, more than {MAX_BYTES}")
    model = _parse("model", memoryview(data))
    if cast(int, model.one("ir_version")) > MAX_IR_VERSION:
        raise GuardError(f"the model's ir_version is above {MAX_IR_VERSION}")
    opset = cast(_Message, model.one("opset_import"))
    if opset.values.get("domain", [""]) != [""] or cast(int, opset.one("version")) > MAX_OPSET:
        raise GuardError(f"the model needs other operators than standard ones up to opset {MAX_OPSET}")
    graph = cast(_Message, model.one("graph"))
    for node in graph.messages("node"):
        if node.one("op_type") not in OPERATORS:
            raise GuardError("the model uses an operator that is not allowed")
    tensors = {}
    for tensor in graph.messages("initializer"):
        element, shape = cast(int, tensor.one("data_type")), tuple(tensor.numbers("dims"))
        raw = cast(memoryview, tensor.one("raw_data"))
        if element not in BYTES_PER_ELEMENT:
            raise GuardError("an initializer has an element type that is not allowed")
        if prod(shape) * BYTES_PER_ELEMENT[element] != len(raw):
            raise GuardError("an initializer's shape differs from its bytes")
        tensors[cast(str, tensor.one("name"))] = Tensor(shape, element, raw)
    if len(tensors) != len(graph.messages("initializer")):
        raise GuardError("two initializers have one name")
    entries = model.messages("metadata_props")
    metadata = {cast(str, entry.one("key")): cast(str, entry.one("value")) for entry in entries}
    if len(metadata) != len(entries):
        raise GuardError("the model's metadata repeats a key")
    return GuardedModel(metadata, tensors)


def _parse(kind: str, data: memoryview) -> _Message:
    """Read one message and everything in it; the table has no cycle, so the depth is bounded."""
    values: dict[str, list[object]] = {}
    for number, value in _fields(kind, data):
        field = _MESSAGES[kind].get(number)
        if field is None:
            raise GuardError(f"field {number} of the model's {kind} is not allowed")
        if isinstance(value, int) != (field.kind == "number"):
            raise GuardError(f"{field.name} of the model's {kind} has the wrong wire type")
        found = values.setdefault(field.name, [])
        if len(found) == field.limit:
            raise GuardError(f"the model's {kind} has more than {field.limit} of {field.name}")
        found.append(_value(field, value))
    return _Message(kind, values)


def _value(field: _Field, value: int | memoryview) -> object:
    """Return what a field's wire value stands for."""
    if isinstance(value, int) or field.kind == "bytes":
        return value
    if field.kind != "text":
        return _parse(field.kind, value)
    if len(value) > MAX_TEXT:
        raise GuardError(f"{field.name} is longer than {MAX_TEXT} bytes")
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        raise GuardError(f"{field.name} is not UTF-8") from None


def _fields(kind: str, data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the field number and the number or bytes of each field of one message."""
    at = 0
    while at < len(data):
        tag, at = _varint(kind, data, at)
        value, at = _varint(kind, data, at)
        if tag & 7 == 0:
            yield tag >> 3, value
        elif tag & 7 == 2:
            if value > len(data) - at:
                raise GuardError(f"the model's {kind} ends inside a field")
            yield tag >> 3, data[at : at + value]
            at += value
        else:
            raise GuardError(f"the model's {kind} has a field of a wire type that is not allowed")


def _varint(kind: str, data: memoryview, at: int) -> tuple[int, int]:
    """Read one base-128 number of at most 64 bits; return it and where the next field part starts."""
    value = data[at] if at < len(data) else 0x80
    if value < 0x80:
        return value, at + 1
    value = 0
    for place, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            if value >> 64:
                break
            return value, at + place + 1
    raise GuardError(f"the model's {kind} has a number that is cut off or too long")
