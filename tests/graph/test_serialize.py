"""graph.json is the canonical form of its document, though it is put together by hand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from compiler.graph.digest import canonical
from compiler.graph.lineage import Derivation, Lineage, Origin
from compiler.graph.node import Graph, Node, Ref
from compiler.graph.operations import ReadFiles, Rule, Validate
from compiler.graph.serialize import to_bytes, to_json
from compiler.graph.types import Column, DataType, TableType
from compiler.pipeline import compile_spec
from tests.house.cli import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*/stack.yaml"))


@pytest.mark.parametrize("spec", EXAMPLES, ids=lambda path: path.parent.name)
def test_what_is_written_is_the_canonical_document(spec: object) -> None:
    graph = compile_spec(spec).graph  # type: ignore[arg-type]
    written = to_bytes(graph)
    assert written == canonical(to_json(graph)) + b"\n"
    lineages = [node for node in json.loads(written)["nodes"] if "lineage" in node]
    assert all({*node["lineage"]} == {"columns", "rows", "known"} for node in lineages)


@given(st.lists(st.text(), min_size=1, max_size=4, unique=True))
def test_any_text_is_written_canonically(names: list[str]) -> None:
    """Names of columns are anything, and half a character is a text too."""
    names = [*names, "\ud83d"]
    table = TableType(tuple(Column(name, DataType("int64")) for name in names))
    lineage = Lineage(tuple(Derivation(name, (Origin("table", name),)) for name in names))
    read = Node("sources.s/ingest", ReadFiles("s.csv", "csv", table.columns), (), (("t", table),))
    rule = Rule(names[0], "between", (names[0],), (("low", 1e-7),), 1e-5)
    node = Node(
        "datasets.d/validate",
        Validate((rule,)),
        (("table", Ref(read.address, "t")),),
        tuple((name, table) for name in names),
        ("datasets", *names),
        lineage,
    )
    for nodes in ((read, node), (read, replace(node, lineage=None))):
        graph = Graph(nodes)
        assert to_bytes(graph) == canonical(to_json(graph)) + b"\n"
