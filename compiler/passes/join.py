"""The graphs of a sweep's points become one graph, in which equal nodes are one node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from compiler.graph.node import Graph, Node, Ref, ordered


class Joined(Struct, frozen=True):
    """One graph for all points.

    ``addresses`` has for each point, in order, where each of its own addresses
    stands in the graph.
    """

    graph: Graph
    addresses: tuple[Mapping[str, str], ...]


def join(graphs: Sequence[Graph], numbers: Sequence[int]) -> Joined:
    """Join the graphs of points by the keys of their nodes.

    A node keeps its address where no other node wants it; else it is named
    after the first point that has it: ``models.late@3/train``.

    Args:
        graphs: One graph a point; steps only, so that equal keys are equal work.
        numbers: The points' numbers.
    """
    first = _first_holders(graphs)
    names = _names(first, numbers)
    nodes = [_renamed(graphs[at], address, names) for at, address in first.values()]
    addresses = tuple(
        {address: names[graph.keys[node.address]] for address, node in graph.by_address.items()}
        for graph in graphs
    )
    return Joined(Graph(ordered(nodes), name=graphs[0].name), addresses)


def _first_holders(graphs: Sequence[Graph]) -> dict[str, tuple[int, str]]:
    """For each key the first graph that has it, by its place, and its address there."""
    first: dict[str, tuple[int, str]] = {}
    for at, graph in enumerate(graphs):
        for node in graph.nodes:
            first.setdefault(graph.keys[node.address], (at, node.address))
    return first


def _names(first: Mapping[str, tuple[int, str]], numbers: Sequence[int]) -> dict[str, str]:
    wanted: dict[str, int] = {}
    for _, address in first.values():
        wanted[address] = wanted.get(address, 0) + 1
    return {
        key: address if wanted[address] == 1 else _of_point(address, numbers[at])
        for key, (at, address) in first.items()
    }


def _of_point(address: str, number: int) -> str:
    block, step = address.split("/", 1)
    return f"{block}@{number}/{step}"


def _renamed(graph: Graph, address: str, names: Mapping[str, str]) -> Node:
    node = graph.by_address[address]
    inputs = tuple(
        (name, Ref(names[graph.keys[ref.node]], ref.output)) for name, ref in node.inputs
    )
    return replace(node, address=names[graph.keys[address]], inputs=inputs)
