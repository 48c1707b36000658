"""Runs told as a whole, to channels that want to know what every step read and made.

Nothing is written for it while a run goes on: the journal has all that is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile

from msgspec import Struct

from compiler.backend import Json
from compiler.diagnostics import Findings
from compiler.engine import journal, rows
from compiler.engine.outbox import hand_on
from compiler.engine.placing import placed
from compiler.engine.project import Project
from compiler.engine.rows import NodeRow, RunRow
from compiler.engine.store import Stored
from compiler.engine.trial import COMMAND as SWEEP
from compiler.graph.node import Graph, Node
from compiler.graph.operations import Channel, Validate
from compiler.lower import Lowered

FORMAT = "openlineage"
"""The format of a channel that is told of runs."""
_CUT_SHORT = ("running", "interrupted")
_MOST = 50
"""Runs that are looked back at."""
_UNTOLD = ("delete",)
"""Actions on what the graph no longer has."""


class StepTold(Struct, frozen=True):
    """A step that ran; times are ISO 8601.

    ``status``: done, failed, interrupted. ``number`` tells attempts of a run
    from each other. ``verdict`` is that of a validation.
    """

    address: str
    number: int
    began: str
    ended: str
    status: str
    messages: tuple[str, ...] = ()
    summary: Mapping[str, Json] = {}
    outputs: Mapping[str, Stored] = {}
    verdict: Json = None


class RunTold(Struct, frozen=True):
    """A run with the steps that ran; ``project`` is the id of its history.

    ``nodes`` are those of the graph by address, to tell what inputs are.
    """

    project: str
    id: str
    stack: str
    command: str
    began: str
    ended: str
    status: str
    steps: tuple[StepTold, ...]
    nodes: Mapping[str, Node]


def tell_runs(
    project: Project,
    graph: Graph,
    lowered: Lowered,
    findings: Findings,
    runs: tuple[RunTold, ...],
) -> None:
    """Tell every channel that wants to know of runs; without runs, what is still to be sent.

    A channel that fails is a warning W701; it never fails a run.
    """
    for node in _told(graph):
        found = hand_on(project, node, lowered.tasks[node.address], "tell", runs)
        if found is not None:
            findings.add([placed(found, node.origin)])


def untold(project: Project, graph: Graph) -> tuple[RunTold, ...]:
    """The last run, after those right before it that were cut short and so told nobody."""
    if not _told(graph):
        return ()
    # Sweeps have points of their own and are not told.
    found = (run for run in rows.runs(project.state, _MOST) if run.command != SWEEP)
    last, *before = found
    cut = list(takewhile(lambda run: run.status in _CUT_SHORT, before))
    known = project.nodes()
    return tuple(_run(project, graph, run, known) for run in (*reversed(cut), last))


def _told(graph: Graph) -> list[Node]:
    return [
        node
        for node in graph
        if isinstance(node.operation, Channel) and node.operation.format == FORMAT
    ]


def _run(project: Project, graph: Graph, run: RunRow, known: Mapping[str, NodeRow]) -> RunTold:
    nodes = {node.address: node for node in graph}
    ended = run.ended or rows.now()
    steps = tuple(
        _step(project, nodes[entry.address], entry, known, ended)
        for entry in journal.of_run(project.state, run.id)
        if entry.address in nodes and entry.action not in _UNTOLD
    )
    return RunTold(
        project.state.lineage, run.id, run.stack, run.command, run.began, ended, run.status, steps,
        nodes,
    )  # fmt: skip


def _step(
    project: Project, node: Node, entry: journal.Entry, known: Mapping[str, NodeRow], ended: str
) -> StepTold:
    row = known.get(entry.address)
    done = entry.status == "done" and row is not None and row.run == entry.run
    detail = entry.detail if isinstance(entry.detail, Mapping) else {}
    messages = [project.secrets.scrub(str(found)) for found in detail.get("messages", ())]
    judged = done and isinstance(node.operation, Validate)
    return StepTold(
        entry.address,
        entry.sequence,
        entry.began,
        entry.ended or ended,
        entry.status if entry.status in ("done", "failed") else "interrupted",
        tuple(messages),
        row.summary if done and row else {},
        row.outputs if done and row else {},
        project.document(entry.address, "verdict") if judged else None,
    )
