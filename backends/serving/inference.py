"""The Open Inference Protocol, version 2: a tensor per column, in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.models.package import PREDICTION, PROBABILITY
from backends.serving.asked import answered, check_count, refusal
from backends.serving.deployed import Deployed
from backends.serving.model import ServedModel
from backends.serving.replies import Failure, Reply, dumps, loads
from backends.serving.rows import Problem, Refused
from compiler.graph.types import DataType

_LABELS: Mapping[type, str] = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}
_WHOLE = frozenset(sign + bits for sign in ("INT", "UINT") for bits in ("8", "16", "32", "64"))
_FRACTIONS = frozenset(("FP16", "FP32", "FP64"))
SERVER = {"name": "stackc", "version": "2", "extensions": []}
"""What ``GET /v2`` says."""


def datatype(kind: DataType) -> str:
    """The protocol's name of a column's type; dates and decimals are texts."""
    if kind == "bool":
        return "BOOL"
    if kind.is_integer:
        return kind.upper()
    return {"float32": "FP32", "float64": "FP64"}.get(kind, "BYTES")


def described(name: str, deployed: Deployed) -> dict[str, Any]:
    """What ``GET /v2/models/{name}`` says."""
    inputs = [
        {"name": column.name, "datatype": datatype(column.type), "shape": [-1]}
        for column in (*deployed.model.request, *deployed.model.beside)
    ]
    outputs = [
        {"name": output, "datatype": kind, "shape": [-1]}
        for output, kind in _outputs(deployed.model).items()
    ]
    return {
        "name": name,
        "versions": [str(deployed.revision)],
        "platform": "onnx_onnxruntime",
        "inputs": inputs,
        "outputs": outputs,
    }


def infer(name: str, deployed: Deployed, body: bytes) -> Reply:
    """Answer ``{"inputs": [tensor, ...]}``; raises Failure."""
    asked = loads(body)
    if not isinstance(asked, dict) or not isinstance(asked.get("inputs"), list):
        raise Failure(422, 'the body must be {"inputs": [{"name", "shape", "datatype", "data"}]}')
    wanted = _wanted(asked.get("outputs"), deployed.model)
    columns = _columns(asked["inputs"], deployed.model)
    count = len(next(iter(columns.values()), ()))
    check_count(count, deployed)
    try:
        found = answered(deployed, deployed.model.reader.columns(columns, count))
    except Refused as refused:
        raise refusal(refused) from None
    said: dict[str, Any] = {"model_name": name, "model_version": str(deployed.revision)}
    if isinstance(asked.get("id"), str):
        said["id"] = asked["id"]
    said["outputs"] = [
        {
            "name": output,
            "datatype": kind,
            "shape": [count],
            "data": [answer[output] for answer in found],
        }
        for output, kind in wanted.items()
    ]
    return Reply(200, dumps(said), rows=count)


def _outputs(model: ServedModel) -> dict[str, str]:
    if not model.classes:
        return {PREDICTION: "FP32"}
    return {PREDICTION: _LABELS[type(model.classes[0])], PROBABILITY: "FP32"}


def _wanted(asked: Any, model: ServedModel) -> dict[str, str]:
    """The outputs asked for; all where none is named."""
    held = _outputs(model)
    if not asked:
        return held
    if not isinstance(asked, list):
        raise Failure(422, "`outputs` must be a list")
    wanted: dict[str, str] = {}
    for part in asked:
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str) or name not in held:
            raise Failure(422, f"the model's outputs are {', '.join(held)}")
        wanted[name] = held[name]
    return wanted


def _columns(inputs: list[Any], model: ServedModel) -> dict[str, list[Any]]:
    types = {column.name: column.type for column in (*model.request, *model.beside)}
    columns: dict[str, list[Any]] = {}
    for tensor in inputs:
        name = tensor.get("name") if isinstance(tensor, dict) else None
        if not isinstance(name, str) or name in columns:
            raise Failure(422, "every input must be an object with a name of its own")
        columns[name] = _data(tensor, name, types.get(name))
    sizes = {len(values) for values in columns.values()}
    if len(sizes) > 1:
        raise Failure(422, "the inputs have different numbers of rows")
    return columns


def _data(tensor: dict[str, Any], name: str, kind: DataType | None) -> list[Any]:
    """A tensor's values, one a row."""
    data, shape = tensor.get("data"), tensor.get("shape")
    if not isinstance(data, list):
        raise _bad(name, "`data` must be a list")
    if data and isinstance(data[0], list):
        if not all(isinstance(row, list) and len(row) == 1 for row in data):
            raise _bad(name, "each row must have one value")
        data = [row[0] for row in data]
    if shape not in ([len(data)], [len(data), 1]):
        raise _bad(name, f"`shape` must be [{len(data)}] or [{len(data)}, 1] for this data")
    given = tensor.get("datatype")
    if kind is not None and not (isinstance(given, str) and given in _taken(kind)):
        raise _bad(name, f"`datatype` must be {datatype(kind)}")
    return data


def _taken(kind: DataType) -> frozenset[str]:
    """The datatypes that a column may come in; each value is held against the column after."""
    if kind.is_integer:
        return _WHOLE
    own = frozenset((datatype(kind),))
    return own | _WHOLE | _FRACTIONS if kind.is_float or kind.is_decimal else own


def _bad(name: str, message: str) -> Failure:
    return Failure(422, "an input cannot be read", [Problem(None, name[:100], message)])
