"""The release graph: one ONNX file of standard operators that ranks, and explains every score exactly.

Inputs (lengths H, D, S are free and may be 0):

    history int64 (H)        the person's items, catalogue positions
    ages float32 (H)         age of each event in events, 0 the latest
    kinds float32 (H)        weight of each event's kind, >= 0
    delta_items int64 (D)    items the person shifted, delta_values float32 (D) by how much (repeats add up)
    seen int64 (S)           items never to show
    k int64 (1)              length of the slate, >= 1

Outputs (n = min(k, items); score = sum of its events row + bias + local, within double rounding):

    items int64 (n)          best first, equal scores by lower position
    scores double (n)        -inf where fewer than k items are unseen: the device trims these
    events double (n, H)     the part of each event
    bias double (n)          the part of popularity
    local double (n)         the part of the person's own shifts

The ranking has two passes. The first rounds the person's vector to eight bits, scores the whole catalogue in
integers and keeps 2k items; the second scores those from the int8 rows in double. So the eight-bit vector,
and any difference between processors' integer kernels, can only decide which 2k items are looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.errors import ModelError
from models.parameters import GlobalParameters
from models.preference import EVIDENCE_FLOOR, VARIANCE_FLOOR, spread
from models.quantize import QuantizedTable, quantize

OPSET = 21
IR_VERSION = 10
FORMAT = "penchant-ranking-1"
Attribute = int | str | list[int]
Form = tuple[int, list[str | int]]
INPUTS: dict[str, Form] = {
    "history": (TensorProto.INT64, ["H"]),
    "ages": (TensorProto.FLOAT, ["H"]),
    "kinds": (TensorProto.FLOAT, ["H"]),
    "delta_items": (TensorProto.INT64, ["D"]),
    "delta_values": (TensorProto.FLOAT, ["D"]),
    "seen": (TensorProto.INT64, ["S"]),
    "k": (TensorProto.INT64, [1]),
}
OUTPUTS: dict[str, Form] = {
    "items": (TensorProto.INT64, ["n"]),
    "scores": (TensorProto.DOUBLE, ["n"]),
    "events": (TensorProto.DOUBLE, ["n", "H"]),
    "bias": (TensorProto.DOUBLE, ["n"]),
    "local": (TensorProto.DOUBLE, ["n"]),
}


class GraphError(ModelError):
    """The parameters cannot be expressed as a release: the caller trains on a catalogue with items."""

    code = "graph_unbuildable"


class _Graph:
    """A graph under construction; values are known by their names."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """Ship an array and return its name."""
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def scalar(self, name: str, value: float) -> str:
        """Ship one double."""
        return self.constant(name, np.array(value, np.float64))

    def table(self, name: str, table: QuantizedTable) -> tuple[str, str]:
        """Ship a table and return the names of its rows and its scale."""
        return self.constant(name, table.rows), self.constant(f"{name}_scale", table.scale)

    def ops(
        self, kind: str, *inputs: str, outputs: int | tuple[str, ...], **attributes: Attribute
    ) -> tuple[str, ...]:
        """Append a node and return the names of its outputs."""
        if isinstance(outputs, int):
            outputs = tuple(f"{kind}{len(self.nodes)}_{number}" for number in range(outputs))
        node = helper.make_node(kind, inputs, outputs)
        node.attribute.extend(helper.make_attribute(*attribute) for attribute in sorted(attributes.items()))
        self.nodes.append(node)
        return outputs

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: Attribute) -> str:
        """Append a node of one output and return its name."""
        outputs = (output or f"{kind}{len(self.nodes)}",)
        return self.ops(kind, *inputs, outputs=outputs, **attributes)[0]

    def wide(self, value: str) -> str:
        """Continue in double."""
        return self.op("Cast", value, to=TensorProto.DOUBLE)

    def rows(self, codes: str, scale: str, at: str) -> str:
        """Dequantize some rows as `QuantizedTable.dequantized` does, in float, and continue in double."""
        steps = self.op("Cast", self.op("Gather", codes, at), to=TensorProto.FLOAT)
        size = self.op("Unsqueeze", self.op("Gather", scale, at), "second")
        return self.wide(self.op("Mul", steps, size))


@dataclass(frozen=True, slots=True)
class _Part:
    """One summand of the score in the graph, by the names of its values."""

    rows: str  # (items, d) int8, ranked against
    scale: str  # (items) float
    mean: str  # (d) double
    folded: str  # (H, d) double, each event's weighted row
    factor: str  # (1, 1) double, weight x fade / deviation
    vector: str  # (1, d) double, factor x sum of folded


def build_graph(params: GlobalParameters, *, metadata: Mapping[str, str] | None = None) -> bytes:
    """Write the parameters and the whole ranking as one ONNX model.

    Equal parameters give equal bytes.

    Args:
        params: what training published.
        metadata: facts to store beside ``format`` and ``items`` in the model's metadata_props.

    Returns:
        A serialized ModelProto, opset 21, ir_version 10, every initializer in raw_data.

    Raises:
        GraphError: the catalogue is empty.
    """
    if params.items == 0:
        raise GraphError("a release needs at least one item")
    g = _Graph()
    g.constant("first", np.array([0], np.int64))
    g.constant("second", np.array([1], np.int64))
    parts = _fold(g, params)
    bias = g.constant("popularity", params.bias)
    local = _local(g, bias)
    _explain(g, parts, bias, local, _rank(g, parts, bias, local, params.items))
    inputs, outputs = (
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in forms.items()]
        for forms in (INPUTS, OUTPUTS)
    )
    graph = helper.make_graph(g.nodes, "ranking", inputs, outputs, g.constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="penchant"
    )
    facts = {**(metadata or {}), "format": FORMAT, "items": str(params.items)}
    helper.set_model_props(model, dict(sorted(facts.items())))
    return bytes(model.SerializeToString(deterministic=True))


def _fold(g: _Graph, params: GlobalParameters) -> list[_Part]:
    """Weigh the events and fold them into one scaled vector per part of the score."""
    decay = g.op("Exp", g.op("Div", g.wide("ages"), g.scalar("minus_tau", -params.tau)))
    decay = g.op("Mul", decay, g.scalar("decaying", 1 - params.alpha))
    recency = g.op("Cast", g.op("Add", decay, g.scalar("alpha", params.alpha)), to=TensorProto.FLOAT)
    weights = g.wide(g.op("Unsqueeze", g.op("Mul", recency, "kinds"), "second"))
    evidence = g.op("ReduceSum", weights, "first")
    total = g.op("Add", evidence, g.scalar("fade_in", params.fade_in))
    fade = g.op("Div", evidence, g.op("Max", total, g.scalar("evidence_floor", EVIDENCE_FLOOR)))
    floor = g.scalar("variance_floor", VARIANCE_FLOOR)

    parts = []
    for name, inward, outward, weight in _tables(params):
        rows, scale = g.table(name, outward)
        rows_in, scale_in = (rows, scale) if inward is outward else g.table(f"{name}_in", inward)
        mean, covariance = spread(outward.dequantized())
        folded = g.op("Mul", g.rows(rows_in, scale_in, "history"), weights)
        sums = g.op("ReduceSum", folded, "first")
        spun = g.op("MatMul", sums, g.wide(g.constant(f"{name}_covariance", covariance)))
        variance = g.op("ReduceSum", g.op("Mul", spun, sums), "second")
        strength = g.op("Mul", fade, g.scalar(f"{name}_weight", weight))
        factor = g.op("Div", strength, g.op("Sqrt", g.op("Add", variance, floor)))
        centre = g.wide(g.constant(f"{name}_mean", mean))
        parts.append(_Part(rows, scale, centre, folded, factor, g.op("Mul", sums, factor)))
    return parts


def _tables(params: GlobalParameters) -> list[tuple[str, QuantizedTable, QuantizedTable, float]]:
    """Name the parts that have columns; a model of popularity alone ships one column of zeros."""
    content = quantize(params.content)
    parts = [
        ("taste", quantize(params.taste_in), quantize(params.taste_out), params.taste_weight),
        ("content", content, content, params.content_weight),
    ]
    nothing = quantize(np.zeros((params.items, 1), np.float32))
    return [part for part in parts if part[1].rows.size] or [("nothing", nothing, nothing, 0.0)]


def _local(g: _Graph, bias: str) -> str:
    """Spread the person's shifts over the catalogue, (items) float; seen items get -inf."""
    g.constant("never", np.array([-np.inf], np.float32))
    shifts = g.op(
        "ScatterElements", g.op("Sub", bias, bias), "delta_items", "delta_values", axis=0, reduction="add"
    )
    never = g.op("Gather", "never", g.op("Sub", "seen", "seen"))
    return g.op("ScatterElements", shifts, "seen", never, axis=0)


def _rank(g: _Graph, parts: list[_Part], bias: str, local: str, items: int) -> str:
    """Pick 2k items in eight bits, rescore them exactly, emit the best k; return where they stand, (n)."""
    rough = g.op("Add", bias, local)
    for part in parts:
        narrow = g.op("Cast", part.vector, to=TensorProto.FLOAT)
        codes, step, zero = g.ops("DynamicQuantizeLinear", narrow, outputs=3)
        product = g.op("MatMulInteger", codes, g.op("Transpose", part.rows, perm=[1, 0]), zero)
        # Row scale first: the other order is fused into a slower kernel.
        scaled = g.op("Mul", g.op("Mul", g.op("Cast", product, to=TensorProto.FLOAT), part.scale), step)
        rough = g.op("Add", scaled, rough)
    rough = g.op("Reshape", rough, g.constant("flat", np.array([-1], np.int64)))
    every = g.constant("items_in_all", np.array([items], np.int64))
    twice = g.op("Min", g.op("Add", "k", "k"), every)
    _, found = g.ops("TopK", rough, twice, outputs=2)
    # Ascending positions, so that equal exact scores keep the lower one.
    pool, _ = g.ops("TopK", found, twice, outputs=2, largest=0)

    exact = g.op("Add", g.wide(g.op("Gather", bias, pool)), g.wide(g.op("Gather", local, pool)))
    for part in parts:
        products = g.op("Mul", _centred(g, part, pool), part.vector)
        exact = g.op("Add", exact, g.op("ReduceSum", products, "second", keepdims=0))
    _, best = g.ops("TopK", exact, g.op("Min", "k", every), outputs=("scores", "best"))
    return g.op("Gather", pool, best, output="items")


def _explain(g: _Graph, parts: list[_Part], bias: str, local: str, chosen: str) -> None:
    """Emit what each chosen item's score is made of."""
    g.op("Cast", g.op("Gather", bias, chosen), to=TensorProto.DOUBLE, output="bias")
    g.op("Cast", g.op("Gather", local, chosen), to=TensorProto.DOUBLE, output="local")
    shares = []
    for part in parts:
        turned = g.op("Transpose", part.folded, perm=[1, 0])
        shares.append(g.op("Mul", g.op("MatMul", _centred(g, part, chosen), turned), part.factor))
    g.op("Sum", *shares, output="events")


def _centred(g: _Graph, part: _Part, at: str) -> str:
    """Return the exact rows at some positions less the catalogue's mean, (n, d) double."""
    return g.op("Sub", g.rows(part.rows, part.scale, at), part.mean)
