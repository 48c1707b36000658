"""``stackc init``: a first spec, over a file of data where one is named."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compiler.cli.frame import Refused
from compiler.cli.options import Format, OutputFormat
from compiler.cli.output import Output


def command(
    spec: Annotated[
        Path, typer.Argument(metavar="[SPEC]", help="Where to.", show_default=False)
    ] = Path("stack.yaml"),
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="The data to begin with.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="COLUMN", help="What a model is to predict."),
    ] = None,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Write a first spec."""
    from compiler.cli.files import write_text
    from compiler.firstspec.write import first_spec
    from compiler.report.placing import Asked, placing

    output = Output(format, "init")
    if spec.exists():
        raise Refused(f"{spec} is there already: name another file")
    if data is not None and not data.is_file():
        raise Refused(f"there is no file {data}")
    if target is not None and data is None:
        raise Refused("--target names a column of --data")
    with placing(Asked(spec)):
        text = first_spec(spec, data, target)
    write_text(spec, text)
    _tell_git(spec.resolve().parent / ".gitattributes")
    output.line(f"{spec} is written. Next: stackc compile {spec}")
    output.document({"spec": str(spec)})
    return 0


def _tell_git(attributes: Path) -> None:
    """Have git merge stackc.lock by taking the lines of both sides."""
    from compiler.analyse.lock import MERGED
    from compiler.cli.files import write_text

    try:
        text = attributes.read_text("utf-8") if attributes.exists() else ""
    except (OSError, UnicodeDecodeError):
        return  # whatever it is, it is not ours to mend
    if MERGED not in text.split("\n"):
        end = "" if not text or text.endswith("\n") else "\n"
        write_text(attributes, f"{text}{end}{MERGED}\n")
