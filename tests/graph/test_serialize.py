"""graph.json is the canonical form of its document, though it is put together by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from compiler.graph.digest import canonical
from compiler.graph.lineage import Derivation, Lineage, Origin
from compiler.graph.node import SCHEMA, Graph, Node, Ref
from compiler.graph.operations import ReadFiles, Rule, Validate
from compiler.graph.serialize import to_bytes
from compiler.graph.types import Column, DataType, TableType
from compiler.pipeline import compile_spec
from tests.house.cli import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*/stack.yaml"))


def document(graph: Graph) -> bytes:
    """The canonical bytes of the whole document at once."""
    nodes = [{**node_data(node), "key": graph.keys[node.address]} for node in graph.nodes]
    head = {"schema": SCHEMA, "name": graph.name, "digest": graph.digest}
    return canonical({**head, "aliases": dict(graph.aliases), "nodes": nodes}) + b"\n"


def node_data(node: Node) -> dict[str, Any]:
    kind, lineage = node.operation, node.lineage
    found = {
        "address": node.address,
        "kind": kind.kind,
        "capability": kind.capability,
        "category": kind.category,
        "operation": named(kind),
        "inputs": {name: {"node": ref.node, "output": ref.output} for name, ref in node.inputs},
        "outputs": {name: named(value) for name, value in node.outputs},
        "origin": node.origin,
    }
    if lineage is None:
        return found
    columns = {
        derived.column: list(map(origin_data, derived.origins)) for derived in lineage.columns
    }
    rows = list(map(origin_data, lineage.rows))
    return {**found, "lineage": {"columns": columns, "rows": rows, "known": lineage.known}}


def origin_data(origin: Origin) -> dict[str, Any]:
    found = {"input": origin.input, "column": origin.column, "flow": origin.flow}
    return {**found, "treatments": origin.treatments} if origin.treatments else found


def named(value: Any) -> dict[str, Any]:
    return {"type": type(value).__name__, **asdict(value)}


@pytest.mark.parametrize("spec", EXAMPLES, ids=lambda path: path.parent.name)
def test_what_is_written_is_the_canonical_document(spec: object) -> None:
    graph = compile_spec(spec).graph  # type: ignore[arg-type]
    written = to_bytes(graph)
    assert written == document(graph)
    lineages = [node for node in json.loads(written)["nodes"] if "lineage" in node]
    assert all({*node["lineage"]} == {"columns", "rows", "known"} for node in lineages)


@given(st.lists(st.text(), min_size=1, max_size=4, unique=True))
def test_any_text_is_written_canonically(names: list[str]) -> None:
    """Names of columns are anything, and half a character is a text too."""
    graph = judged([*names, "\ud83d"], 0.25)
    assert to_bytes(graph) == document(graph)
    plain = Graph(tuple(replace(node, lineage=None) for node in graph.nodes))
    assert to_bytes(plain) == document(plain)


@given(st.floats() | st.integers())
def test_any_number_is_written(number: float) -> None:
    """Also those that JSON has no words for, and those of many digits."""
    written = json.loads(to_bytes(judged(["a"], number)))["nodes"][-1]["operation"]["rules"][0]
    found = dict(written["arguments"])["low"]
    if math.isfinite(number):
        assert (type(found), found) == (type(number), number)
    else:
        assert found == {"float": repr(number)}


def judged(names: list[str], low: float) -> Graph:
    """A source of these columns and a rule on the first."""
    table = TableType(tuple(Column(name, DataType("int64")) for name in names))
    lineage = Lineage(tuple(Derivation(name, (Origin("table", name),)) for name in names))
    read = Node("sources.s/ingest", ReadFiles("s.csv", "csv", table.columns), (), (("t", table),))
    rule = Rule(names[0], "between", (names[0],), (("low", low),), 0.5)
    inputs = (("table", Ref(read.address, "t")),)
    outputs = tuple((name, table) for name in names)
    origin = ("datasets", *names)
    node = Node("datasets.d/validate", Validate((rule,)), inputs, outputs, origin, lineage)
    return Graph((read, node))
