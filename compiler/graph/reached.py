"""Makes the reach of a graph: its tables, and what columns are used for besides."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from compiler.diagnostics import Place
from compiler.graph.lineage import Derivation, Origin
from compiler.graph.node import Graph, Node
from compiler.graph.reach import Reach, Spot, link
from compiler.graph.types import TableType
from compiler.graph.uses import add_uses


def reach_of(graph: Graph) -> Reach:
    """All spots of a graph, and how they come from each other."""
    found = Reach()
    for node in graph:
        for name, output in node.outputs:
            if isinstance(output, TableType) and name != "quarantined":
                _add_table(found, graph.by_address, node, output)
        add_uses(found, graph.by_address, node)
    return found


def _add_table(found: Reach, nodes: Mapping[str, Node], node: Node, table: TableType) -> None:
    kind = "column" if node.block.partition(".")[0] != "monitors" else "monitor"
    sure = node.lineage is None or node.lineage.known
    derived = _derivations(node)
    for column in table.columns:
        spot = Spot(node.block, column.name)
        known = found.add(spot, kind, column)
        known.sure &= sure
        if not node.inputs:
            known.stated = Place((*node.origin, "columns", column.name), key=True)
        link(found, nodes, node, spot, derived(column.name))
    inputs = dict(node.inputs)
    for origin in node.lineage.rows if node.lineage else ():
        spot = Spot(nodes[inputs[origin.input].node].block, origin.column)
        found.rows.setdefault(node.block, {})[spot, origin.flow] = None


def _derivations(node: Node) -> Callable[[str], Derivation]:
    """What each column of a node's table comes from, without a search for every one."""
    if node.lineage is not None:
        told = {derived.column: derived for derived in node.lineage.columns}
        return lambda name: told.get(name, Derivation(name, ()))
    handed_on = any(name == "table" for name, _ in node.inputs)
    return lambda name: Derivation(name, (Origin("table", name),) if handed_on else ())
