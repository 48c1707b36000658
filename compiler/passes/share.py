"""Equal steps become one node; the others' addresses become aliases of it."""

from __future__ import annotations

from dataclasses import replace

from compiler.graph.node import Graph, Node, Ref, input_tokens, node_key


def share(graph: Graph) -> Graph:
    """Merge steps of equal key. Resources stay: each is something of its own outside."""
    first: dict[str, str] = {}
    keys: dict[str, str] = {}
    aliases: dict[str, str] = dict(graph.aliases)
    nodes: dict[str, Node] = {}
    for node in graph.nodes:
        rewired = _rewired(node, aliases)
        key = node_key(rewired, input_tokens(rewired, nodes, keys))
        if node.operation.kind == "step" and key in first:
            aliases[node.address] = first[key]
            continue
        first.setdefault(key, node.address)
        keys[node.address] = key
        nodes[rewired.address] = rewired
    if len(nodes) == len(graph.nodes):
        return graph
    return replace(graph, nodes=tuple(nodes.values()), aliases=tuple(sorted(aliases.items())))


def _rewired(node: Node, aliases: dict[str, str]) -> Node:
    inputs = tuple(
        (name, Ref(aliases.get(ref.node, ref.node), ref.output)) for name, ref in node.inputs
    )
    return node if inputs == node.inputs else replace(node, inputs=inputs)
