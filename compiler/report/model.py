"""A report as plain values: what its page says, before it is a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from compiler.graph.node import Node
from compiler.graph.operations import Score
from compiler.report.page_columns import Columns, columns
from compiler.report.page_data import (
    ColumnProfiles,
    Parts,
    Table,
    profiles,
    splits,
    tables,
)
from compiler.report.page_deployments import Deployment, deployments
from compiler.report.page_drift import Monitor, monitors
from compiler.report.page_models import Model, models
from compiler.report.page_sweeps import Sweep, sweeps
from compiler.report.text_style import plural
from compiler.report.view import NodeView, RunLine, RunView

__all__ = ["NodeView", "Page", "RunLine", "RunView", "page_of"]

Tone: TypeAlias = Literal["good", "warning", "bad", "dim"]

MOST_RUNS = 50
RAN = ("done", "kept")


class Fact(Struct, frozen=True):
    """One sentence of the verdict, and how it is meant."""

    tone: Tone
    text: str


class Prediction(Struct, frozen=True):
    """A model's scores of a table."""

    block: str
    model: str
    table: str
    rows: int | None
    threshold: float
    version: int | None


class LineageRow(Struct, frozen=True):
    """One node: what it is, how it went, what it read, what it made."""

    address: str
    operation: str
    view: NodeView
    inputs: tuple[tuple[str, str], ...]
    aliases: tuple[str, ...]


class Page(Struct, frozen=True):
    """Everything the page shows, section by section."""

    title: str
    description: str
    made: str
    program: str
    tone: Tone
    headline: str
    facts: tuple[Fact, ...]
    failures: tuple[LineageRow, ...]
    tables: tuple[Table, ...]
    splits: tuple[Parts, ...]
    columns: Columns | None
    profiles: tuple[ColumnProfiles, ...]
    models: tuple[Model, ...]
    sweeps: tuple[Sweep, ...]
    deployments: tuple[Deployment, ...]
    monitors: tuple[Monitor, ...]
    predictions: tuple[Prediction, ...]
    lineage: tuple[LineageRow, ...]
    shared: bool
    runs: Sequence[RunLine]
    runs_left_out: int


def page_of(run: RunView) -> Page:
    """The page of a run."""
    found_tables, found_models, found_monitors = tables(run), models(run), monitors(run)
    lineage = _lineage(run)
    facts = (
        *_steps(lineage),
        *_rules(found_tables),
        *_gates(found_models),
        *_drift(found_monitors),
    )
    tone, headline = _headline(facts)
    return Page(
        title=run.title or run.graph.name,
        description=run.description,
        made=run.made,
        program=run.program,
        tone=tone,
        headline=headline,
        facts=facts,
        failures=tuple(row for row in lineage if row.view.status == "failed"),
        tables=found_tables,
        splits=splits(run),
        columns=columns(run),
        profiles=profiles(run),
        models=found_models,
        sweeps=sweeps(run),
        deployments=deployments(run),
        monitors=found_monitors,
        predictions=_predictions(run, found_tables),
        lineage=lineage,
        shared=bool(run.graph.aliases),
        runs=run.runs[:MOST_RUNS],
        runs_left_out=max(0, len(run.runs) - MOST_RUNS),
    )


def _steps(lineage: tuple[LineageRow, ...]) -> list[Fact]:
    counts = Counter(row.view.status for row in lineage)
    ran = sum(counts[status] for status in RAN)
    if ran == len(lineage):
        return [Fact("good", f"all {plural(ran, 'step')} done")]
    facts = [Fact("dim", f"{ran} of {plural(len(lineage), 'step')} done")]
    if counts["failed"]:
        facts.append(Fact("bad", f"{counts['failed']} failed"))
    left = len(lineage) - ran - counts["failed"]
    return [*facts, *([Fact("warning", f"{left} did not run")] if left else [])]


def _rules(found: tuple[Table, ...]) -> list[Fact]:
    rules = sum(len(table.rules) for table in found)
    broken = sum(table.broken for table in found)
    if not rules:
        return []
    if not broken:
        return [Fact("good", f"{'all ' if rules > 1 else ''}{plural(rules, 'data rule')} held")]
    blocked = any(table.verdict and table.verdict["blocked"] for table in found)
    tone: Tone = "bad" if blocked else "warning"
    return [Fact(tone, f"{broken} of {plural(rules, 'data rule')} broken")]


def _gates(found: tuple[Model, ...]) -> list[Fact]:
    gates = [gate for model in found if model.gates for gate in model.gates["gates"]]
    failed = sum(not gate["passed"] for gate in gates)
    if not gates:
        return []
    if not failed:
        return [
            Fact("good", f"{'all ' if len(gates) > 1 else ''}{plural(len(gates), 'gate')} passed")
        ]
    return [Fact("bad", f"{failed} of {plural(len(gates), 'gate')} failed")]


def _drift(found: tuple[Monitor, ...]) -> list[Fact]:
    facts = []
    for monitor in found:
        name = monitor.block.partition(".")[2]
        windows = monitor.drift["windows"]
        drifted = sum(bool(window["drifted"]) for window in windows)
        if monitor.drift["alert"]:
            of = f"{drifted} of {plural(len(windows), 'window')}"
            facts.append(Fact("warning", f"{name}: drift in {of}"))
        else:
            facts.append(Fact("good", f"{name}: no drift"))
        dropped = sum(one.window["dropped"] for one in monitor.measured)
        if dropped:
            of = f"{dropped} of {plural(len(monitor.measured), 'window')}"
            facts.append(Fact("warning", f"{name}: performance dropped in {of}"))
    return facts


def _headline(facts: tuple[Fact, ...]) -> tuple[Tone, str]:
    tones = {fact.tone for fact in facts}
    if "bad" in tones:
        return "bad", "Something needs mending"
    if "warning" in tones:
        return "warning", "Done, with something to look at" if not _waits(
            facts
        ) else "Not all of it ran"
    return "good", "Everything ran and holds"


def _waits(facts: tuple[Fact, ...]) -> bool:
    return any(fact.text.endswith("did not run") for fact in facts)


def _lineage(run: RunView) -> tuple[LineageRow, ...]:
    others = run.graph.others
    return tuple(_line(run, node, others.get(node.address, ())) for node in run.graph)


def _line(run: RunView, node: Node, aliases: tuple[str, ...]) -> LineageRow:
    inputs = tuple((name, str(ref)) for name, ref in node.inputs)
    operation = type(node.operation).__name__
    return LineageRow(node.address, operation, run.node(node.address), inputs, aliases)


def _predictions(run: RunView, found: tuple[Table, ...]) -> tuple[Prediction, ...]:
    by_block = {table.block: table for table in found}
    rows = []
    for node in run.graph:
        if isinstance(node.operation, Score):
            inputs = dict(node.inputs)
            table = by_block[node.block]
            version = table.version["number"] if table.version else None
            rows.append(
                Prediction(
                    node.block,
                    inputs["model"].node.partition("/")[0],
                    inputs["table"].node.partition("/")[0],
                    table.rows,
                    node.operation.threshold,
                    version,
                )
            )
    return tuple(rows)
