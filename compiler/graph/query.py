"""Questions about the tables and columns of a graph, as somebody who reads a spec asks them."""

from __future__ import annotations

from msgspec import Struct

from compiler.graph.node import Graph, Ref
from compiler.graph.trace import parents
from compiler.graph.types import Column, TableType

TABLE_KINDS = ("sources", "datasets", "predictions")


class CameFrom(Struct, frozen=True):
    """A column of another block that a column comes from, and how."""

    block: str
    column: str
    flow: str


def published(graph: Graph, name: str) -> Ref | None:
    """Where the table of that name leaves its block; None where there is none."""
    for kind in TABLE_KINDS:
        address = f"{kind}.{name}/publish"
        if address in graph.by_address:
            return Ref(graph.by_address[address].address, "table")
    return None


def table(graph: Graph, name: str) -> TableType | None:
    """The columns that readers of a table see."""
    ref = published(graph, name)
    found = graph.by_address[ref.node].output(ref.output) if ref is not None else None
    return found if isinstance(found, TableType) else None


def column(graph: Graph, table_name: str, name: str) -> Column | None:
    """A column of a table, in any case, as SQL has it."""
    found = table(graph, table_name)
    same = (c for c in (found.columns if found else ()) if c.name.lower() == name.lower())
    return next(same, None)


def came_from(graph: Graph, table_name: str, name: str) -> tuple[CameFrom, ...]:
    """The columns of other blocks that a column comes from, the nearest ones."""
    start = published(graph, table_name)
    found: dict[CameFrom, None] = {}
    waiting = [] if start is None else [(start, name)]
    seen = set(waiting)
    while waiting:
        here, column_name = waiting.pop(0)
        block = here.node.split("/", 1)[0]
        for hop in parents(graph.by_address, here, column_name):
            other = hop.table.node.split("/", 1)[0]
            if other != block:
                flow = hop.origin.flow.value if hop.origin else ""
                found[CameFrom(other, hop.column, flow)] = None
            elif (hop.table, hop.column) not in seen:
                seen.add((hop.table, hop.column))
                waiting.append((hop.table, hop.column))
    return tuple(found)
