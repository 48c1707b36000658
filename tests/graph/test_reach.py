"""How far columns reach: long chains, wide tables, dotted names."""

from __future__ import annotations

import pytest

from compiler.graph.lineage import Derivation, Flow, Lineage, Origin
from compiler.graph.named import NoSuchName, spots_of
from compiler.graph.node import Graph, Node, Ref, ordered
from compiler.graph.operations import Publish, Query, ReadFiles
from compiler.graph.reach import Spot, closure
from compiler.graph.reached import reach_of
from compiler.graph.types import Column, DataType, TableType
from compiler.load.provenance import Provenance
from compiler.report.lineage_told import Told, document
from compiler.report.text_lineage import LINES, block_lines, spot_lines
from compiler.report.text_style import Style


def table(*names: str) -> TableType:
    return TableType(tuple(Column(name, DataType("int64")) for name in names))


def source(name: str, *columns: str) -> Node:
    made = table(*columns)
    return Node(f"sources.{name}/ingest", ReadFiles("x.csv", "csv", made.columns), (),
                (("table", made),), ("sources", name))  # fmt: skip


def query(name: str, above: str, columns: dict[str, list[str]], flow: Flow = Flow.IDENTITY) -> Node:
    told = Lineage(
        tuple(
            Derivation(column, tuple(Origin("t", origin, flow) for origin in origins))
            for column, origins in columns.items()
        )
    )
    return Node(f"datasets.{name}/query", Query(f"-- {name}"), (("t", Ref(above, "table")),),
                (("table", table(*columns)),), ("datasets", name), told)  # fmt: skip


def told_of(*nodes: Node) -> Told:
    return Told(reach_of(Graph(ordered(nodes))), Provenance(()))


def test_a_chain_of_thousands_of_datasets_is_followed_and_told_in_few_lines() -> None:
    nodes = [source("s", "x"), query("d0", "sources.s/ingest", {"x": ["x"]})]
    nodes += [query(f"d{n}", f"datasets.d{n - 1}/query", {"x": ["x"]}) for n in range(1, 4000)]
    told = told_of(*nodes)
    last = Spot("datasets.d3999", "x")
    assert len(closure((last,), told.reach.above)) == 4001
    lines = spot_lines(told, last, Style())
    assert len(lines) < 60
    assert "  … and 3975 more up the way: --format json has all" in lines
    assert len(document(told, [last])["nodes"]) == 4001


def test_a_wide_table_is_told_in_part_and_says_how_much_is_left() -> None:
    names = [f"c{n}" for n in range(300)]
    everything = dict.fromkeys(names, names)
    told = told_of(source("s", *names), query("d", "sources.s/ingest", everything))
    lines = spot_lines(told, Spot("sources.s", "c7"), Style())
    assert "└─ … and 280 more" in lines
    assert "  … and 280 more down the way: --format json has all" in lines
    assert block_lines(told, spots_of(told.reach, "datasets.d"), Style())[-1] == "  … and 200 more"
    assert len(document(told, [Spot("sources.s", "c7")])["edges"]) == 300


def test_a_tree_that_branches_again_and_again_has_an_end() -> None:
    names = [f"c{n}" for n in range(12)]
    nodes = [source("s", *names)]
    above = "sources.s/ingest"
    for depth in range(30):
        nodes.append(query(f"d{depth}", above, dict.fromkeys(names, names)))
        above = f"datasets.d{depth}/query"
    lines = spot_lines(told_of(*nodes), Spot("datasets.d29", "c0"), Style())
    assert len(lines) < LINES + 20


def test_steps_inside_a_block_are_one_spot() -> None:
    made = source("s", "x")
    inputs, outputs = (("table", Ref(made.address, "table")),), (("table", table("x")),)
    published = Node("sources.s/publish", Publish("sources.s"), inputs, outputs)
    reach = told_of(made, published, query("d", published.address, {"y": ["x"]})).reach
    assert list(reach.spots) == [Spot("sources.s", "x"), Spot("datasets.d", "y")]
    assert reach.above == {Spot("datasets.d", "y"): {Spot("sources.s", "x"): Flow.IDENTITY}}
    assert reach.below == {Spot("sources.s", "x"): {Spot("datasets.d", "y"): Flow.IDENTITY}}


def test_of_two_ways_the_one_that_changes_more_is_told() -> None:
    node = query("d", "sources.s/ingest", {"y": ["x"]})
    both = Derivation("y", (Origin("t", "x", Flow.AGGREGATION), Origin("t", "x")))
    node = Node(node.address, node.operation, node.inputs, node.outputs, lineage=Lineage((both,)))
    reach = told_of(source("s", "x"), node).reach
    assert reach.above[Spot("datasets.d", "y")] == {Spot("sources.s", "x"): Flow.AGGREGATION}


def test_a_window_carries_and_a_filter_only_decides_about_rows() -> None:
    node = query("d", "sources.s/ingest", {"y": ["x"]}, Flow.WINDOW)
    decided = (Origin("t", "z", Flow.FILTER), Origin("t", "z", Flow.JOIN))
    rows = Lineage(node.lineage.columns if node.lineage else (), decided)
    z = Spot("sources.s", "z")
    node = Node(node.address, node.operation, node.inputs, node.outputs, lineage=rows)
    reach = told_of(source("s", "x", "z"), node).reach
    assert list(reach.rows["datasets.d"]) == [(z, Flow.FILTER), (z, Flow.JOIN)]
    assert reach.decides == {z: [("datasets.d", Flow.FILTER), ("datasets.d", Flow.JOIN)]}
    assert z not in reach.below


@pytest.mark.parametrize(
    ("name", "spots"),
    [
        ("sources.s.a.b", ["a.b"]),
        ("sources.s.a", ["a"]),
        ("sources.s", ["a", "a.b", "c d"]),
        ("sources.s.c d", ["c d"]),
    ],
)
def test_a_name_may_hold_dots_and_blanks(name: str, spots: list[str]) -> None:
    reach = told_of(source("s", "a", "a.b", "c d")).reach
    assert [spot.name for spot in spots_of(reach, name)] == spots


@pytest.mark.parametrize("name", ["", ".", "sources", "sources.", "..", "sources.s.", "x" * 10_000])
def test_what_is_no_name_is_refused_with_a_way_out(name: str) -> None:
    reach = told_of(source("s", "a")).reach
    if name == "sources.s.":
        assert [spot.name for spot in spots_of(reach, name)] == ["a"]
        return
    with pytest.raises(NoSuchName) as refused:
        spots_of(reach, name)
    assert "`sources.s`" in refused.value.args[1][0]
