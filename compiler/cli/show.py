"""``stackc show``: the report of what is applied as one HTML page, or a column's lineage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.cli.frame import Refused
from compiler.cli.options import ConfigDirs, Environment, Format, OutputFormat, Overrides, SpecPath
from compiler.cli.output import Output

LONGEST = 500
"""Characters of a refusal: a name may be of any length."""

if TYPE_CHECKING:
    from compiler.pipeline import Compiled


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
    lineage: Annotated[
        str | None,
        typer.Option(
            "--lineage",
            metavar="PATH",
            help="Tell instead where a column comes from and goes to: datasets.departures.late.",
        ),
    ] = None,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Write the report of what is applied, or tell a column's lineage."""
    from compiler.cli.files import write_text
    from compiler.engine.project import open_project, require_applied
    from compiler.pipeline import compile_spec
    from compiler.report.page import REPORT, page
    from compiler.report.placing import Asked, placing

    if lineage is not None and out is not None:
        raise Refused("--lineage writes no report: leave --out away")
    output = Output(format, "show")
    asked = Asked(spec, overrides or (), config_dir or (), env)
    compiled = compile_spec(spec, asked.overrides, asked.config_dirs, environment=env)
    output.findings(compiled.warnings, compiled.sources)
    if lineage is not None:
        return _lineage(compiled, lineage, output)
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


def _lineage(compiled: Compiled, name: str, output: Output) -> int:
    """Tell the lineage of a column or a block; nothing needs to be applied for it."""
    from compiler.graph.named import NoSuchName, spots_of
    from compiler.report.lineage_told import Told, document
    from compiler.report.text_lineage import block_lines, spot_lines
    from compiler.report.text_style import cut, visible

    told = Told(compiled.reach, compiled.provenance)
    try:
        spots = spots_of(told.reach, name)
    except NoSuchName as gone:
        said = visible("; ".join([gone.args[0], *gone.args[1]]))
        raise Refused(cut(said, LONGEST)) from gone
    if not output.json:
        one = len(spots) == 1
        tell = spot_lines(told, spots[0], output.style) if one else None
        output.lines(tell or block_lines(told, spots, output.style))
    else:
        output.document(document(told, spots), diagnostics=compiled.warnings)
    return 0
