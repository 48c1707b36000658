"""The graph's picture: everything is on it, nothing lies on anything else."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

from compiler.graph.node import Graph, Node, Ref, ordered
from compiler.graph.operations import Query
from compiler.graph.types import TableType
from compiler.report.html.layout import GAP, WIDTH, Picture, laid_out
from tests.report.sample_graph import graph


def step(address: str, *reads: str) -> Node:
    inputs = tuple((f"i{n}", Ref(read, "table")) for n, read in enumerate(reads))
    return Node(address, Query("select 1"), inputs, (("table", TableType(())),))


def stack(*nodes: Node) -> Graph:
    return Graph(ordered(nodes))


def assert_apart(picture: Picture) -> None:
    for a, b in combinations(picture.cards, 2):
        if a.x == b.x:
            assert a.y + a.height <= b.y or b.y + b.height <= a.y
    for card in picture.cards:
        assert card.x >= 0
        assert card.y >= 0
        assert card.x + WIDTH <= picture.width
        assert card.y + card.height <= picture.height


def test_every_step_and_every_edge_is_drawn_and_no_card_lies_on_another() -> None:
    found = graph()
    picture = laid_out(found)
    spots = [spot.address for card in picture.cards for spot in card.spots]
    assert sorted(spots) == sorted(node.address for node in found)
    edges = {(ref.node, node.address) for node in found for _, ref in node.inputs}
    assert {(wire.source, wire.target) for wire in picture.wires} == edges
    assert_apart(picture)


def test_edges_between_blocks_lead_to_the_right() -> None:
    picture = laid_out(graph())
    for wire in picture.wires:
        if wire.source.split("/")[0] != wire.target.split("/")[0]:
            assert wire.points[0][0] < wire.points[-1][0]
            assert list(wire.points) == sorted(wire.points, key=lambda point: point[0])


def test_the_same_graph_is_the_same_picture() -> None:
    assert laid_out(graph()) == laid_out(graph())


def test_an_edge_that_passes_a_column_does_not_pass_a_card() -> None:
    chain = [step("d.a/q"), step("d.b/q", "d.a/q"), step("d.c/q", "d.b/q", "d.a/q")]
    picture = laid_out(stack(*chain))
    [passing] = [w for w in picture.wires if (w.source, w.target) == ("d.a/q", "d.c/q")]
    [middle] = [card for card in picture.cards if card.block == "d.b"]
    for x, y in passing.points[1:-1]:
        assert middle.x <= x <= middle.x + WIDTH
        assert not middle.y <= y <= middle.y + middle.height


def test_parallel_chains_do_not_cross() -> None:
    nodes = [step(f"s.{n}/q") for n in range(6)]
    nodes += [step(f"d.{5 - n}/q", f"s.{n}/q") for n in range(6)]
    picture = laid_out(stack(*nodes))
    starts = [(w.points[0][1], w.points[-1][1]) for w in picture.wires]
    assert [b for _, b in sorted(starts)] == sorted(b for _, b in starts)


def test_no_steps_one_step_and_blocks_that_read_each_other() -> None:
    assert laid_out(Graph(())).cards == ()
    assert len(laid_out(stack(step("d.a/q"))).cards) == 1
    entwined = stack(step("d.a/one"), step("d.b/one", "d.a/one"), step("d.a/two", "d.b/one"))
    picture = laid_out(entwined)
    assert len(picture.wires) == 2
    assert_apart(picture)


def test_a_random_stack_of_many_blocks_stays_apart() -> None:
    chance = random.Random(4)
    nodes: list[Node] = []
    for number in range(150):
        reads = {chance.choice(nodes).address for _ in range(2)} if nodes else set()
        nodes.append(step(f"d.{number}/q", *sorted(reads)))
    assert_apart(laid_out(stack(*nodes)))


def test_columns_are_a_card_and_a_gap_apart() -> None:
    xs = sorted({card.x for card in laid_out(graph()).cards})
    assert {round(b - a, 6) for a, b in pairwise(xs)} == {WIDTH + GAP}


def test_a_reader_stands_behind_what_it_reads_whatever_comes_first_in_the_graph() -> None:
    nodes = [step("s.a/q"), step("m.b/profile", "s.a/q"), step("s.z/q"), step("d.c/q", "s.z/q")]
    nodes.append(step("m.b/compare", "m.b/profile", "d.c/q"))
    picture = laid_out(stack(*nodes))
    at = {card.block: card.x for card in picture.cards}
    assert at["m.b"] > at["d.c"] > at["s.z"]
