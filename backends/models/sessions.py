"""ONNX models opened safely: whole in themselves, standard operators only."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import onnxruntime as ort
from onnx.external_data_helper import uses_external_data

from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.features.models import REQUEST
from compiler.graph.types import Column, DataType

DOMAINS = frozenset(("", "ai.onnx", "ai.onnx.ml"))
"""Operator sets a model may use; anything else would load foreign code."""


def load_model(source: Path | bytes) -> onnx.ModelProto:
    """A model that is whole in itself and uses standard operators only; raises E715."""
    name = str(source) if isinstance(source, Path) else "the model"
    try:
        content = source.read_bytes() if isinstance(source, Path) else source
        model: onnx.ModelProto = onnx.ModelProto.FromString(content)
    except OSError as error:
        raise _unreadable(name, error.strerror or "cannot be read") from None
    except Exception:  # protobuf raises its own errors, by version
        raise _unreadable(name, "it is no ONNX file, or cut short") from None
    if not model.graph.node or not model.graph.output:
        raise _unreadable(name, "it is no ONNX file, or an empty one")
    _refuse_foreign(model, name)
    return model


def _unreadable(name: str, reason: str) -> StackcError:
    way_out = "run `stackc apply` again to make the model anew"
    return fail(Code.MODEL_UNREADABLE, f"{name} cannot be run: {reason}", help=way_out)


def _refuse_foreign(model: onnx.ModelProto, name: str) -> None:
    foreign = {opset.domain for opset in model.opset_import} - DOMAINS
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        tensors = [*graph.initializer]
        tensors += [part for s in graph.sparse_initializer for part in (s.values, s.indices)]
        for node in graph.node:
            foreign |= {node.domain} - DOMAINS
            for attribute in node.attribute:
                graphs += [*attribute.graphs, attribute.g]
                tensors += [*attribute.tensors, attribute.t]
                for sparse in (*attribute.sparse_tensors, attribute.sparse_tensor):
                    tensors += [sparse.values, sparse.indices]
        if any(uses_external_data(tensor) for tensor in tensors):
            raise _unreadable(name, "it keeps data in other files, which is not allowed")
    if model.functions:
        foreign |= {function.domain for function in model.functions} or {"functions"}
    if foreign:
        domains = ", ".join(sorted(foreign))
        raise _unreadable(name, f"it uses operators that are not ONNX's own: {domains}")


def session(source: Path | bytes | onnx.ModelProto, threads: int = 1) -> ort.InferenceSession:
    """A session on the CPU that gives equal results for equal rows; raises E715."""
    model = source if isinstance(source, onnx.ModelProto) else load_model(source)
    options = ort.SessionOptions()
    options.intra_op_num_threads = max(threads, 1)
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's errors share no base below Exception
        name = str(source) if isinstance(source, Path) else "the model"
        raise _unreadable(name, str(error).splitlines()[0][:200]) from None


def metadata(opened: ort.InferenceSession) -> dict[str, str]:
    """What stackc wrote into the model, all JSON."""
    return dict(opened.get_modelmeta().custom_metadata_map)


def request_of(opened: ort.InferenceSession) -> tuple[Column, ...]:
    """The raw columns that a features model or a packaged model takes; raises E715."""
    try:
        columns = json.loads(metadata(opened)[REQUEST])
        return tuple(Column(c["name"], DataType(c["type"]), c["nullable"]) for c in columns)
    except (KeyError, TypeError, ValueError):
        raise _unreadable("the model", "it does not say which columns it takes") from None
