"""``stackc show``: the report of what is applied, as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compiler.cli.options import ConfigDirs, Environment, Format, OutputFormat, Overrides, SpecPath
from compiler.cli.output import Output


def command(
    spec: SpecPath,
    overrides: Overrides = None,
    config_dir: ConfigDirs = None,
    env: Environment = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "--output", metavar="FILE", help="Where to; .stackc/report.html otherwise."
        ),
    ] = None,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Write the report of what is applied."""
    from compiler.cli.files import write_text
    from compiler.engine.project import open_project, require_applied
    from compiler.pipeline import compile_spec
    from compiler.report.page import REPORT, page
    from compiler.report.placing import Asked, placing

    output = Output(format, "show")
    asked = Asked(spec, overrides or (), config_dir or (), env)
    compiled = compile_spec(spec, asked.overrides, asked.config_dirs, environment=env)
    output.findings(compiled.warnings, compiled.sources)
    with (
        placing(asked, compiled),
        open_project(compiled.root, write=False, environment=compiled.environment) as project,
    ):
        require_applied(project)
        text = page(project, compiled)
        place = (
            out
            if out is not None
            else spec.parent / project.folder.relative_to(project.root) / REPORT
        )
    write_text(place, text)
    output.line(f"The report is in {place}")
    output.document({"report": str(place)}, diagnostics=compiled.warnings)
    return 0
