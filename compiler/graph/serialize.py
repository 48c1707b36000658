"""graph.json: the graph as plain data, canonical and versioned.

Canonical is: equal graphs give equal bytes, keys are sorted, nothing stands
between values. Numbers that JSON has no words for are spelt as in the bytes that
keys are made of.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType, json, msgpack, to_builtins
from msgspec.structs import asdict

from compiler.diagnostics import Path
from compiler.graph.digest import canonical
from compiler.graph.lineage import Flow, Lineage, Origin, Treatment
from compiler.graph.node import SCHEMA, Graph, Node, Ref
from compiler.graph.operations import Operation
from compiler.graph.types import ValueType

_json = json.Encoder(order="sorted", enc_hook=str)
_packed = msgpack.Encoder(enc_hook=str)
_ENDLESS = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")
"""How NaN and infinities begin in MessagePack; in JSON they are ``null``, as other values."""


class _Origin(Struct, omit_defaults=True):
    """An origin as it is written."""

    column: str
    flow: Flow
    input: str
    treatments: tuple[Treatment, ...] = ()


class _Lineage(Struct):
    """A lineage as it is written: origins by column."""

    columns: dict[str, list[_Origin]]
    known: bool
    rows: list[_Origin]


class _Node(Struct):
    """A node as it is written; ``operation`` and ``outputs`` have the name of their type within."""

    address: str
    capability: str
    category: str
    inputs: dict[str, Ref]
    key: str
    kind: str
    operation: Any
    origin: Path
    outputs: Any
    lineage: _Lineage | UnsetType = UNSET


def to_bytes(graph: Graph) -> bytes:
    """``graph.json`` as it is written: the canonical form, and a last newline.

    The nodes are put in by hand, because most of them hand on a type that was
    written before.
    """
    types: dict[int, bytes] = {}
    head = {
        "schema": SCHEMA,
        "name": graph.name,
        "digest": graph.digest,
        "aliases": dict(graph.aliases),
    }
    before, _, after = canonical({**head, "nodes": []}).partition(b'"nodes":[]')
    nodes = b",".join([_node_bytes(node, graph.keys[node.address], types) for node in graph.nodes])
    return b'%s"nodes":[%s]%s\n' % (before, nodes, after)


def _node_bytes(node: Node, key: str, types: dict[int, bytes]) -> bytes:
    """A node in canonical form, each type encoded once; types live as long as their graph."""
    outputs = []
    for name, value in sorted(node.outputs):
        if id(value) not in types:
            types[id(value)] = _bytes(value)
        outputs.append(_name(name) + types[id(value)])
    parts = Raw(_bytes(node.operation)), Raw(b"{%s}" % b",".join(outputs))
    try:
        return _json.encode(_node(node, key, *parts))
    except UnicodeEncodeError:
        data: dict[str, Any] = to_builtins(_node(node, key, None, None))
        named = {name: _named(value) for name, value in node.outputs}
        return canonical({**data, "operation": _named(node.operation), "outputs": named})


def _bytes(value: Operation | ValueType) -> bytes:
    """Its name and its fields."""
    named = _named(value)
    try:
        written = _json.encode(named)
        endless = b"null" in written and _ENDLESS.search(_packed.encode(value))
    except (UnicodeEncodeError, OverflowError):  # half a character, a number of many digits
        return canonical(named)
    return canonical(named) if endless else written


@cache
def _name(name: str) -> bytes:
    """An output's name as a key: they are few."""
    return canonical(name) + b":"


def _node(node: Node, key: str, operation: Any, outputs: Any) -> _Node:
    kind = node.operation
    return _Node(
        node.address,
        kind.capability,
        kind.category,
        dict(node.inputs),
        key,
        kind.kind,
        operation,
        node.origin,
        outputs,
        UNSET if node.lineage is None else _lineage(node.lineage),
    )


def _named(value: Operation | ValueType) -> dict[str, Any]:
    """The fields, and the name of the type."""
    return {"type": type(value).__name__, **asdict(value)}


def _lineage(lineage: Lineage) -> _Lineage:
    columns = {found.column: [*map(_origin, found.origins)] for found in lineage.columns}
    return _Lineage(columns, lineage.known, [*map(_origin, lineage.rows)])


def _origin(origin: Origin) -> _Origin:
    return _Origin(origin.column, origin.flow, origin.input, origin.treatments)
