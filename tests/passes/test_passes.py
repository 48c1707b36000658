"""Passes: what is equal is shared, what nobody asked for goes, and nothing changes meaning."""

from __future__ import annotations

import pytest

from compiler.graph.node import Graph, Node, Ref, ordered
from compiler.graph.operations import Profile, Query, ReadFiles
from compiler.graph.types import Column, DataType, ProfileType, TableType
from compiler.graph.verify import verify
from compiler.passes.driver import run_passes
from compiler.passes.prune import prune
from compiler.passes.share import share

TABLE = TableType((Column("x", DataType("int64")),))


def read(name: str, path: str = "a.csv") -> Node:
    operation = ReadFiles(path, "csv", TABLE.columns)
    return Node(f"sources.{name}/ingest", operation, (), (("table", TABLE),))


def query(name: str, source: str) -> Node:
    inputs = (("t", Ref(f"sources.{source}/ingest", "table")),)
    return Node(f"datasets.{name}/query", Query("select * from t"), inputs, (("table", TABLE),))


def profile(name: str, of: str) -> Node:
    inputs = (("table", Ref(of, "table")),)
    outputs = (("profile", ProfileType(("x",))),)
    return Node(f"datasets.{name}/profile", Profile(("x",)), inputs, outputs)


def twins() -> Graph:
    """Two chains that do the same under two names."""
    nodes = [read("a"), read("b"), query("c", "a"), query("d", "b")]
    nodes += [profile("c", "datasets.c/query"), profile("d", "datasets.d/query")]
    return Graph(ordered(nodes))


def test_equal_chains_are_one_and_the_other_names_lead_to_it() -> None:
    shared = share(twins())
    assert len(shared) == 3
    assert shared.by_address["datasets.d/profile"].address == "datasets.c/profile"
    verify(shared)


def test_law_5_sharing_keeps_every_key() -> None:
    """Law 5: what an address stands for has the same key before and after."""
    graph = twins()
    shared = run_passes(graph)
    for address, key in graph.keys.items():
        assert shared.keys[shared.by_address[address].address] == key


def test_what_nobody_asked_for_is_pruned() -> None:
    nodes = [read("a"), read("b", "b.csv"), query("c", "a"), profile("c", "datasets.c/query")]
    pruned = prune(Graph(ordered(nodes)))
    assert [node.address for node in pruned] == [
        "sources.a/ingest",
        "datasets.c/query",
        "datasets.c/profile",
    ]


def test_passes_at_their_end_change_nothing_more() -> None:
    once = run_passes(twins())
    assert run_passes(once) == once


def test_a_pass_that_breaks_the_graph_is_named() -> None:
    def careless(graph: Graph) -> Graph:
        return Graph(graph.nodes[1:], name=graph.name)

    with pytest.raises(ValueError, match="pass `careless`"):
        run_passes(twins(), (careless,))
