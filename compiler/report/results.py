"""What a stack's nodes have found, gathered from the documents that they made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec import Struct, field

from compiler.graph.documents import (
    Drift,
    Endpoint,
    Gates,
    Metrics,
    Performance,
    Registration,
    Training,
    Tuning,
    Verdict,
    Version,
)
from compiler.graph.node import Graph, Node
from compiler.graph.operations import Evaluate
from compiler.graph.types import DocumentType, EndpointType, TableType, ValueType

ReadDocument: TypeAlias = Callable[[str, str], Any]
"""Reads a node's document by address and output; None where it has not been made."""


class Results(Struct, frozen=True):
    """The documents of a stack by their block's address (``models.late``).

    ``private`` names the tagged columns that a model's rows are told apart by:
    no message repeats their values, reports may.
    """

    metrics: dict[str, Metrics] = field(default_factory=dict)
    gates: dict[str, Gates] = field(default_factory=dict)
    registration: dict[str, Registration] = field(default_factory=dict)
    training: dict[str, Training] = field(default_factory=dict)
    tuning: dict[str, Tuning] = field(default_factory=dict)
    drift: dict[str, Drift] = field(default_factory=dict)
    performance: dict[str, Performance] = field(default_factory=dict)
    version: dict[str, Version] = field(default_factory=dict)
    verdict: dict[str, Verdict] = field(default_factory=dict)
    endpoint: dict[str, Endpoint] = field(default_factory=dict)
    private: dict[str, frozenset[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Everything, by kind and block; curves are left to the report."""
        return {
            "models": {block: self._model(block) for block in self._models()},
            "tables": {
                block: {"version": self.version.get(block), "verdict": self.verdict.get(block)}
                for block in sorted({*self.version, *self.verdict})
            },
            "monitors": {block: self._monitor(block) for block in self.drift},
            "deployments": self.endpoint,
        }

    def _monitor(self, block: str) -> dict[str, Any]:
        performance = self.performance.get(block)
        told = {} if performance is None else {"performance": performance}
        return {**without_bins(self.drift[block]), **told}

    def _models(self) -> list[str]:
        return sorted({*self.metrics, *self.gates, *self.registration, *self.training})

    def _model(self, block: str) -> dict[str, Any]:
        metrics = self.metrics.get(block)
        return {
            "metrics": metrics["metrics"] if metrics else None,
            "rows": metrics["rows"] if metrics else None,
            "slices": metrics["slices"] if metrics else [],
            "fairness": metrics.get("fairness") if metrics else None,
            "gates": self.gates.get(block),
            "registration": self.registration.get(block),
        }


def collect(graph: Graph, read: ReadDocument) -> Results:
    """Gather what is there; what was never made is left out.

    Args:
        graph: The stack.
        read: Reads one document, or gives None.
    """
    results = Results()
    for address, node in graph.by_address.items():
        if isinstance(node.operation, Evaluate):
            results.private[address.split("/", 1)[0]] = _private(graph, node)
        for name, value_type in node.outputs:
            kind = _shown(value_type)
            document = read(node.address, name) if kind else None
            if kind and document is not None:
                block = address.split("/", 1)[0]
                getattr(results, kind)[block] = document
    return results


def _private(graph: Graph, node: Node) -> frozenset[str]:
    table = dict(node.inputs)["table"]
    found = graph.by_address[table.node].output(table.output)
    assert isinstance(found, TableType)
    return frozenset(column.name for column in found.columns if column.is_private)


def _shown(value_type: ValueType) -> str | None:
    """Where a document of that type is kept; None for what only machines read."""
    if isinstance(value_type, EndpointType):
        return "endpoint"
    kind = value_type.kind if isinstance(value_type, DocumentType) else None
    return kind if kind in Results.__struct_fields__ else None


def without_bins(drift: Drift) -> dict[str, Any]:
    """A drift document without what only its plots need."""

    def column(found: Any) -> dict[str, Any]:
        return {k: v for k, v in found.items() if k not in ("bins", "reference", "current")}

    windows = [
        {**window, "columns": [column(found) for found in window["columns"]]}
        for window in drift["windows"]
    ]
    return {**drift, "windows": windows}
