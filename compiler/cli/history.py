"""``stackc history``: the runs of a project, newest first."""

from __future__ import annotations

from typing import Annotated

import typer

from compiler.cli.options import Environment, Format, OutputFormat, SpecPath
from compiler.cli.output import Output


def command(
    spec: SpecPath,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many runs.")] = 20,
    env: Environment = None,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Show the runs, newest first."""
    from msgspec import to_builtins

    from compiler.cli.project import require_spec
    from compiler.engine.project import open_project
    from compiler.report.placing import Asked, placing
    from compiler.report.text_status import history_lines

    output = Output(format, "history")
    with (
        placing(Asked(spec, environment=env)),
        open_project(require_spec(spec, env), environment=env, write=False) as project,
    ):
        runs = project.runs(limit)
    output.lines(history_lines(runs, output.style))
    output.document({"runs": [to_builtins(run) for run in runs]})
    return 0
