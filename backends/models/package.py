"""The task that joins features and estimator to one model: raw columns in, predictions out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper, version_converter

from backends.models.sessions import load_model, request_of, session
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.features.models import FEATURES, REQUEST, STATISTICS
from compiler.features.onnx_graph import IR_VERSION, ML, ML_OPSET, OPSET, to_bytes
from compiler.graph.operations import Package
from compiler.graph.types import Column, DataType, Task

RESPONSE, TASK, CLASSES = "stackc.response", "stackc.task", "stackc.classes"
"""Further keys of a packaged model's metadata, all JSON."""
PREDICTION, PROBABILITY, PROBABILITIES = "prediction", "probability", "probabilities"
"""Outputs: the answer, how probable it is, and (classes only) all probabilities ``[N, C]``."""
_ELEMENTS: dict[type, tuple[int, str, Any]] = {
    bool: (TensorProto.BOOL, "bool", np.bool_),
    int: (TensorProto.INT64, "int64", np.int64),
    float: (TensorProto.DOUBLE, "float64", np.float64),
    str: (TensorProto.STRING, "string", np.object_),
}


def run(operation: Package, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Join the graphs and write the model, opened once to be sure that it runs.

    Raises StackcError: E715 where a graph cannot be joined, E314 where a raw
    column has the name of an output.
    """
    features = load_model(inputs["features"].path)
    estimator = load_model(inputs["estimator"].path)
    model = package(features, estimator, operation.task, operation.target)
    path = context.workdir / "model.onnx"
    path.write_bytes(to_bytes(model))
    request = request_of(session(Path(path)))
    summary = {"columns": len(request), "nodes": len(model.graph.node)}
    return Outcome({"model": path}, {**summary, "bytes": path.stat().st_size})


def package(
    features: onnx.ModelProto, estimator: onnx.ModelProto, task: Task, target: Column
) -> onnx.ModelProto:
    """One model of the two.

    Inputs are those of ``features``. Outputs, for classes: ``prediction`` (a
    label, of the target's type), ``probability`` float32 ``[N]`` (of the
    second class where there are two, else of the predicted one) and
    ``probabilities`` float32 ``[N, C]``; two classes are told apart at 0.5.
    For a regression: ``prediction`` float32 ``[N]``.
    """
    taken = {value.name for value in features.graph.input}
    clash = sorted(taken & {PREDICTION, PROBABILITY, PROBABILITIES})
    if clash:
        message = f"the raw column `{clash[0]}` has the name of an output of the model"
        way_out = "rename it in the dataset's SQL"
        raise fail(Code.REQUEST_COLUMNS, message, help=way_out)
    prefix = _prefix(taken)
    body = _adapted(estimator, prefix)
    joint = {body.graph.input[0].name: features.graph.output[0].name}
    joined = _Joined(features, body, joint, prefix)
    classes = [] if task is Task.REGRESSION else _classes(estimator)
    if task is Task.REGRESSION:
        response = joined.regression()
    else:
        response = joined.classification(classes, target)
    return _finished(joined, features, task, classes, response)


def _prefix(taken: Iterable[str]) -> str:
    """What no raw column begins with; names of the features graph go on with digits."""
    found = "_"
    while any(name.startswith(found) for name in taken):
        found += "_"
    return found + "estimator_"


def _bad(reason: str) -> StackcError:
    message = f"features and estimator cannot be joined: {reason}"
    return fail(Code.MODEL_UNREADABLE, message, help="run `stackc apply` again to make them anew")


def _adapted(estimator: onnx.ModelProto, prefix: str) -> onnx.ModelProto:
    """The estimator with our operator set, and names that are nobody else's."""
    if len(estimator.graph.input) != 1:
        raise _bad(f"the estimator has {len(estimator.graph.input)} inputs instead of one")
    versions = {opset.domain: opset.version for opset in estimator.opset_import}
    if versions.get(ML, 1) > ML_OPSET or versions.get("", 1) > OPSET:
        raise _bad(f"the estimator needs newer operators than {OPSET} and {ML} {ML_OPSET}")
    if versions.get("", OPSET) != OPSET:
        estimator = version_converter.convert_version(estimator, OPSET)
    return compose.add_prefix(estimator, prefix)


def _classes(estimator: onnx.ModelProto) -> list[Any]:
    properties = {entry.key: entry.value for entry in estimator.metadata_props}
    try:
        classes = json.loads(properties["classes"])
    except (KeyError, ValueError):
        raise _bad("the estimator does not name its classes") from None
    kinds = {type(label) for label in classes} if isinstance(classes, list) else set()
    if len(kinds) != 1 or not kinds <= set(_ELEMENTS) or len(classes) < 2:
        raise _bad(f"the estimator's classes are {str(classes)[:80]}")
    return list(classes)


class _Joined:
    """The joined graph while its outputs are made."""

    def __init__(
        self,
        features: onnx.ModelProto,
        body: onnx.ModelProto,
        joint: Mapping[str, str],
        prefix: str,
    ) -> None:
        self.prefix = prefix
        self.inputs = list(features.graph.input)
        self.nodes = [*features.graph.node, *body.graph.node]
        for node in body.graph.node:
            for place, name in enumerate(node.input):
                node.input[place] = joint.get(name, name)
        self.constants = [*features.graph.initializer, *body.graph.initializer]
        self.sparse = list(body.graph.sparse_initializer)
        self.made = {value.name.removeprefix(prefix) for value in body.graph.output}
        self.outputs: list[onnx.ValueInfoProto] = []

    def node(self, op: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node; its output's name."""
        name = output or f"{self.prefix}{len(self.nodes)}_"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def constant(self, value: Any, element: int, shape: Sequence[int]) -> str:
        """Add a constant; its name."""
        name = f"{self.prefix}constant{len(self.constants)}_"
        if element == TensorProto.STRING:
            texts: Any = [text.encode("utf-8") for text in value]
            tensor = helper.make_tensor(name, element, shape, texts)
        else:
            kind = helper.tensor_dtype_to_np_dtype(element)
            tensor = numpy_helper.from_array(np.array(value, dtype=kind).reshape(shape), name)
        self.constants.append(tensor)
        return name

    def output(self, name: str, element: int, shape: Sequence[str | int]) -> None:
        """Make a value an output."""
        self.outputs.append(helper.make_tensor_value_info(name, element, list(shape)))

    def from_estimator(self, name: str) -> str:
        """The tensor of one of the estimator's outputs."""
        if name not in self.made:
            raise _bad(f"the estimator has no output `{name}`")
        return self.prefix + name

    def regression(self) -> list[Column]:
        """``prediction``."""
        flat = self.constant([-1], TensorProto.INT64, [1])
        self.node("Reshape", self.from_estimator(PREDICTION), flat, output=PREDICTION)
        self.output(PREDICTION, TensorProto.FLOAT, ["N"])
        return [Column(PREDICTION, DataType("float32"), False)]

    def classification(self, classes: list[Any], target: Column) -> list[Column]:
        """``prediction``, ``probability``, ``probabilities``."""
        raw = self.from_estimator(PROBABILITIES)
        self.node("Identity", raw, output=PROBABILITIES)
        element, name, _ = _ELEMENTS[type(classes[0])]
        if len(classes) == 2:
            self.binary(classes, element)
        else:
            self.multiclass(classes, element)
        self.output(PREDICTION, element, ["N"])
        self.output(PROBABILITY, TensorProto.FLOAT, ["N"])
        self.output(PROBABILITIES, TensorProto.FLOAT, ["N", len(classes)])
        kind = target.type if target.type in ("bool", "string") else DataType(name)
        return [
            Column(PREDICTION, kind, False),
            Column(PROBABILITY, DataType("float32"), False),
        ]

    def binary(self, classes: list[Any], element: int) -> None:
        """The second label where its probability is at least one half."""
        second = self.constant(1, TensorProto.INT64, [])
        self.node("Gather", PROBABILITIES, second, output=PROBABILITY, axis=1)
        half = self.constant(0.5, TensorProto.FLOAT, [])
        if classes == [False, True] and isinstance(classes[1], bool):
            self.node("GreaterOrEqual", PROBABILITY, half, output=PREDICTION)
            return
        holds = self.node("GreaterOrEqual", PROBABILITY, half)
        index = self.node("Cast", holds, to=TensorProto.INT64)
        labels = self.constant(classes, element, [2])
        self.node("Gather", labels, index, output=PREDICTION)

    def multiclass(self, classes: list[Any], element: int) -> None:
        """The label of the greatest probability."""
        index = self.node("ArgMax", PROBABILITIES, axis=1, keepdims=0)
        labels = self.constant(classes, element, [len(classes)])
        self.node("Gather", labels, index, output=PREDICTION)
        self.node("ReduceMax", PROBABILITIES, self.axis(), output=PROBABILITY, keepdims=0)

    def axis(self) -> str:
        """The constant ``[1]``."""
        return self.constant([1], TensorProto.INT64, [1])


def _finished(
    joined: _Joined,
    features: onnx.ModelProto,
    task: Task,
    classes: list[Any],
    response: list[Column],
) -> onnx.ModelProto:
    used = {value for node in joined.nodes for value in node.input}
    graph = helper.make_graph(
        joined.nodes,
        "stackc",
        joined.inputs,
        joined.outputs,
        # Converters leave constants behind, and onnxruntime warns of each on every load.
        [constant for constant in joined.constants if constant.name in used],
        sparse_initializer=joined.sparse,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
    model = helper.make_model(
        graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="stackc"
    )
    kept = {entry.key: entry.value for entry in features.metadata_props}
    columns = [{"name": c.name, "type": str(c.type), "nullable": c.nullable} for c in response]
    metadata = {key: kept[key] for key in (REQUEST, FEATURES, STATISTICS) if key in kept}
    metadata |= {
        RESPONSE: json.dumps(columns, ensure_ascii=False),
        TASK: json.dumps(task.value),
        CLASSES: json.dumps(classes, ensure_ascii=False),
    }
    helper.set_model_props(model, dict(sorted(metadata.items())))
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise _bad(str(error).splitlines()[0]) from None
    return model
