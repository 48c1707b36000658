"""A graph that touches nothing outside: what is left of a stack when it is only tried."""

from __future__ import annotations

from msgspec.structs import replace

from compiler.graph.node import Graph, Node, Ref
from compiler.graph.operations import Admit, Publish


def detach(graph: Graph) -> Graph:
    """Leave every resource out; who read what one forwards reads it from its source.

    A publication becomes the step that only holds the verdict, so that data
    which breaks its rules stops here too. No reader's key changes: it is keyed
    by where a value comes from, in both graphs.
    """
    sources: dict[Ref, Ref] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        inputs = tuple((name, sources.get(ref, ref)) for name, ref in node.inputs)
        if node.operation.kind == "step":
            nodes.append(replace(node, inputs=inputs))
            continue
        given = dict(inputs)
        if isinstance(node.operation, Publish) and "verdict" in given:
            nodes.append(_admitted(node, node.operation, inputs))
            continue
        for output, name in type(node.operation).forwards.items():
            sources[Ref(node.address, output)] = given[name]
    return _with(graph, nodes)


def _admitted(node: Node, publish: Publish, inputs: tuple[tuple[str, Ref], ...]) -> Node:
    return replace(
        node,
        operation=Admit(publish.name),
        inputs=inputs,
        outputs=(("table", node.output("table")),),
    )


def _with(graph: Graph, nodes: list[Node]) -> Graph:
    kept = {node.address for node in nodes}
    aliases = tuple((alias, address) for alias, address in graph.aliases if address in kept)
    # What publishes is another operation now, under the same address.
    return replace(graph, nodes=tuple(nodes), aliases=aliases, known={})
