"""What a report is made from: the graph, the state of its nodes, and what they have found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from compiler.graph.node import Graph, Node
from compiler.report.lineage_told import Told
from compiler.sweep.table import SweepTable

WAITING = "waiting"


class NodeView(Struct, frozen=True):
    """A node as the state has it.

    ``status``: done, kept (nothing had changed), failed, skipped (something
    before it failed), waiting (never ran, or its inputs changed). ``outputs``:
    name to digest. ``detail``: why it failed.
    """

    status: str = WAITING
    key: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    backend: str = ""
    finished: str = ""
    detail: str = ""


class RunLine(Struct, frozen=True):
    """One run of the history; times are ISO 8601, ``counts`` per action."""

    number: int
    command: str
    began: str
    ended: str | None
    status: str
    counts: Mapping[str, int] = field(default_factory=dict)
    messages: Sequence[str] = ()


class SweepView(Struct, frozen=True):
    """A sweep that was tried: ``asked`` are its arguments, ``began`` is ISO 8601."""

    number: int
    asked: str
    began: str
    status: str
    table: SweepTable


class RunView(Struct, frozen=True):
    """Everything a report shows.

    Attributes:
        graph: The whole graph.
        nodes: State by address; a node that is not in it never ran.
        documents: Documents (``compiler/graph/documents.py``) by address and output.
        profiles: Column summaries by the address of the Profile node.
        runs: The history, newest first.
        sweeps: The last sweeps, newest first.
        told: Where columns come from, in words of the spec; None where nobody asked.
        title: Name of the stack.
        description: What the spec says of itself.
        made: When the report was made, ISO 8601.
        program: Name and version of what made it.
    """

    graph: Graph
    nodes: Mapping[str, NodeView] = field(default_factory=dict)
    documents: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    profiles: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    runs: Sequence[RunLine] = ()
    sweeps: Sequence[SweepView] = ()
    told: Told | None = None
    title: str = ""
    description: str = ""
    made: str = ""
    program: str = "stackc"

    def node(self, address: str) -> NodeView:
        """The state of a node, aliases included."""
        known = self.graph.by_address.get(address)
        found = self.nodes.get(address)
        if found is None and known is not None:
            found = self.nodes.get(known.address)
        return found or NodeView()

    def document(self, node: Node, output: str) -> Any:
        """A document of a node; None where it has not been made."""
        return self.documents.get((node.address, output))
