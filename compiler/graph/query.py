"""Questions about the tables and columns of a graph, as somebody who reads a spec asks them."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.graph.lineage import Flow
from compiler.graph.node import Graph
from compiler.graph.reach import Reach, Spot
from compiler.graph.types import Column, TableType

TABLE_KINDS = ("sources", "datasets", "predictions")


def block(graph: Graph, name: str) -> str | None:
    """The address of the block whose table has that name: ``datasets.joined``."""
    found = (f"{kind}.{name}" for kind in TABLE_KINDS)
    return next((b for b in found if f"{b}/publish" in graph.by_address), None)


def table(graph: Graph, name: str) -> TableType | None:
    """The columns that readers of a table see."""
    address = block(graph, name)
    found = None if address is None else graph.by_address[f"{address}/publish"].output("table")
    return found if isinstance(found, TableType) else None


def column(graph: Graph, table_name: str, name: str) -> Column | None:
    """A column of a table, in any case, as SQL has it."""
    found = table(graph, table_name)
    same = (c for c in (found.columns if found else ()) if c.name.lower() == name.lower())
    return next(same, None)


def came_from(graph: Graph, reach: Reach, table_name: str, name: str) -> Mapping[Spot, Flow]:
    """The columns of other blocks that a column of a table comes from, and how."""
    address = block(graph, table_name)
    return {} if address is None else reach.above.get(Spot(address, name), {})
