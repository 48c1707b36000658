"""Column lineage across nodes: where a column comes from, and on which way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from compiler.diagnostics import Place
from compiler.graph.lineage import Derivation, Flow, Origin
from compiler.graph.node import Node, Ref
from compiler.graph.types import Column, TableType

Nodes: TypeAlias = Mapping[str, Node]


class Hop(Struct, frozen=True):
    """A column of a table on the way, and how the one before it on the way comes from it.

    ``origin`` is None for the column that was asked about.
    """

    table: Ref
    column: str
    origin: Origin | None = None
    place: Place | None = None


def column_of(nodes: Nodes, table: Ref, name: str) -> Column | None:
    """A column of a table that flows in the graph; None where there is none."""
    found = nodes[table.node].output(table.output)
    return found.column(name) if isinstance(found, TableType) and name in found else None


def derivation(nodes: Nodes, table: Ref, column: str) -> Derivation | None:
    """What a column of a node's table comes from, in words of the node's inputs.

    None where it comes from outside, or is no column of it.
    """
    node = nodes[table.node]
    if node.lineage is not None:
        return node.lineage.of(column)
    handed_on = "table" in dict(node.inputs) and column_of(nodes, table, column) is not None
    return Derivation(column, (Origin("table", column),)) if handed_on else None


def parents(nodes: Nodes, table: Ref, column: str) -> Iterator[Hop]:
    """The columns that a column comes from, one step back."""
    derived = derivation(nodes, table, column)
    if derived is None:
        return
    inputs = dict(nodes[table.node].inputs)
    for origin in derived.origins:
        yield Hop(inputs[origin.input], origin.column, origin, derived.place)


def way(nodes: Nodes, start: Hop, follow: Callable[[Hop], bool]) -> tuple[Hop, ...]:
    """The shortest way back from a column to one from outside, over columns that are followed.

    The first hop is the column itself, the last one stands in a source; empty
    where there is no way.
    """
    before: dict[tuple[Ref, str], tuple[Hop, ...]] = {}
    waiting: deque[tuple[Hop, ...]] = deque([(start,)])
    while waiting:
        trail = waiting.popleft()
        last = trail[-1]
        key = (last.table, last.column)
        if key in before:
            continue
        before[key] = trail
        if not nodes[last.table.node].inputs:
            return trail
        waiting.extend((*trail, hop) for hop in parents(nodes, *key) if follow(hop))
    return ()


def told(hops: tuple[Hop, ...]) -> Iterator[tuple[str, str, Flow, Place]]:
    """The hops worth telling: block, column, flow and place of each that the spec writes down."""
    for hop in hops[1:]:
        if hop.origin is not None and hop.place is not None:
            yield hop.table.node.split("/", 1)[0], hop.column, hop.origin.flow, hop.place
