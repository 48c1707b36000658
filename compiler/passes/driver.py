"""Runs the passes in order, verifies between them, and names the culprit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from compiler.graph.node import Graph
from compiler.graph.verify import verify
from compiler.passes.detach import detach
from compiler.passes.prune import prune, prune_to_compared
from compiler.passes.share import share

Pass: TypeAlias = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    # Sharing comes first: what is pruned behind it is nobody's under any name.
    share,
    prune,
)

SWEEP_PASSES: tuple[Pass, ...] = (
    # Publications first: two of the same table, held to the same verdict, are one step then.
    detach,
    share,
    prune_to_compared,
)
"""What makes a point of a sweep: nothing outside is touched, and what is compared is kept."""


def run_passes(graph: Graph, passes: tuple[Pass, ...] = PASSES) -> Graph:
    """The graph after all passes.

    Raises:
        ValueError: A pass made an illegal graph; the message names it.
    """
    verify(graph)
    for step in passes:
        before, graph = graph, step(graph)
        if graph is before:
            continue
        try:
            verify(graph)
        except ValueError as error:
            raise ValueError(f"pass `{step.__name__}`: {error}") from error
    return graph
