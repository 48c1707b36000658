"""Reads what an applied stack has made: documents, tables and models by their block."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compiler.codes import Code
from compiler.diagnostics import did_you_mean, fail
from compiler.engine.project import Project
from compiler.engine.rows import NodeRow
from compiler.graph.node import Graph
from compiler.graph.types import ModelType, TableType, ValueType
from compiler.report.results import ReadDocument


def document_reader(project: Project, run: str | None = None) -> ReadDocument:
    """Reads documents of a project; its state is asked once. ``run``: only what that run made."""
    rows = {a: row for a, row in project.nodes().items() if run is None or row.run == run}

    def read(address: str, output: str) -> Any:
        path = stored_file(project, rows, address, output)
        return None if path is None else json.loads(path.read_bytes())

    return read


def stored_file(
    project: Project, rows: dict[str, NodeRow], address: str, output: str
) -> Path | None:
    """The verified file of an output; None where there is none."""
    row = rows.get(address)
    stored = row.outputs.get(output) if row is not None else None
    return None if stored is None else project.store.get(stored.digest, stored.suffix)


def block_file(project: Project, graph: Graph, block: str, kind: type, output: str) -> Path:
    """The file of the last value of a type that a block makes under a name.

    Args:
        project: Where to read.
        graph: The stack that was applied.
        block: The block's address: ``datasets.departures``.
        kind: The value's type: ``TableType``, ``ModelType``.
        output: The output's name: ``table``, a split's part, ``model``.

    Raises:
        StackcError: E201 where the stack makes no such thing, E606 where it was not made yet.
    """
    made = _outputs(graph, block, kind)
    if output not in made:
        blocks = {found.split("/")[0] for found in graph.by_address}
        known = made or blocks
        made_not = f"`{block}` makes no {kind.__name__.removesuffix('Type').lower()} `{output}`"
        raise fail(
            Code.UNKNOWN_BLOCK,
            made_not if block in blocks else f"there is no block `{block}`",
            help=did_you_mean(output if made else block, known),
        )
    path = stored_file(project, project.nodes(), made[output], output)
    if path is None:
        raise fail(
            Code.NOTHING_APPLIED,
            f"`{block}` was not made yet, or its file is gone",
            help="apply the stack",
        )
    return path


def _outputs(graph: Graph, block: str, kind: type[ValueType]) -> dict[str, str]:
    """For each output of the type the address of the last node in the block that has it."""
    order = {node.address: at for at, node in enumerate(graph.nodes)}
    found: dict[str, str] = {}
    nodes = {n.address: n for a, n in graph.by_address.items() if a.split("/", 1)[0] == block}
    for address in sorted(nodes, key=order.__getitem__):
        for name, value_type in nodes[address].outputs:
            if isinstance(value_type, kind):
                found[name] = address
    return found


def table_file(project: Project, graph: Graph, block: str, part: str = "table") -> Path:
    """The Parquet file of a block's table, or of a part that it was split into."""
    return block_file(project, graph, block, TableType, part)


def model_file(project: Project, graph: Graph, block: str) -> Path:
    """The ONNX file of a block's packaged model: the one that is registered."""
    return block_file(project, graph, block, ModelType, "model")
