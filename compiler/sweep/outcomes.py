"""What came of each point of a sweep, read from the results of its nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from compiler.backend import Json
from compiler.engine import rows
from compiler.engine.plan import Plan
from compiler.engine.project import Project
from compiler.engine.results import RunResult
from compiler.engine.rows import Result
from compiler.engine.sweeps import PointRow
from compiler.graph.documents import Gates
from compiler.graph.node import Node
from compiler.graph.operations import Evaluate, JudgeGates
from compiler.sweep.compile import CompiledSweep, SweepPoint


def waiting(sweep: CompiledSweep, plan: Plan) -> tuple[PointRow, ...]:
    """Every point before it runs, with the keys that it needs."""
    keys = {change.address: change.key for change in plan.changes}
    return tuple(
        PointRow(
            found.point.number,
            found.point.overrides,
            found.point.choices,
            keys=tuple(sorted({keys[address] for address in found.addresses.values()})),
        )
        for found in sweep.points
    )


def outcomes(
    project: Project, sweep: CompiledSweep, plan: Plan, run: RunResult
) -> tuple[PointRow, ...]:
    """Every point after a run."""
    keys = {change.address: change.key for change in plan.changes}
    reader = _Reader(project, keys, rows.results(project.state, set(keys.values())))
    drafts = waiting(sweep, plan)
    return tuple(
        _outcome(draft, found, reader, run)
        for draft, found in zip(drafts, sweep.points, strict=True)
    )


class _Reader(Struct):
    """Reads documents of a sweep's graph, each file once."""

    project: Project
    keys: Mapping[str, str]
    results: Mapping[str, Result]
    read: dict[str, Json] = field(default_factory=dict)

    def document(self, address: str, output: str) -> Json:
        """A document of a node; None where it was not made."""
        result = self.results.get(self.keys[address])
        stored = result.outputs.get(output) if result is not None else None
        if stored is None:
            return None
        if stored.digest not in self.read:
            path = self.project.store.get(stored.digest, stored.suffix)
            self.read[stored.digest] = None if path is None else json.loads(path.read_bytes())
        return self.read[stored.digest]


def _outcome(draft: PointRow, found: SweepPoint, reader: _Reader, run: RunResult) -> PointRow:
    addresses = set(found.addresses.values())
    results = [reader.results.get(reader.keys[address]) for address in addresses]
    known = [result for result in results if result is not None]
    metrics: list[tuple[str, float | None]] = []
    gates: list[str] = []
    for node in found.compiled.graph:
        metrics += _metrics(node, found, reader)
        gates += _missed(node, found, reader)
    scored = replace(
        draft,
        metrics=tuple(metrics),
        gates=tuple(gates),
        seconds=sum(result.seconds for result in known),
    )
    reason = _reason(addresses, run)
    if reason:
        return replace(scored, status="failed", reason=reason)
    return replace(scored, status="done") if len(known) == len(addresses) else scored


def _metrics(node: Node, found: SweepPoint, reader: _Reader) -> list[tuple[str, float | None]]:
    if not isinstance(node.operation, Evaluate):
        return []
    document = reader.document(found.addresses[node.address], "metrics")
    if document is None:
        return []
    model = node.block.partition(".")[2]
    return [(f"{model}.{name}", document["metrics"].get(name)) for name in node.operation.measured]


def _missed(node: Node, found: SweepPoint, reader: _Reader) -> list[str]:
    if not isinstance(node.operation, JudgeGates):
        return []
    document: Gates | None = reader.document(found.addresses[node.address], "gates")
    model = node.block.partition(".")[2]
    missed: list[Any] = [g for g in document["gates"] if not g["passed"]] if document else []
    return [f"{model}: {gate['text']}" for gate in missed]


def _reason(addresses: set[str], run: RunResult) -> str:
    """Why a point failed: the first finding of what it needs; empty where nothing did."""
    causes = {a for a in addresses if a in run.failed}
    causes |= {run.skipped[a] for a in addresses if a in run.skipped}
    for cause in sorted(causes):
        for diagnostic in run.failed[cause]:
            return f"{cause}: {diagnostic.code.value} {diagnostic.message}"
    return ""
