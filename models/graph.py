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
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.errors import ModelError
from models.nodes import Graph
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


@dataclass(frozen=True, slots=True)
class _Block:
    """Columns of the joined table that have one scale a row, and one part of the score."""

    name: str
    inward: QuantizedTable
    outward: QuantizedTable
    weight: float


@dataclass(frozen=True, slots=True)
class _Person:
    """A history folded in, by the names of its values."""

    weights: str  # (1, H) double
    met: str  # (H, d) double, each event's row
    factor: str  # (1, d) double, weight x fade / deviation of each column's part
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
    g = Graph()
    g.constant("first", np.array([0], np.int64))
    g.constant("second", np.array([1], np.int64))
    g.constant("flat", np.array([-1], np.int64))
    bias = g.constant("popularity", _padded(params.bias, -np.inf))
    blocks = _join(g, params)
    person = _fold(g, params, blocks)
    g.constant("never", np.array([-np.inf], np.float32))
    finite = g.op("Gather", "scales", g.constant("top", np.array(0, np.int64)))
    local = _shifted(g, g.op("Sub", finite, finite))
    _explain(g, person, bias, local, _rank(g, person, bias, local, params.items))
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


def _join(g: Graph, params: GlobalParameters) -> list[_Block]:
    """Ship one table of all parts side by side, each row with one scale per part."""
    blocks = _blocks(params)
    tables = [block.outward.dequantized() for block in blocks]
    ends = np.cumsum([table.shape[1] for table in tables])
    columns = np.zeros((len(blocks), ends[-1]), np.float32)
    for row, (end, table) in enumerate(zip(ends, tables, strict=True)):
        columns[row, end - table.shape[1] : end] = 1
    measured = [spread(table) for table in tables]
    covariance = np.zeros((ends[-1], ends[-1]), np.float32)
    for end, (mean, own) in zip(ends, measured, strict=True):
        covariance[end - len(mean) : end, end - len(mean) : end] = own
    g.constant("rows", _padded(np.concatenate([block.outward.rows for block in blocks], axis=1)))
    g.constant("scales", np.stack([_padded(block.outward.scale) for block in blocks]))
    g.constant("columns", columns)
    sizes = np.array([max(float(np.sqrt(own.trace() / len(own))), 1e-12) for _, own in measured], np.float32)
    g.constant("size", sizes[None] @ columns)
    g.constant("unsize", 1 / sizes[None])
    g.constant("mean", np.concatenate([mean for mean, _ in measured]))
    g.constant("covariance", covariance)
    g.constant("weights", np.array([[block.weight for block in blocks]], np.float64))
    return blocks


def _blocks(params: GlobalParameters) -> list[_Block]:
    """Name the parts that have columns; a model of popularity alone ships one column of zeros."""
    content = quantize(params.content)
    blocks = [
        _Block("taste", quantize(params.taste_in), quantize(params.taste_out), params.taste_weight),
        _Block("content", content, content, params.content_weight),
    ]
    nothing = quantize(np.zeros((params.items, 1), np.float32))
    return [each for each in blocks if each.outward.rows.size] or [_Block("nothing", nothing, nothing, 0.0)]


def _fold(g: Graph, params: GlobalParameters, blocks: list[_Block]) -> _Person:
    """Weigh the events and fold them into one vector, each part of it scaled to its own deviation."""
    decay = g.op("Exp", g.op("Div", g.wide("ages"), g.scalar("minus_tau", -params.tau)))
    decay = g.op("Mul", decay, g.scalar("decaying", 1 - params.alpha))
    recency = g.op("Cast", g.op("Add", decay, g.scalar("alpha", params.alpha)), to=TensorProto.FLOAT)
    weights = g.wide(g.op("Unsqueeze", g.op("Mul", recency, "kinds"), "first"))
    opposite = g.op("Sub", g.scalar("zero", 0.0), weights)
    evidence = g.op("ReduceSum", g.op("Max", weights, opposite), "second")
    total = g.op("Add", evidence, g.scalar("fade_in", params.fade_in))
    fade = g.op("Div", evidence, g.op("Max", total, g.scalar("evidence_floor", EVIDENCE_FLOOR)))

    met = _met(g, blocks)
    sums = g.op("MatMul", weights, met)
    spun = g.op("Mul", g.op("MatMul", sums, g.wide("covariance")), sums)
    columns = g.wide("columns")
    variance = g.op("MatMul", spun, g.op("Transpose", columns, perm=[1, 0]))
    deviation = g.op("Sqrt", g.op("Add", variance, g.scalar("variance_floor", VARIANCE_FLOOR)))
    factor = g.op("MatMul", g.op("Div", g.op("Mul", fade, "weights"), deviation), columns)
    return _Person(weights, met, factor, g.op("Mul", sums, factor))


def _met(g: Graph, blocks: list[_Block]) -> str:
    """Return the rows that events are read from, (H, d): a taste has a table of its own for that."""
    outward = _rows(g, "history")
    first = blocks[0]
    if first.inward is first.outward:
        return outward
    width = first.outward.rows.shape[1]
    columns = width + sum(block.outward.rows.shape[1] for block in blocks[1:])
    g.constant("inward", _padded(first.inward.rows))
    g.constant("inward_scale", _padded(first.inward.scale))
    g.constant("place", np.eye(width, columns, dtype=np.float32))
    g.constant("tied", (np.arange(columns) >= width).astype(np.float64))
    steps = g.op("Cast", g.op("Gather", "inward", "history"), to=TensorProto.FLOAT)
    size = g.op("Unsqueeze", g.op("Gather", "inward_scale", "history"), "second")
    inward = g.wide(g.op("MatMul", g.op("Mul", steps, size), "place"))
    return g.op("Add", inward, g.op("Mul", outward, "tied"))


def _padded(values: NDArray[Any], filler: float = 0) -> NDArray[Any]:
    """Fill a large catalogue's rows up to whole blocks; leave a small one as it is."""
    missing = -len(values) % BLOCK if len(values) >= BLOCKED_FROM else 0
    return np.concatenate([values, np.full((missing, *values.shape[1:]), filler, values.dtype)])


def _shifted(g: Graph, scores: str) -> str:
    """Add the person's shifts to a value per item, (items) float; seen items get -inf."""
    moved = g.op("ScatterElements", scores, "delta_items", "delta_values", axis=0, reduction="add")
    never = g.op("Gather", "never", g.op("Sub", "seen", "seen"))
    return g.op("ScatterElements", moved, "seen", never, axis=0)


def _rank(g: Graph, person: _Person, bias: str, local: str, items: int) -> str:
    """Pick 2k items in eight bits, rescore them exactly, emit the best k; return where they stand, (n)."""
    # Shifted in place: adding `local` would read and write the catalogue's length once more.
    rough = _shifted(g, g.op("Reshape", g.op("Add", _rough(g, person), bias), "flat"))
    every = g.constant("items_in_all", np.array([items], np.int64))
    twice = g.op("Min", g.op("Add", "k", "k"), every)
    pool = _best_blocks(g, rough, twice, items) if items >= BLOCKED_FROM else _best(g, rough, twice)

    products = g.op("Mul", _centred(g, pool), person.vector)
    exact = g.op("Add", g.wide(g.op("Gather", bias, pool)), g.wide(g.op("Gather", local, pool)))
    exact = g.op("Add", exact, g.op("ReduceSum", products, "second", keepdims=0))
    _, best = g.ops("TopK", exact, g.op("Min", "k", every), outputs=("scores", "best"))
    return g.op("Gather", pool, best, output="items")


def _rough(g: Graph, person: _Person) -> str:
    """Score the catalogue in integers, (1, items) float: one pass over the table, one row a part.

    A part's columns are brought to one size first, so that all parts share a step of the eight-bit vector.
    """
    sized = g.op("Mul", g.op("Mul", g.op("Cast", person.vector, to=TensorProto.FLOAT), "size"), "columns")
    codes, step, zero = g.ops("DynamicQuantizeLinear", sized, outputs=3)
    product = g.op("MatMulInteger", codes, g.op("Transpose", "rows", perm=[1, 0]), zero)
    # Row scales first: the other order is fused into a slower kernel.
    scaled = g.op("Mul", g.op("Cast", product, to=TensorProto.FLOAT), "scales")
    return g.op("MatMul", g.op("Mul", "unsize", step), scaled)


def _best(g: Graph, values: str, count: str) -> str:
    """Return where the largest values of a (1, n) row stand, ascending, so that ties keep the lower one."""
    flat = g.op("Reshape", values, "flat")
    _, found = g.ops("TopK", flat, count, outputs=2)
    ascending, _ = g.ops("TopK", found, count, outputs=2, largest=0)
    return ascending


def _best_blocks(g: Graph, values: str, count: str, items: int) -> str:
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


def _explain(g: Graph, person: _Person, bias: str, local: str, chosen: str) -> None:
    """Emit what each chosen item's score is made of."""
    g.op("Cast", g.op("Gather", bias, chosen), to=TensorProto.DOUBLE, output="bias")
    g.op("Cast", g.op("Gather", local, chosen), to=TensorProto.DOUBLE, output="local")
    aimed = g.op("Mul", _centred(g, chosen), person.factor)
    shares = g.op("MatMul", aimed, g.op("Transpose", person.met, perm=[1, 0]))
    g.op("Mul", shares, person.weights, output="events")


def _rows(g: Graph, at: str) -> str:
    """Dequantize some outward rows as `QuantizedTable.dequantized` does, in float; continue in double."""
    steps = g.op("Cast", g.op("Gather", "rows", at), to=TensorProto.FLOAT)
    sizes = g.op("Transpose", g.op("Gather", "scales", at, axis=1), perm=[1, 0])
    return g.wide(g.op("Mul", steps, g.op("MatMul", sizes, "columns")))


def _centred(g: Graph, at: str) -> str:
    """Return the exact rows at some positions less the catalogue's mean, (n, d) double."""
    return g.op("Sub", _rows(g, at), g.wide("mean"))
