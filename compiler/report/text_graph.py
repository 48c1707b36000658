"""A compiled stack in a few lines: its blocks, their steps, and who runs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from compiler.graph.node import Graph, Node
from compiler.report.text_style import Style, plural, table

MOST_BLOCKS = 200
"""Blocks that are listed: more of them nobody reads, and programs ask for JSON."""


def blocks(graph: Graph) -> dict[str, list[Node]]:
    """The nodes of each block, blocks in the order in which work reaches them."""
    found: dict[str, list[Node]] = {}
    for node in graph.nodes:
        found.setdefault(node.block, []).append(node)
    return found


def graph_lines(graph: Graph, backends: Mapping[str, str], style: Style) -> list[str]:
    """The summary that ``compile`` prints.

    Args:
        graph: What was compiled.
        backends: The backend's name for each capability.
        style: Colours.
    """
    groups = blocks(graph)
    shown = dict(islice(groups.items(), MOST_BLOCKS))
    head = f"{style.paint(graph.name, 'bold')}: {plural(len(graph), 'node')} "
    head += f"in {plural(len(groups), 'block')}"
    if graph.aliases:
        head += f", {plural(len(graph.aliases), 'node')} shared"
    rows = [[block, _steps(nodes)] for block, nodes in shown.items()]
    lines = [head, *(table(("block", "steps"), rows, style, widest=100) if rows else [])]
    if len(groups) > len(shown):
        lines.append(f"  … and {len(groups) - len(shown):,} more")
    used = {node.operation.capability for node in graph.nodes}
    chosen = ", ".join(f"{c}={name}" for c, name in sorted(backends.items()) if c in used)
    lines.append(f"graph {graph.digest[:12]}" + (f", backends {chosen}" if chosen else ""))
    return lines


def _steps(nodes: Iterable[Node]) -> str:
    return " → ".join(node.step for node in nodes)
