"""What ``plan -m`` and ``apply -m`` do: the points of a multirun instead of one stack."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from compiler.cli.frame import CHANGES, DONE, FAILED, INTERRUPTED, Refused
from compiler.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compiler.diagnostics import Diagnostic
    from compiler.engine.plan import Plan
    from compiler.engine.project import Project
    from compiler.report.placing import Asked
    from compiler.sweep.carry import Counted, Tried
    from compiler.sweep.compile import CompiledSweep
    from compiler.sweep.table import SweepTable


def plan_points(asked: Asked, output: Output, detailed_exitcode: bool) -> int:
    """Show the points, what they share, and what is left to run."""
    from compiler.diagnostics import Findings
    from compiler.engine.project import open_project
    from compiler.report.placing import place_all, placing
    from compiler.report.text_sweep import sweep_lines
    from compiler.sweep.carry import counted, looked_at

    sweep = _compiled(asked)
    first = sweep.points[0].compiled
    findings = Findings()
    with (
        placing(asked, first),
        open_project(sweep.root, write=False, environment=sweep.environment) as project,
    ):
        plan = looked_at(project, sweep, findings)
    noticed = place_all(findings.warnings, asked, first, sweep.sources)
    output.findings((*sweep.warnings, *noticed), sweep.sources)
    found = counted(sweep, plan)
    output.lines(sweep_lines(sweep, found, output.style))
    output.document(_plan_document(sweep, plan, found), diagnostics=(*sweep.warnings, *noticed))
    return CHANGES if detailed_exitcode and found.run else DONE


def apply_points(asked: Asked, output: Output, workers: int | None, sort: str | None) -> int:
    """Run what is not known yet, and show the points, the best first."""
    from compiler.cli.progress import progress_of
    from compiler.diagnostics import Findings
    from compiler.engine.project import open_project
    from compiler.engine.workers import Limits
    from compiler.report.placing import place_all, placing
    from compiler.report.text_sweep import SweepTelling, sweep_head
    from compiler.sweep.carry import carry_out, counted, looked_at

    sweep = _compiled(asked)
    _sortable(sweep, sort)
    first = sweep.points[0].compiled
    output.findings(sweep.warnings, sweep.sources)
    findings = Findings()
    limits = Limits.of_machine(workers)
    with (
        placing(asked, first),
        open_project(
            sweep.root, write=True, limits=limits, environment=sweep.environment
        ) as project,
    ):
        plan = looked_at(project, sweep, findings)
        output.findings(place_all(findings.warnings, asked, first, sweep.sources), sweep.sources)
        output.lines(sweep_head(sweep, counted(sweep, plan), output.style))
        with progress_of(plan, output) as progress:
            tried = carry_out(project, sweep, plan, SweepTelling(progress))
        return _tell(project, sweep, tried, asked, output, sort)


def _compiled(asked: Asked) -> CompiledSweep:
    from compiler.report.placing import placing
    from compiler.sweep.compile import compile_sweep

    with placing(asked):
        return compile_sweep(
            asked.spec, asked.overrides, asked.config_dirs, environment=asked.environment
        )


def _sortable(sweep: CompiledSweep, sort: str | None) -> None:
    """Refuse an order by what no model is measured by, before anything runs."""
    from compiler.sweep.table import UnknownMetric, metric_named

    if sort is None:
        return
    try:
        metric_named(sort, sweep.metrics)
    except UnknownMetric as error:
        helps = "; ".join(error.args[1])
        raise Refused(f"no model is measured by `{sort}`{': ' + helps if helps else ''}") from None


def _plan_document(sweep: CompiledSweep, plan: Plan, found: Counted) -> dict[str, Any]:
    from msgspec import to_builtins

    return {
        "points": [
            {
                "point": one.point.number,
                "overrides": list(one.point.overrides),
                "choices": dict(one.point.choices),
                "nodes": sorted(set(one.addresses.values())),
                "run": list(left),
            }
            for one, left in zip(sweep.points, found.left, strict=True)
        ],
        "nodes": found.nodes,
        "nodes_apart": found.apart,
        "shared": found.shared,
        "shared_by_all": found.common,
        "done": found.done,
        "run": found.run,
        "changes": [to_builtins(change) for change in plan.changes],
    }


def _tell(
    project: Project,
    sweep: CompiledSweep,
    tried: Tried,
    asked: Asked,
    output: Output,
    sort: str | None,
) -> int:
    """The findings, the table, where it is kept, and how to go on."""
    from compiler.report.text_run import end_lines, run_document
    from compiler.report.text_sweep import table_lines
    from compiler.sweep.table import sweep_table

    found = _placed(sweep, tried, asked)
    output.findings(found, sweep.sources)
    shown = sweep_table(tried.points, sort)
    output.lines(["", output.style.paint(_title(shown, tried), "bold")])
    output.lines(table_lines(shown, output.style))
    output.line()
    if tried.run.status != "nothing":
        again = shlex.join(["stackc", "apply", asked.words[0], "-m", *asked.words[1:]])
        output.lines(end_lines(tried.run, output.style, again))
    place = _kept(project, shown, tried)
    shown_by = shlex.join(["stackc", "show", *replace(asked, overrides=()).words])
    output.line(f"Table: {place} (as a picture: {shown_by})")
    best = shown.points[0]
    if best.status == "done" and len(shown.points) > 1:
        point = replace(asked, overrides=(str(best.number),))
        words = ["stackc", "promote", *point.words]
        output.line(f"To write the best point into the spec: {shlex.join(words)}")
    output.document(
        {
            **run_document(tried.run),
            "sweep": tried.row.number,
            "sorted_by": shown.by,
            "points": shown.as_json(),
            "table": str(place),
        },
        ok=tried.ok,
        diagnostics=(*sweep.warnings, *found),
    )
    if tried.run.status == "interrupted":
        return INTERRUPTED
    return DONE if tried.ok else FAILED


def _title(shown: SweepTable, tried: Tried) -> str:
    by = f", by {shown.by}" if shown.by is not None else ""
    return f"Sweep {tried.row.number}: {len(shown.points):,} points{by}"


def _placed(sweep: CompiledSweep, tried: Tried, asked: Asked) -> Sequence[Diagnostic]:
    """The findings of the run, each in the words of a point that it is of, in the graph's order."""
    from compiler.report.placing import place_all
    from compiler.sweep.compile import points_note

    found: list[Diagnostic] = []
    for address in [node.address for node in sweep.graph if node.address in tried.run.failed]:
        diagnostics = tried.run.failed[address]
        placed = place_all(diagnostics, asked, sweep.owners[address].compiled, sweep.sources)
        note = points_note(sweep.holders(address), len(sweep.points))
        found += [replace(one, notes=(*one.notes, note)) for one in placed]
    first = sweep.points[0].compiled
    known = {d for diagnostics in tried.run.failed.values() for d in diagnostics}
    more = [d for d in tried.run.diagnostics if d not in known]
    return [*found, *place_all(more, asked, first, sweep.sources)]


def _kept(project: Project, shown: SweepTable, tried: Tried) -> Path:
    """The Parquet file of the table."""
    from compiler.engine.durable import write
    from compiler.engine.sweeps import TABLES
    from compiler.sweep.table import parquet

    path = project.folder / TABLES / f"{tried.row.number}.parquet"
    write(path, parquet(shown))
    return Path(os.path.relpath(path))
