"""``stackc destroy``: take away everything that was applied; the history stays."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from msgspec.structs import replace

from compiler.cli.frame import DONE, FAILED, INTERRUPTED, asks
from compiler.cli.options import (
    ConfigDirs,
    Environment,
    Format,
    OutputFormat,
    Overrides,
    SpecPath,
    Yes,
)
from compiler.cli.output import Output

if TYPE_CHECKING:
    from compiler.engine.results import RunResult
    from compiler.pipeline import Compiled
    from compiler.report.placing import Asked


def command(
    spec: SpecPath,
    overrides: Overrides = None,
    config_dir: ConfigDirs = None,
    env: Environment = None,
    yes: Yes = False,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Delete everything that was applied; the history stays."""
    from compiler.cli.progress import progress_of
    from compiler.engine.destroy import destroy, plan_destroy
    from compiler.engine.durable import remove
    from compiler.engine.project import open_project
    from compiler.pipeline import compile_spec
    from compiler.report.page import REPORT
    from compiler.report.placing import Asked, placing
    from compiler.report.text_plan import plan_lines
    from compiler.report.text_run import Telling

    output = Output(format, "destroy")
    asked = Asked(spec, overrides or (), config_dir or (), env)
    compiled = compile_spec(spec, asked.overrides, asked.config_dirs, environment=env)
    with (
        placing(asked, compiled),
        open_project(compiled.root, write=True, environment=compiled.environment) as project,
    ):
        plan = plan_destroy(project, compiled.lowered, compiled.graph.name)
        if plan.empty:
            output.line("Nothing is applied: there is nothing to destroy.")
            output.document({"status": "nothing"})
            return DONE
        if not yes:
            output.lines(plan_lines(plan, output.style))
            if not asks(f"Destroy {compiled.graph.name}?"):
                output.line("Nothing was changed.")
                return FAILED
        with progress_of(plan, output) as progress:
            result = destroy(project, compiled.lowered, plan, Telling(progress))
        if result.ok:
            remove(project.folder / REPORT)
    return _tell(compiled, result, asked, output)


def _tell(compiled: Compiled, result: RunResult, asked: Asked, output: Output) -> int:
    from compiler.report.placing import place_all
    from compiler.report.text_run import end_lines, run_document

    found = place_all(result.diagnostics, asked, compiled, compiled.sources)
    output.findings(found, compiled.sources)
    again = shlex.join(["stackc", "destroy", *asked.words])
    output.lines(end_lines(result, output.style, again))
    if result.ok:
        output.line(f"Only the history is left: {_history(asked)}")
    output.document(run_document(result), ok=result.ok, diagnostics=found)
    if result.status == "interrupted":
        return INTERRUPTED
    return DONE if result.ok else FAILED


def _history(asked: Asked) -> str:
    return shlex.join(["stackc", "history", *replace(asked, overrides=()).words])
