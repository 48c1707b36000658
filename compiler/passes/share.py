"""Equal steps become one node; the others' addresses become aliases of it."""

from __future__ import annotations

from msgspec.structs import replace

from compiler.graph.node import Graph, Node, Ref


def share(graph: Graph) -> Graph:
    """Merge steps of equal key. Resources stay: each is something of its own outside.

    Keys are those from before: reading the node that stands for another
    changes no reader's key, because the two have the same.
    """
    first: dict[str, str] = {}
    aliases: dict[str, str] = dict(graph.aliases)
    nodes: list[Node] = []
    for node in graph.nodes:
        key = graph.keys[node.address]
        if node.operation.kind == "step" and key in first:
            aliases[node.address] = first[key]
            continue
        first.setdefault(key, node.address)
        nodes.append(_rewired(node, aliases) if aliases else node)
    if len(nodes) == len(graph.nodes):
        return graph
    named = tuple(sorted(aliases.items()))
    return replace(graph, nodes=tuple(nodes), aliases=named, known=graph.keys)


def _rewired(node: Node, aliases: dict[str, str]) -> Node:
    inputs = tuple(
        (name, Ref(aliases.get(ref.node, ref.node), ref.output)) for name, ref in node.inputs
    )
    return node if inputs == node.inputs else replace(node, inputs=inputs)
