"""Steps whose result nobody asked for are left out."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from compiler.graph.node import Graph, Node
from compiler.graph.operations import (
    Admit,
    CompareProfiles,
    Evaluate,
    JudgeGates,
    Measure,
    Operation,
    Profile,
    Split,
)

WANTED: tuple[type[Operation], ...] = (Evaluate, Profile, CompareProfiles, Measure, Split)
"""Steps whose result is shown to people, besides every resource."""
COMPARED: tuple[type[Operation], ...] = (Evaluate, JudgeGates)
"""Steps whose result tells one point of a sweep from another."""


def prune(graph: Graph) -> Graph:
    """Keep resources, what is shown, and all they read."""
    return _kept(
        graph,
        lambda node: node.operation.kind == "resource" or isinstance(node.operation, WANTED),
    )


def prune_to_compared(graph: Graph) -> Graph:
    """Keep what points are compared by, and all it reads; without models, what data they make."""
    judged = any(isinstance(node.operation, COMPARED) for node in graph)
    wanted: tuple[type[Operation], ...] = COMPARED if judged else (*WANTED, Admit)
    return _kept(graph, lambda node: isinstance(node.operation, wanted))


def _kept(graph: Graph, wanted: Callable[[Node], bool]) -> Graph:
    needed: set[str] = set()
    for node in reversed(graph.nodes):
        if wanted(node) or node.address in needed:
            needed.add(node.address)
            needed.update(ref.node for _, ref in node.inputs)
    if len(needed) == len(graph.nodes):
        return graph
    kept = tuple(node for node in graph.nodes if node.address in needed)
    aliases = tuple((alias, address) for alias, address in graph.aliases if address in needed)
    return replace(graph, nodes=kept, aliases=aliases)
