"""Fills the report's view of a run from the project: state, documents, profiles, history."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from compiler.chosen import service
from compiler.diagnostics import Findings, StackcError
from compiler.engine import journal, sweeps
from compiler.engine.project import Project
from compiler.engine.quiet import quiet
from compiler.engine.rows import NodeRow, RunRow
from compiler.engine.trial import COMMAND as SWEEP
from compiler.graph.digest import canonical, keyed
from compiler.graph.node import Graph, Node
from compiler.graph.types import DocumentType, ProfileType
from compiler.pipeline import Compiled
from compiler.report.lineage_told import Told
from compiler.report.reading import document_reader, stored_file
from compiler.report.view import NodeView, RunLine, RunView, SweepView
from compiler.sweep.table import sweep_table

MOST_SWEEPS = 10

Summarise: TypeAlias = Callable[[Path], Sequence[Mapping[str, Any]]]


def run_view(project: Project, compiled: Compiled, program: str) -> RunView:
    """Everything a report shows of a project as it is now.

    Args:
        project: Opened to read.
        compiled: The spec whose nodes are shown.
        program: Name and version of what makes the report.
    """
    graph, known = compiled.graph, project.nodes()
    history = project.runs()
    return RunView(
        graph=graph,
        nodes=_nodes(project, graph, known, next((r for r in history if r.command != SWEEP), None)),
        documents=_documents(project, graph),
        profiles=_profiles(project, compiled, known),
        runs=tuple(_line(run) for run in history),
        sweeps=_sweeps(project),
        told=Told(compiled.reach, compiled.provenance),
        title=compiled.stack.name,
        description=compiled.stack.description or "",
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        program=program,
    )


def _sweeps(project: Project) -> tuple[SweepView, ...]:
    return tuple(
        SweepView(
            row.number,
            shlex.join(row.overrides) or "the spec as it is",
            row.began,
            row.status,
            sweep_table(sweeps.points(project.state, row.number)),
        )
        for row in sweeps.sweeps(project.state, MOST_SWEEPS)
    )


def _nodes(
    project: Project, graph: Graph, known: Mapping[str, NodeRow], last: RunRow | None
) -> dict[str, NodeView]:
    views = {
        node.address: _view(node, known[node.address], last)
        for node in graph
        if node.address in known
    }
    failed = {
        entry.address: NodeView("failed", entry.key, detail=_detail(entry.detail))
        for entry in (journal.of_run(project.state, last.id) if last is not None else ())
        if entry.status == "failed"
    }
    return {**views, **_skipped(graph, failed), **failed}


def _skipped(graph: Graph, failed: Mapping[str, NodeView]) -> dict[str, NodeView]:
    """Everything that reads, at whatever distance, what a failed node should have made."""
    lost: dict[str, str] = {}
    for node in graph:
        for _, ref in node.inputs:
            cause = ref.node if ref.node in failed else lost.get(ref.node)
            if cause is not None:
                lost[node.address] = cause
    return {a: NodeView("skipped", detail=f"because of {cause}") for a, cause in lost.items()}


def _view(node: Node, row: NodeRow, last: RunRow | None) -> NodeView:
    operation = type(node.operation)
    same = row.parameters == canonical(keyed(node.operation)).decode() and (
        (row.operation, row.version) == (operation.__name__, operation.version)
    )
    status = "waiting" if not same else "done" if last and row.run == last.id else "kept"
    return NodeView(
        status,
        row.key,
        {name: stored.digest for name, stored in row.outputs.items()},
        row.summary,
        row.seconds,
        row.backend,
        row.finished,
    )


def _detail(detail: Any) -> str:
    if isinstance(detail, Mapping):
        found = detail.get("message") or detail.get("error") or detail.get("messages") or ""
        return "; ".join(map(str, found)) if isinstance(found, list) else str(found)
    return str(detail or "")


def _documents(project: Project, graph: Graph) -> dict[tuple[str, str], Any]:
    read = document_reader(project)
    found = {
        (node.address, name): read(node.address, name)
        for node in graph
        for name, kind in node.outputs
        if isinstance(kind, DocumentType)
    }
    return {place: document for place, document in found.items() if document is not None}


def _profiles(
    project: Project, compiled: Compiled, known: Mapping[str, NodeRow]
) -> dict[str, Sequence[Mapping[str, Any]]]:
    files = {
        node.address: path
        for node in compiled.graph
        for name, kind in node.outputs
        if isinstance(kind, ProfileType)
        and (path := stored_file(project, dict(known), node.address, name)) is not None
    }
    if not files:
        return {}
    with quiet(project.folder / "logs" / "report.log", project.secrets):
        summarise: Summarise | None = service(
            compiled.backends, "profile", "summarise_profile", Findings(), compiled.lowered.known
        )
        if summarise is None:
            return {}
        return {a: found for a, path in files.items() if (found := _summary(summarise, path))}


def _summary(summarise: Summarise, path: Path) -> Sequence[Mapping[str, Any]]:
    """A profile that cannot be read leaves a gap in the report, and a line in its log."""
    try:
        return summarise(path)
    except StackcError as error:
        logging.getLogger(__name__).warning("%s", error)
        return ()


def _line(run: RunRow) -> RunLine:
    return RunLine(
        run.number, run.command, run.began, run.ended, run.status, run.counts, run.messages
    )
