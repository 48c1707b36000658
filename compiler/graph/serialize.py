"""graph.json: the graph as plain data, canonical and versioned."""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec import Raw, json
from msgspec.structs import asdict

from compiler.graph.digest import canonical, plain
from compiler.graph.lineage import Lineage, Origin
from compiler.graph.node import SCHEMA, Graph, Node
from compiler.graph.operations import Operation
from compiler.graph.types import ValueType

_encoder = json.Encoder(order="sorted")


def to_json(graph: Graph) -> dict[str, Any]:
    """The graph as JSON data; equal graphs give equal data."""
    data: dict[str, Any] = plain(_document(graph))
    return data


def to_bytes(graph: Graph) -> bytes:
    """``graph.json`` as it is written: the canonical form, and a last newline.

    The nodes are put in by hand, because most of them hand on a type that was
    written before.
    """
    types: dict[int, bytes] = {}
    nodes = b",".join([_node_bytes(node, graph.keys[node.address], types) for node in graph.nodes])
    empty = canonical({**_head(graph), "nodes": []})
    return empty.replace(b'"nodes":[]', b'"nodes":[' + nodes + b"]", 1) + b"\n"


def _document(graph: Graph) -> dict[str, Any]:
    """The document with operations and types as they are; the encoder spells them out."""
    nodes = [
        _node(node, graph.keys[node.address], _operation(node.operation), _outputs(node))
        for node in graph.nodes
    ]
    return {**_head(graph), "nodes": nodes}


def _head(graph: Graph) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "name": graph.name,
        "digest": graph.digest,
        "aliases": dict(graph.aliases),
    }


def _node_bytes(node: Node, key: str, types: dict[int, bytes]) -> bytes:
    """A node in canonical form, each type encoded once; types live as long as their graph."""
    operation = Raw(canonical(_operation(node.operation)))
    outputs = []
    for name, value in sorted(node.outputs):
        if id(value) not in types:
            types[id(value)] = canonical(_type(value))
        outputs.append(_name(name) + types[id(value)])
    try:
        # Of the rest, texts and whole numbers, both encoders make the same; this one at once.
        return _encoder.encode(_node(node, key, operation, Raw(b"{%s}" % b",".join(outputs))))
    except UnicodeEncodeError:
        return canonical(_node(node, key, _operation(node.operation), _outputs(node)))


@cache
def _name(name: str) -> bytes:
    """An output's name as a key: they are few."""
    return canonical(name) + b":"


def _node(node: Node, key: str, operation: Any, outputs: Any) -> dict[str, Any]:
    kind = node.operation
    return {
        "address": node.address,
        "key": key,
        "kind": kind.kind,
        "capability": kind.capability,
        "category": kind.category,
        "operation": operation,
        "inputs": {name: {"node": ref.node, "output": ref.output} for name, ref in node.inputs},
        "outputs": outputs,
        "origin": node.origin,
        **({} if node.lineage is None else {"lineage": _lineage(node.lineage)}),
    }


def _operation(operation: Operation) -> dict[str, Any]:
    return {"type": type(operation).__name__, **asdict(operation)}


def _outputs(node: Node) -> dict[str, Any]:
    return {name: _type(value) for name, value in node.outputs}


def _lineage(lineage: Lineage) -> dict[str, Any]:
    columns = {found.column: [_origin(o) for o in found.origins] for found in lineage.columns}
    return {"columns": columns, "rows": [_origin(o) for o in lineage.rows], "known": lineage.known}


def _origin(origin: Origin) -> dict[str, Any]:
    found = {"input": origin.input, "column": origin.column, "flow": origin.flow}
    return {**found, "treatments": origin.treatments} if origin.treatments else found


def type_json(value: ValueType) -> dict[str, Any]:
    """A type as JSON data, its name under ``type``."""
    data: dict[str, Any] = plain(_type(value))
    return data


def _type(value: ValueType) -> dict[str, Any]:
    return {"type": type(value).__name__, **asdict(value)}
