"""Features to ONNX models: the expressions alone, and the fitted matrix."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import onnx
from msgspec import to_builtins

from compiler.features.emit import emitting
from compiler.features.emit_core import Emit, Value, element
from compiler.features.onnx_graph import BOOL, FLOAT, Graph, model, value_info
from compiler.features.preparation import (
    NULL_SUFFIX,
    FeatureStatistics,
    refuse_clashes,
    refuse_misfits,
    typed_features,
)
from compiler.features.preprocess import Prepared, matrix
from compiler.graph.operations import FeatureSpec
from compiler.graph.types import Column

MATRIX = "features"
"""The output of the matrix, unless a raw column has that name: read outputs by position."""
REQUEST, FEATURES, STATISTICS = "stackc.request", "stackc.features", "stackc.statistics"
"""Keys of a model's metadata, all JSON."""


def request_json(request: Iterable[Column]) -> str:
    """Columns as the metadata keeps them."""
    columns = [{"name": c.name, "type": str(c.type), "nullable": c.nullable} for c in request]
    return json.dumps(columns, ensure_ascii=False)


def _begin(request: Sequence[Column]) -> tuple[Graph, Emit]:
    """A graph whose inputs are the request's columns, in order."""
    refuse_clashes(request)
    names = [name for c in request for name in (c.name, c.name + NULL_SUFFIX)]
    graph = Graph(reserved=frozenset(names))
    for column in request:
        graph.input(column.name, element(column.type))
        if column.nullable:
            graph.input(column.name + NULL_SUFFIX, BOOL)
    return graph, emitting(graph)


def _values(emit: Emit, features: Sequence[FeatureSpec], request: Sequence[Column]) -> list[Value]:
    return [emit(typed.bound) for typed in typed_features(features, request)]


def used_columns(features: Sequence[FeatureSpec], request: Sequence[Column]) -> tuple[Column, ...]:
    """The columns of the request that the features use, in the request's order."""
    used = {name for typed in typed_features(features, request) for name in typed.columns}
    return tuple(column for column in request if column.name in used)


def expressions_model(
    features: Sequence[FeatureSpec], request: Sequence[Column]
) -> onnx.ModelProto:
    """The features' values before any fitting.

    Two outputs ``[N]`` for each feature, in order: its value (bool, int64,
    double or string; anything where null) and a bool that is true where it is
    null.
    """
    graph, emit = _begin(request)
    outputs = []
    for place, value in enumerate(_values(emit, features, request)):
        parts = (("value", value.tensor), ("null", value.null or emit.false))
        for label, tensor in parts:
            name = f"{graph.prefix()}{label}{place}"
            graph.output(graph.stretched(tensor), name)
            outputs.append(value_info(name, tensor.element, ["N"]))
    return model(graph, outputs, {REQUEST: request_json(request)})


def features_model(
    features: Sequence[FeatureSpec],
    request: Sequence[Column],
    statistics: Sequence[FeatureStatistics],
) -> onnx.ModelProto:
    """Raw columns to the matrix of the fitted features: one output, float32 ``[N, F]``.

    Inputs: for each column of the request its values ``[N]`` (bool, int64,
    double or string) and, where it is nullable, ``<name>.null``, true where it
    is null.
    """
    refuse_misfits(features, request)
    graph, emit = _begin(request)
    learnt = {one.name: one for one in statistics}
    prepared = [
        Prepared(spec, learnt[spec.name], value)
        for spec, value in zip(features, _values(emit, features, request), strict=True)
    ]
    name = MATRIX if MATRIX not in graph.reserved else graph.prefix() + MATRIX
    graph.output(matrix(emit, prepared), name)
    width = sum(one.width for one in prepared)
    metadata = {
        REQUEST: request_json(request),
        FEATURES: json.dumps(
            [
                {"name": one.spec.name, "columns": one.labels(), "encode": one.spec.encode}
                for one in prepared
            ],
            ensure_ascii=False,
        ),
        STATISTICS: json.dumps(
            [to_builtins(learnt[spec.name]) for spec in features], ensure_ascii=False
        ),
    }
    return model(graph, [value_info(name, FLOAT, ["N", width])], metadata)
