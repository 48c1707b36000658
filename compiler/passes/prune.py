"""Steps whose result nobody asked for are left out."""

from __future__ import annotations

from msgspec.structs import replace

from compiler.graph.node import Graph
from compiler.graph.operations import CompareProfiles, Evaluate, Operation, Profile, Split

WANTED: tuple[type[Operation], ...] = (Evaluate, Profile, CompareProfiles, Split)
"""Steps whose result is shown to people, besides every resource."""


def prune(graph: Graph) -> Graph:
    """Keep resources, what is shown, and all they read."""
    needed: set[str] = set()
    for node in reversed(graph.nodes):
        wanted = node.operation.kind == "resource" or isinstance(node.operation, WANTED)
        if wanted or node.address in needed:
            needed.add(node.address)
            needed.update(ref.node for _, ref in node.inputs)
    if len(needed) == len(graph.nodes):
        return graph
    kept = tuple(node for node in graph.nodes if node.address in needed)
    aliases = tuple((alias, address) for alias, address in graph.aliases if address in needed)
    return replace(graph, nodes=kept, aliases=aliases)
