"""A growing ONNX graph in which equal nodes are one node and names are counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import onnx
from msgspec import Struct, field
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 21
ML_OPSET = 4
IR_VERSION = 10
ML = "ai.onnx.ml"
BOOL, INT, DOUBLE, FLOAT, TEXT = "bool", "int64", "double", "float", "string"
ELEMENTS = {
    BOOL: TensorProto.BOOL,
    INT: TensorProto.INT64,
    DOUBLE: TensorProto.DOUBLE,
    FLOAT: TensorProto.FLOAT,
    TEXT: TensorProto.STRING,
}
_NUMPY: dict[str, type] = {
    BOOL: np.bool_, INT: np.int64, DOUBLE: np.float64, FLOAT: np.float32, TEXT: np.object_,
}  # fmt: skip
Array: TypeAlias = NDArray[Any]


class Tensor(Struct, frozen=True):
    """A tensor of the graph: its name, its element type, and whether it is one constant."""

    name: str
    element: str
    constant: bool = False


class Graph(Struct):
    """Nodes in order, constants, inputs. Names follow from what was added, in order."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    inputs: dict[str, Tensor] = field(default_factory=dict)
    reserved: frozenset[str] = frozenset()
    _known: dict[object, Tensor] = field(default_factory=dict)

    def input(self, name: str, element: str) -> Tensor:
        """An input of shape ``[N]``."""
        return self.inputs.setdefault(name, Tensor(name, element))

    def prefix(self) -> str:
        """What begins no input's name."""
        found = "_"
        while any(name.startswith(found) for name in self.reserved):
            found += "_"
        return found

    def fresh(self) -> str:
        """A name that is not an input's."""
        return f"{self.prefix()}{len(self.nodes) + len(self.constants)}"

    def constant(self, value: object, element: str) -> Tensor:
        """A constant tensor of any shape; equal ones are one."""
        array: Array = np.asarray(value, dtype=_NUMPY[element])
        content = repr(array.tolist()) if element == TEXT else array.tobytes()
        key = ("constant", element, array.shape, content)
        if key not in self._known:
            name = self.fresh()
            self.constants.append(_tensor(array, element, name))
            self._known[key] = Tensor(name, element, True)
        return self._known[key]

    def node(
        self,
        op: str,
        inputs: Sequence[Tensor],
        element: str,
        *,
        domain: str = "",
        **attributes: Any,
    ) -> Tensor:
        """The output of a node; an equal node is not added again."""
        names = [tensor.name for tensor in inputs]
        key = (op, domain, tuple(names), repr(sorted(attributes.items())))
        if key not in self._known:
            name = self.fresh()
            self.nodes.append(helper.make_node(op, names, [name], domain=domain, **attributes))
            constant = all(tensor.constant for tensor in inputs)
            self._known[key] = Tensor(name, element, constant)
        return self._known[key]

    def cast(self, tensor: Tensor, element: str) -> Tensor:
        """The tensor as another element type."""
        if tensor.element == element:
            return tensor
        return self.node("Cast", [tensor], element, to=ELEMENTS[element])

    def stretched(self, tensor: Tensor) -> Tensor:
        """The tensor with shape ``[N]``, which it has unless it is one constant."""
        if not tensor.constant:
            return tensor
        shape = self.node("Shape", [next(iter(self.inputs.values()))], INT)
        return self.node("Expand", [tensor, shape], tensor.element)

    def output(self, tensor: Tensor, name: str) -> None:
        """Give a tensor a name as an output."""
        self.nodes.append(helper.make_node("Identity", [tensor.name], [name]))


def _tensor(array: Array, element: str, name: str) -> onnx.TensorProto:
    if element == TEXT:
        values: Any = [str(value).encode("utf-8") for value in array.reshape(-1)]
        return helper.make_tensor(name, ELEMENTS[element], array.shape, values)
    return numpy_helper.from_array(array, name)


def value_info(name: str, element: str, shape: Iterable[str | int]) -> onnx.ValueInfoProto:
    """An input or output."""
    return helper.make_tensor_value_info(name, ELEMENTS[element], list(shape))


def model(
    graph: Graph, outputs: Sequence[onnx.ValueInfoProto], metadata: dict[str, str]
) -> onnx.ModelProto:
    """The graph as a model with these outputs, checked; equal graphs give equal bytes."""
    inputs = [value_info(name, tensor.element, ["N"]) for name, tensor in graph.inputs.items()]
    proto = helper.make_graph(graph.nodes, "stackc", inputs, list(outputs), graph.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
    made = helper.make_model(
        proto, opset_imports=opsets, ir_version=IR_VERSION, producer_name="stackc"
    )
    helper.set_model_props(made, dict(sorted(metadata.items())))
    onnx.checker.check_model(made)
    return made


def to_bytes(made: onnx.ModelProto) -> bytes:
    """The one serialisation of a model."""
    return bytes(made.SerializeToString(deterministic=True))


def digest(made: onnx.ModelProto) -> str:
    """The digest of that serialisation."""
    return hashlib.sha256(to_bytes(made)).hexdigest()
