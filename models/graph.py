"""The release graph: one ONNX file of standard operators that ranks, and explains every score exactly.

Inputs (lengths H, D, S are free and may be 0):

    history int64 (H)        the person's items, catalogue positions
    ages float32 (H)         age of each event in events, 0 the latest
    kinds float32 (H)        weight of each event's kind; a negative one speaks against what it is like
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
and any difference between processors' integer kernels, can only decide which 2k items are looked at. A large
catalogue is cut into blocks of 256 for that choice: the best 2k items stand in the 2k blocks with the largest
maxima. Its tables are padded to whole blocks by rows of zeros whose bias is -inf.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
BLOCK = 256
"""Items whose maximum stands for them while candidates are chosen."""
BLOCKED_FROM = 8192
"""Smallest catalogue that is cut into blocks; below, the extra nodes cost more than they save."""
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
        return self.constant(name, _padded(table.rows)), self.constant(f"{name}_scale", _padded(table.scale))

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
    met: str  # (H, d) double, each event's row
    factor: str  # (1, 1) double, weight x fade / deviation
    vector: str  # (1, d) double, factor x weighted sum of met


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
    g.constant("flat", np.array([-1], np.int64))
    weights, parts = _fold(g, params)
    bias = g.constant("popularity", _padded(params.bias, -np.inf))
    local = _local(g, parts[0].scale)
    _explain(g, weights, parts, bias, local, _rank(g, parts, bias, local, params.items))
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


def _fold(g: _Graph, params: GlobalParameters) -> tuple[str, list[_Part]]:
    """Weigh the events, (1, H) double, and fold them into one scaled vector per part of the score."""
    decay = g.op("Exp", g.op("Div", g.wide("ages"), g.scalar("minus_tau", -params.tau)))
    decay = g.op("Mul", decay, g.scalar("decaying", 1 - params.alpha))
    recency = g.op("Cast", g.op("Add", decay, g.scalar("alpha", params.alpha)), to=TensorProto.FLOAT)
    weights = g.wide(g.op("Unsqueeze", g.op("Mul", recency, "kinds"), "first"))
    opposite = g.op("Sub", g.scalar("zero", 0.0), weights)
    evidence = g.op("ReduceSum", g.op("Max", weights, opposite), "second")
    total = g.op("Add", evidence, g.scalar("fade_in", params.fade_in))
    fade = g.op("Div", evidence, g.op("Max", total, g.scalar("evidence_floor", EVIDENCE_FLOOR)))
    floor = g.scalar("variance_floor", VARIANCE_FLOOR)

    parts = []
    for name, inward, outward, weight in _tables(params):
        rows, scale = g.table(name, outward)
        rows_in, scale_in = (rows, scale) if inward is outward else g.table(f"{name}_in", inward)
        mean, covariance = spread(outward.dequantized())
        met = g.rows(rows_in, scale_in, "history")
        sums = g.op("MatMul", weights, met)
        spun = g.op("MatMul", sums, g.wide(g.constant(f"{name}_covariance", covariance)))
        variance = g.op("ReduceSum", g.op("Mul", spun, sums), "second")
        strength = g.op("Mul", fade, g.scalar(f"{name}_weight", weight))
        factor = g.op("Div", strength, g.op("Sqrt", g.op("Add", variance, floor)))
        centre = g.wide(g.constant(f"{name}_mean", mean))
        parts.append(_Part(rows, scale, centre, met, factor, g.op("Mul", sums, factor)))
    return weights, parts


def _tables(params: GlobalParameters) -> list[tuple[str, QuantizedTable, QuantizedTable, float]]:
    """Name the parts that have columns; a model of popularity alone ships one column of zeros."""
    content = quantize(params.content)
    parts = [
        ("taste", quantize(params.taste_in), quantize(params.taste_out), params.taste_weight),
        ("content", content, content, params.content_weight),
    ]
    nothing = quantize(np.zeros((params.items, 1), np.float32))
    return [part for part in parts if part[1].rows.size] or [("nothing", nothing, nothing, 0.0)]


def _padded(values: NDArray[Any], filler: float = 0) -> NDArray[Any]:
    """Fill a large catalogue's rows up to whole blocks; leave a small one as it is."""
    missing = -len(values) % BLOCK if len(values) >= BLOCKED_FROM else 0
    return np.concatenate([values, np.full((missing, *values.shape[1:]), filler, values.dtype)])


def _local(g: _Graph, scale: str) -> str:
    """Spread the person's shifts over the catalogue, (items) float; seen items get -inf."""
    g.constant("never", np.array([-np.inf], np.float32))
    shifts = g.op(
        "ScatterElements", g.op("Sub", scale, scale), "delta_items", "delta_values", axis=0, reduction="add"
    )
    never = g.op("Gather", "never", g.op("Sub", "seen", "seen"))
    return g.op("ScatterElements", shifts, "seen", never, axis=0)


def _rank(g: _Graph, parts: list[_Part], bias: str, local: str, items: int) -> str:
    """Pick 2k items in eight bits, rescore them exactly, emit the best k; return where they stand, (n)."""
    summands = []
    for part in parts:
        narrow = g.op("Cast", part.vector, to=TensorProto.FLOAT)
        codes, step, zero = g.ops("DynamicQuantizeLinear", narrow, outputs=3)
        product = g.op("MatMulInteger", codes, g.op("Transpose", part.rows, perm=[1, 0]), zero)
        # Row scale first: the other order is fused into a slower kernel.
        scaled = g.op("Mul", g.op("Cast", product, to=TensorProto.FLOAT), part.scale)
        summands.append(g.op("Mul", scaled, step))
    rough = g.op("Sum", *summands, bias, local)
    every = g.constant("items_in_all", np.array([items], np.int64))
    twice = g.op("Min", g.op("Add", "k", "k"), every)
    pool = _best_blocks(g, rough, twice, items) if items >= BLOCKED_FROM else _best(g, rough, twice)

    exact = g.op("Add", g.wide(g.op("Gather", bias, pool)), g.wide(g.op("Gather", local, pool)))
    for part in parts:
        products = g.op("Mul", _centred(g, part, pool), part.vector)
        exact = g.op("Add", exact, g.op("ReduceSum", products, "second", keepdims=0))
    _, best = g.ops("TopK", exact, g.op("Min", "k", every), outputs=("scores", "best"))
    return g.op("Gather", pool, best, output="items")


def _best(g: _Graph, values: str, count: str) -> str:
    """Return where the largest values of a (1, n) row stand, ascending, so that ties keep the lower one."""
    flat = g.op("Reshape", values, "flat")
    _, found = g.ops("TopK", flat, count, outputs=2)
    ascending, _ = g.ops("TopK", found, count, outputs=2, largest=0)
    return ascending


def _best_blocks(g: _Graph, values: str, count: str, items: int) -> str:
    """Return the same for a large catalogue, looking only at the blocks with the largest maxima."""
    blocks = g.op("Reshape", values, g.constant("blocks", np.array([-1, BLOCK], np.int64)))
    in_all = g.constant("blocks_in_all", np.array([-(-items // BLOCK)], np.int64))
    chosen = _best(g, g.op("ReduceMax", blocks, "second", keepdims=0), g.op("Min", count, in_all))
    places = g.op(
        "Mul", g.op("Unsqueeze", chosen, "second"), g.constant("block", np.array([BLOCK], np.int64))
    )
    places = g.op("Add", places, g.constant("within", np.arange(BLOCK, dtype=np.int64)))
    inside = _best(g, g.op("Gather", blocks, chosen), count)
    return g.op("Gather", g.op("Reshape", places, "flat"), inside)


def _explain(g: _Graph, weights: str, parts: list[_Part], bias: str, local: str, chosen: str) -> None:
    """Emit what each chosen item's score is made of."""
    g.op("Cast", g.op("Gather", bias, chosen), to=TensorProto.DOUBLE, output="bias")
    g.op("Cast", g.op("Gather", local, chosen), to=TensorProto.DOUBLE, output="local")
    shares = []
    for part in parts:
        turned = g.op("Transpose", part.met, perm=[1, 0])
        shares.append(g.op("Mul", g.op("MatMul", _centred(g, part, chosen), turned), part.factor))
    g.op("Mul", g.op("Sum", *shares), weights, output="events")


def _centred(g: _Graph, part: _Part, at: str) -> str:
    """Return the exact rows at some positions less the catalogue's mean, (n, d) double."""
    return g.op("Sub", g.rows(part.rows, part.scale, at), part.mean)
