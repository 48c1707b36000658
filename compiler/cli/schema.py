"""``stackc schema``: the language as JSON Schema, for editors and other checkers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compiler.cli.options import Format, OutputFormat
from compiler.cli.output import Output, json_text
from specs.scaling import File


def command(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there.")
    ] = None,
    file: Annotated[
        File, typer.Option("--file", help="What is edited: a spec, a part of one, or a module.")
    ] = File.SPEC,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Print the language's JSON Schema."""
    from specs.schema import editor_schema
    from specs.stack import LANGUAGE

    output = Output(format, "schema")
    text = json_text(editor_schema(file))
    if out is None:
        output.raw(text)
        return 0
    from compiler.cli.files import write_text

    write_text(out, text)
    output.line(f"The schema is in {out}")
    output.line(f"Editors find it by the line: # yaml-language-server: $schema={out}")
    output.document({"out": str(out), "language": LANGUAGE})
    return 0
