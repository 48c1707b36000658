"""Typed unknowns: what only a run can tell of a node, and what type it will have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from compiler.graph.node import Node
from compiler.graph.operations import (
    Clean,
    CompareProfiles,
    Deploy,
    Evaluate,
    FitFeatures,
    JudgeGates,
    Labels,
    Measure,
    Operation,
    Publish,
    Quarantine,
    Query,
    ReadDatabase,
    ReadFiles,
    Register,
    Score,
    Split,
    Tune,
    Validate,
)
from compiler.graph.types import TableType

_STATISTICS = {"mean", "median", "most_frequent"}


class Unknown(Struct, frozen=True):
    """A value that is known after the node has run.

    ``output`` is where it will stand, ``name`` what it is, ``type`` an Arrow
    type or a list of one.
    """

    output: str
    name: str
    type: str


def unknowns(node: Node) -> tuple[Unknown, ...]:
    """What is not known of a node before it has run, in the order of its outputs."""
    found = _BY_OPERATION.get(type(node.operation))
    return tuple(found(node)) if found is not None else ()


def _rows(node: Node) -> Iterator[Unknown]:
    for name, value in node.outputs:
        if isinstance(value, TableType):
            yield Unknown(name, "row count", "int64")


def _fitted(node: Node) -> Iterator[Unknown]:
    operation = node.operation
    assert isinstance(operation, FitFeatures)
    for spec in operation.features:
        if spec.encode != "none":
            yield Unknown("features", f"categories of {spec.name}", "list<string>")
        elif spec.impute in _STATISTICS:
            yield Unknown("features", f"{spec.impute} of {spec.name}", "float64")
        if spec.scale != "none":
            yield Unknown("features", f"scale of {spec.name}", "float64")


def _searched(node: Node) -> Iterator[Unknown]:
    operation = node.operation
    assert isinstance(operation, Tune)
    for dimension in operation.space:
        if dimension.choices:
            kinds = {type(choice).__name__ for choice in dimension.choices}
            type_ = {"int": "int64", "float": "float64", "bool": "bool"}.get(
                "".join(kinds), "string"
            )
        else:
            type_ = "int64" if dimension.whole else "float64"
        yield Unknown("tuning", f"best {dimension.name}", type_)


def _measured(node: Node) -> Iterator[Unknown]:
    operation = node.operation
    assert isinstance(operation, Evaluate)
    for metric in operation.measured:
        yield Unknown("metrics", metric, "float64")


def _one(output: str, name: str, type: str) -> Callable[[Node], Iterator[Unknown]]:
    def found(_node: Node) -> Iterator[Unknown]:
        yield Unknown(output, name, type)

    return found


_BY_OPERATION: Mapping[type[Operation], Callable[[Node], Iterator[Unknown]]] = {
    ReadFiles: _rows,
    ReadDatabase: _rows,
    Query: _rows,
    Clean: _rows,
    Quarantine: _rows,
    Split: _rows,
    Score: _rows,
    Labels: _rows,
    Validate: _one("verdict", "rows that break rules", "int64"),
    Publish: _one("version", "version", "int64"),
    FitFeatures: _fitted,
    Tune: _searched,
    Evaluate: _measured,
    JudgeGates: _one("gates", "whether the gates hold", "bool"),
    Register: _one("registration", "version", "int64"),
    Deploy: _one("endpoint", "address", "string"),
    CompareProfiles: _one("drift", "whether it drifts", "bool"),
    Measure: _one("performance", "whether it drops", "bool"),
}
