"""``stackc apply``: make it so; what is done already is kept."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.cli.frame import DONE, FAILED, INTERRUPTED, Refused, asks, somebody_is_there
from compiler.cli.options import (
    ConfigDirs,
    Environment,
    Format,
    Multirun,
    OutputFormat,
    Overrides,
    Yes,
)
from compiler.cli.output import Output

if TYPE_CHECKING:
    from compiler.engine.plan import Plan
    from compiler.engine.project import Project
    from compiler.engine.results import RunResult
    from compiler.pipeline import Compiled
    from compiler.report.placing import Asked

Workers = Annotated[
    int | None, typer.Option("--workers", min=1, max=256, help="How many actions run at once.")
]

Sort = Annotated[
    str | None,
    typer.Option("--sort", metavar="METRIC", help="What a sweep's points are ordered by."),
]


def command(
    spec: Annotated[
        Path,
        typer.Argument(
            metavar="SPEC|PLAN", help="The spec, or a plan saved by `plan --out`.",
            show_default=False,
        ),
    ],
    overrides: Overrides = None,
    config_dir: ConfigDirs = None,
    env: Environment = None,
    multirun: Multirun = False,
    sort: Sort = None,
    yes: Yes = False,
    workers: Workers = None,
    format: OutputFormat = Format.TEXT,
) -> int:  # fmt: skip
    """Make the stack as the spec wants it."""
    from compiler.cli.saved import is_saved_plan
    from compiler.cli.sweep import apply_points
    from compiler.diagnostics import Findings
    from compiler.engine.plan import confirm_plan
    from compiler.engine.planning import make_plan
    from compiler.engine.project import open_project
    from compiler.engine.workers import Limits
    from compiler.pipeline import compile_spec
    from compiler.report.placing import Asked, place_all, placing

    output = Output(format, "apply")
    named = Asked(spec, overrides or (), config_dir or (), env)
    if multirun:
        if is_saved_plan(spec):
            raise Refused("a saved plan is of one stack: name the spec to try points of it")
        return apply_points(named, output, workers, sort)
    if sort is not None:
        raise Refused("`--sort` orders the points of a sweep: it goes with -m")
    with placing(named):
        saved, asked = _asked(named)
        compiled = compile_spec(
            asked.spec, asked.overrides, asked.config_dirs, environment=asked.environment
        )
    output.findings(compiled.warnings, compiled.sources)
    findings = Findings()
    limits = Limits.of_machine(workers)
    with (
        placing(asked, compiled),
        open_project(
            compiled.root, write=True, limits=limits, environment=compiled.environment
        ) as project,
    ):
        plan = make_plan(project, compiled.graph, compiled.lowered, findings)
        if saved is not None:
            with placing(named):
                confirm_plan(saved, plan)
        noticed = place_all(findings.warnings, asked, compiled, compiled.sources)
        output.findings(noticed, compiled.sources)
        if not yes and not _agreed(plan, output):
            output.line("Nothing was changed.")
            return FAILED
        result = _run(project, compiled, plan, output)
        return _tell(project, compiled, result, asked, output)


def _asked(named: Asked) -> tuple[Plan | None, Asked]:
    """The saved plan, if one is named, and the spec that is meant."""
    from compiler.cli.saved import is_saved_plan, read_saved

    if not is_saved_plan(named.spec):
        return None, named
    if named.overrides or named.config_dirs:
        raise Refused("a saved plan has its overrides in it: name the plan alone")
    saved, asked = read_saved(named.spec)
    if named.environment not in (None, asked.environment):
        made_for = f"for `{asked.environment}`" if asked.environment else "without an environment"
        raise Refused(f"the plan was made {made_for}, and `{named.environment}` is asked for")
    return saved, asked


def _agreed(plan: Plan, output: Output) -> bool:
    """On a terminal, deleting what is outside the store wants a yes."""
    from compiler.engine.plan import Action
    from compiler.report.text_plan import plan_lines

    gone = [c for c in plan.work if c.action is Action.DELETE and c.kind == "resource"]
    if not gone or not somebody_is_there() or output.json:
        return True
    output.lines(plan_lines(plan, output.style))
    return asks(f"Delete {', '.join(sorted({change.block for change in gone}))}?")


def _run(project: Project, compiled: Compiled, plan: Plan, output: Output) -> RunResult:
    from compiler.cli.progress import progress_of
    from compiler.engine.apply import apply_plan
    from compiler.report.text_plan import counts_line
    from compiler.report.text_run import Telling

    output.line(counts_line(plan, output.style))
    with progress_of(plan, output) as progress:
        return apply_plan(
            project, compiled.graph, compiled.lowered, plan, Telling(progress), command="apply"
        )


def _tell(
    project: Project, compiled: Compiled, result: RunResult, asked: Asked, output: Output
) -> int:
    """What came out of it, and where the report is."""
    from compiler.engine.rollouts import look
    from compiler.report.page import report_place
    from compiler.report.placing import place_all
    from compiler.report.reading import document_reader
    from compiler.report.results import collect
    from compiler.report.text_results import result_lines
    from compiler.report.text_rollouts import rollout_document, rollout_lines
    from compiler.report.text_run import end_lines, run_document

    read = document_reader(project, None if result.ok else result.id)
    results = collect(compiled.graph, read)
    rollouts = look(project, compiled.lowered) if result.ok else ()
    found = place_all(result.diagnostics, asked, compiled, compiled.sources)
    if result.status != "nothing":
        output.lines(result_lines(results, output.style))
        output.lines(rollout_lines(rollouts, output.style))
        output.line()
    output.findings(found, compiled.sources)
    if result.status != "nothing":
        again = shlex.join(["stackc", "apply", *asked.words])
        output.lines(end_lines(result, output.style, again))
    report = report_place(project, compiled, result)
    if report is not None:
        output.line(f"Report: {report} (anew with: {_show(asked)})")
    output.document(
        {
            **run_document(result),
            "results": results.as_json(),
            "rollouts": rollout_document(rollouts),
            "report": str(report) if report else None,
        },
        ok=result.ok,
        diagnostics=(*compiled.warnings, *found),
    )
    if result.status == "interrupted":
        return INTERRUPTED
    return DONE if result.ok else FAILED


def _show(asked: Asked) -> str:
    return shlex.join(["stackc", "show", *asked.words])
