"""``stackc promote``: write the values of a sweep's point into the spec."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from compiler.cli.frame import DONE, FAILED, asks
from compiler.cli.options import Environment, Format, OutputFormat, SpecPath, Yes
from compiler.cli.output import Output

if TYPE_CHECKING:
    from compiler.report.placing import Asked
    from compiler.sweep.promote import Promotion


def command(
    spec: SpecPath,
    point: Annotated[
        int, typer.Argument(metavar="POINT", min=1, help="The point's number in the table.")
    ],
    sweep: Annotated[
        int | None, typer.Option("--sweep", min=1, metavar="N", help="Of which sweep; the last.")
    ] = None,
    yes: Yes = False,
    env: Environment = None,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Write a sweep's point into the spec; comments stay."""
    from compiler.cli.project import require_spec
    from compiler.engine.project import open_project
    from compiler.report.placing import Asked, placing
    from compiler.report.text_diff import difference
    from compiler.report.text_style import visible
    from compiler.sweep.find import find_point
    from compiler.sweep.promote import promotion, write

    output = Output(format, "promote")
    asked = Asked(spec, environment=env)
    with placing(asked):
        with open_project(require_spec(spec, env), environment=env, write=False) as project:
            row, found = find_point(project, point, sweep)
        promoted = promotion(spec, row, found, env)
        changed = bool(promoted.edits)
        for edit in promoted.edits:
            names = (str(edit.file), f"{edit.file} with point {promoted.point.number}")
            output.lines(difference(edit.before, edit.after, names, output.style))
        if found.status == "failed":
            output.line(f"Point {point} failed when it was tried: {visible(found.reason)}")
        if changed and not yes and not asks(f"Write point {point} of sweep {row.number}?"):
            output.line("Nothing was changed.")
            return FAILED
        if changed:
            write(promoted)
    _tell(promoted, asked, output)
    output.document(
        {
            "sweep": row.number,
            "point": point,
            "overrides": list(found.overrides),
            "changed": changed,
            "backends": list(promoted.backends),
        }
    )
    return DONE


def _tell(promoted: Promotion, asked: Asked, output: Output) -> None:
    if promoted.edits:
        files = " and ".join(str(edit.file) for edit in promoted.edits)
        output.line(f"Point {promoted.point.number} is in {files}")
    else:
        output.line(f"{promoted.spec} is point {promoted.point.number} already")
    if promoted.backends:
        output.line("Backends are no part of a spec: give them with each command")
    again = replace(asked, overrides=promoted.backends)
    output.line(f"Next: {shlex.join(['stackc', 'apply', *again.words])}")
