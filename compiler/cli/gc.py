"""``stackc gc``: remove what nothing uses any more."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec import to_builtins

from compiler.cli.options import Environment, Format, OutputFormat, SpecPath
from compiler.cli.output import Output


def command(
    spec: SpecPath,
    keep_runs: Annotated[
        int,
        typer.Option("--keep-runs", min=0, help="Results of how many last runs stay for reuse."),
    ] = 10,
    keep_sweeps: Annotated[
        int, typer.Option("--keep-sweeps", min=0, help="How many last sweeps stay whole.")
    ] = 10,
    env: Environment = None,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Remove stored results that nothing uses any more."""
    from compiler.cli.project import require_spec
    from compiler.engine.gc import collect_garbage
    from compiler.engine.project import open_project
    from compiler.report.placing import Asked, placing
    from compiler.report.text_style import plural, size

    output = Output(format, "gc")
    with (
        placing(Asked(spec, environment=env)),
        open_project(require_spec(spec, env), environment=env, write=True) as project,
    ):
        swept = collect_garbage(project, keep_runs, keep_sweeps)
    freed = f"{plural(swept.objects, 'object')} and {plural(swept.results, 'result')} removed"
    output.line(f"{freed}, {size(swept.bytes)} freed")
    output.document(to_builtins(swept))
    return 0
