"""The one form every estimator takes as ONNX, whatever framework fitted it.

Input ``features`` float32 [N, F]. Output ``probabilities`` float32 [N, C] for
classes, ``prediction`` float32 [N] for regression. The labels stand as JSON in
the metadata ``classes``. What follows the raw scores is computed in float64 and
rounded once, so a row's result does not depend on the rows beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from backends.training.problem import Array
from compiler.features.onnx_graph import IR_VERSION, ML, ML_OPSET, OPSET

INPUT = "features"
PROBABILITIES = "probabilities"
PREDICTION = "prediction"


class Builder:
    """Collects nodes and constants of a graph; names count upwards, so bytes repeat."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, value: Array) -> str:
        """A constant's name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """A node of one output; its output's name."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        node = helper.make_node(kind, list(inputs), [name], name, domain=domain, **attributes)
        self.nodes.append(node)
        return name

    def double(self, name: str) -> str:
        """The value as float64."""
        return self.add("Cast", name, to=TensorProto.DOUBLE)

    def rename(self, name: str, output: str) -> None:
        """Make a value the graph's output, rounded to float32."""
        self.nodes.append(
            helper.make_node("Cast", [name], [output], f"cast_{output}", to=TensorProto.FLOAT)
        )


def from_margins(builder: Builder, margins: str, classes: Sequence[Any], width: int) -> ModelProto:
    """Finish with raw scores [N, 1] or [N, C]: logistic or softmax, or the value itself."""
    scores = builder.double(margins)
    if not classes:
        flat = builder.add("Reshape", scores, builder.constant(np.array([-1], np.int64)))
        return _finish(builder, flat, classes, width)
    if len(classes) == 2:
        # Two logistics instead of 1 - p keep small probabilities exact on both sides.
        both = builder.add("Concat", builder.add("Neg", scores), scores, axis=1)
        return _finish(builder, builder.add("Sigmoid", both), classes, width)
    return _finish(builder, builder.add("Softmax", scores, axis=1), classes, width)


def from_shares(builder: Builder, shares: str, classes: Sequence[Any], width: int) -> ModelProto:
    """Finish with probabilities: the positive class's [N, 1], or all [N, C]."""
    values = builder.double(shares)
    if len(classes) == 2:
        one = builder.constant(np.array(1.0))
        values = builder.add("Concat", builder.add("Sub", one, values), values, axis=1)
    return _finish(builder, values, classes, width)


def _finish(builder: Builder, value: str, classes: Sequence[Any], width: int) -> ModelProto:
    output = PROBABILITIES if classes else PREDICTION
    builder.rename(value, output)
    shape: list[str | int | None] = ["N", len(classes)] if classes else ["N"]
    graph = helper.make_graph(
        builder.nodes,
        "estimator",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        builder.constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="stackc")
    model.ir_version = IR_VERSION
    helper.set_model_props(model, {"classes": json.dumps(list(classes), ensure_ascii=False)})
    return model
