"""The points of a sweep become one graph: equal nodes are one, and no key changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from compiler.graph.node import Graph, Node, Ref, ordered
from compiler.graph.operations import Admit, Operation, Publish, Query, ReadFiles, Validate
from compiler.graph.types import Column, DataType, DocumentType, TableType, ValueType
from compiler.graph.verify import verify
from compiler.passes.detach import detach
from compiler.passes.join import Joined, join

PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=6)
TABLE = TableType((Column("x", DataType("int64")),))


def node(address: str, operation: Operation, **inputs: str) -> Node:
    """A node that yields a table; an input names whose table it is."""
    refs = tuple((name, Ref(of, "table")) for name, of in sorted(inputs.items()))
    outputs: list[tuple[str, ValueType]] = [("table", TABLE)]
    if isinstance(operation, Publish):
        outputs.append(("version", DocumentType("version")))
    return Node(address, operation, refs, tuple(outputs))


def point(first: int, second: int) -> Graph:
    """Two links behind a source that all points share; each link may differ."""
    return Graph(
        ordered(
            [
                node("sources.n/ingest", ReadFiles("n.csv", "csv", TABLE.columns)),
                node("sources.n/publish", Publish("n"), table="sources.n/ingest"),
                node("datasets.one/query", Query(f"select {first}"), t="sources.n/publish"),
                node("datasets.one/publish", Publish("one"), table="datasets.one/query"),
                node("datasets.two/query", Query(f"select {second}"), t="datasets.one/publish"),
            ]
        )
    )


def joined(*pairs: tuple[int, int]) -> Joined:
    """The sweep of so many points."""
    return join([detach(point(*pair)) for pair in pairs], range(1, len(pairs) + 1))


@given(PAIRS)
def test_a_node_is_as_often_in_the_graph_as_it_has_keys(pairs: list[tuple[int, int]]) -> None:
    graph = joined(*pairs).graph
    verify(graph)
    keys = [graph.keys[one.address] for one in graph]
    assert len(keys) == len(set(keys)) == 1 + len({a for a, _ in pairs}) + len(set(pairs))


@given(PAIRS)
def test_law_5_detached_and_joined_nodes_keep_their_keys(pairs: list[tuple[int, int]]) -> None:
    """What a sweep has made is what a plain apply asks for, and the other way round."""
    found = joined(*pairs)
    for pair, addresses in zip(pairs, found.addresses, strict=True):
        whole = point(*pair)
        assert addresses
        for address, stands in addresses.items():
            assert found.graph.keys[stands] == whole.keys[address]


def test_what_all_points_agree_on_keeps_its_address() -> None:
    found = joined((1, 1), (1, 2), (1, 1))
    assert [one.address for one in found.graph] == [
        "sources.n/ingest",
        "datasets.one/query",
        "datasets.two@1/query",
        "datasets.two@2/query",
    ]
    assert found.addresses[2] == found.addresses[0]


def test_a_node_is_named_after_the_first_point_that_has_it() -> None:
    found = join([detach(point(1, 1)), detach(point(2, 1))], [4, 9])
    assert dict(found.addresses[1]) == {
        "sources.n/ingest": "sources.n/ingest",
        "datasets.one/query": "datasets.one@9/query",
        "datasets.two/query": "datasets.two@9/query",
    }


def test_a_publication_with_a_verdict_still_holds_its_table_back() -> None:
    """Data that breaks a rule stops a sweep too, though nothing is published."""
    judged = Graph(
        ordered(
            [
                node("sources.n/ingest", ReadFiles("n.csv", "csv", TABLE.columns)),
                Node(
                    "sources.n/validate",
                    Validate(()),
                    (("table", Ref("sources.n/ingest", "table")),),
                    (("verdict", DocumentType("verdict")),),
                ),
                Node(
                    "sources.n/publish",
                    Publish("n"),
                    (
                        ("table", Ref("sources.n/ingest", "table")),
                        ("verdict", Ref("sources.n/validate", "verdict")),
                    ),
                    (("table", TABLE), ("version", DocumentType("version"))),
                ),
                node("datasets.one/query", Query("select 1"), t="sources.n/publish"),
            ]
        )
    )
    alone = detach(judged)
    verify(alone)
    assert isinstance(alone.by_address["sources.n/publish"].operation, Admit)
    assert alone.keys["datasets.one/query"] == judged.keys["datasets.one/query"]
