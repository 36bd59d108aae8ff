"""The nodes of an ONNX graph under construction: each operation takes names and returns the name of what it makes."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Attribute = int | str | list[int]


class Graph:
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
