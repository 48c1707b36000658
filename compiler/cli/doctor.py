"""``stackc doctor``: whether this machine and this project are fit to work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compiler.cli.frame import DONE, FAILED
from compiler.cli.options import Format, OutputFormat
from compiler.cli.output import Output


def command(
    spec: Annotated[
        Path, typer.Argument(metavar="[SPEC]", help="The project's spec.", show_default=False)
    ] = Path("stack.yaml"),
    format: OutputFormat = Format.TEXT,
) -> int:
    """Look at Python, the packages of each backend, the disk and the state."""
    from compiler.report.health import checks
    from compiler.report.text_style import Cell, Tone, table

    output = Output(format, "doctor")
    found = checks(spec)
    tones: dict[str, Tone] = {"good": "good", "warning": "warning", "error": "error"}
    words = {"good": "ok", "warning": "warning", "error": "error"}
    rows: list[list[Cell | str]] = [
        [Cell(words[c.verdict], tones[c.verdict]), c.subject, c.detail] for c in found
    ]
    output.lines(table(("", "what", "found"), rows, output.style, widest=100)[1:])
    ways = [f"{check.subject}: {check.help}" for check in found if check.help]
    if ways:
        output.lines(["", *ways])
    failed = any(check.verdict == "error" for check in found)
    output.document({"checks": [check.as_json() for check in found]}, ok=not failed)
    return FAILED if failed else DONE
