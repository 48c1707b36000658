"""graph.json: the graph as plain data, canonical and versioned."""

from __future__ import annotations

from typing import Any

from compiler.graph.digest import canonical, plain
from compiler.graph.node import SCHEMA, Graph, Node
from compiler.graph.types import ValueType


def to_json(graph: Graph) -> dict[str, Any]:
    """The graph as JSON data; equal graphs give equal data."""
    return {
        "schema": SCHEMA,
        "name": graph.name,
        "digest": graph.digest,
        "nodes": [_node(node, graph.keys[node.address]) for node in graph.nodes],
        "aliases": dict(sorted(graph.aliases)),
    }


def to_bytes(graph: Graph) -> bytes:
    """``graph.json`` as it is written: the canonical form, and a last newline."""
    return canonical(to_json(graph)) + b"\n"


def _node(node: Node, key: str) -> dict[str, Any]:
    operation = node.operation
    return {
        "address": node.address,
        "key": key,
        "kind": operation.kind,
        "capability": operation.capability,
        "category": operation.category,
        "operation": {"name": type(operation).__name__, **plain(operation)},
        "inputs": {name: {"node": ref.node, "output": ref.output} for name, ref in node.inputs},
        "outputs": {name: type_json(value) for name, value in node.outputs},
        "origin": list(node.origin),
    }


def type_json(value: ValueType) -> dict[str, Any]:
    """A type as JSON data, its name under ``type``."""
    return {"type": type(value).__name__, **plain(value)}
