"""``stackc plan``: what apply would do, and why; nothing is changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.cli.frame import CHANGES, DONE, Refused
from compiler.cli.options import (
    ConfigDirs,
    Environment,
    Format,
    Multirun,
    OutputFormat,
    Overrides,
    SpecPath,
)
from compiler.cli.output import Output

if TYPE_CHECKING:
    from compiler.engine.plan import Plan
    from compiler.report.placing import Asked


def command(
    spec: SpecPath,
    overrides: Overrides = None,
    config_dir: ConfigDirs = None,
    env: Environment = None,
    multirun: Multirun = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Save the plan, for `stackc apply FILE`."),
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with 3 when there is something to do.")
    ] = False,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Show what apply would do, and why."""
    from compiler.cli.sweep import plan_points
    from compiler.contracts import check_contracts
    from compiler.engine.planning import make_plan
    from compiler.engine.project import open_project
    from compiler.pipeline import compile_spec
    from compiler.report.placing import Asked, place_all, placing
    from compiler.report.text_plan import plan_lines

    output = Output(format, "plan")
    asked = Asked(spec, overrides or (), config_dir or (), env)
    if multirun:
        if out is not None:
            raise Refused("the plan of a sweep is not saved: name the points again, `apply -m`")
        return plan_points(asked, output, detailed_exitcode)
    compiled = compile_spec(spec, asked.overrides, asked.config_dirs, environment=env)
    with (
        placing(asked, compiled),
        open_project(compiled.root, write=False, environment=compiled.environment) as project,
    ):
        findings = check_contracts(compiled, project.folder)
        findings.stop_on_errors()
        plan = make_plan(project, compiled.graph, compiled.lowered, findings)
    noticed = place_all(findings.warnings, asked, compiled, compiled.sources)
    warnings = (*compiled.warnings, *noticed)
    output.findings(warnings, compiled.sources)
    output.lines(plan_lines(plan, output.style))
    if out is not None:
        _save(plan, out, asked)
        output.line(f"The plan is in {out}: stackc apply {out}")
    output.document(plan.to_json(), diagnostics=warnings)
    return CHANGES if detailed_exitcode and not plan.empty else DONE


def _save(plan: Plan, out: Path, asked: Asked) -> None:
    from compiler.cli.files import write_text
    from compiler.cli.saved import saved_text

    write_text(out, saved_text(plan, asked, out))
