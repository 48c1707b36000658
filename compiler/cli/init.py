"""``stackc init``: a first spec, over a file of data where one is named."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from compiler.cli.frame import Refused
from compiler.cli.options import Format, OutputFormat
from compiler.cli.output import Output

_FIRST = """\
# The stack `{name}`. What each key means: stackc schema; what is applied: stackc status.
stackc: 1
name: {name}

sources:
  {source}:
    path: {path}  # csv, parquet, jsonl or arrow; its columns are inferred and kept in stackc.lock

# validation:
#   {source}:
#     - row_count: {{min: 1}}
#
# datasets:
#   examples:
#     sql: select * from {source}
#     split: {{train: 0.6, validation: 0.2, test: 0.2}}
"""


def command(
    spec: Annotated[
        Path, typer.Argument(metavar="[SPEC]", help="Where to.", show_default=False)
    ] = Path("stack.yaml"),
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="The data to begin with.")
    ] = None,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Write a first spec."""
    from compiler.cli.files import write_text

    output = Output(format, "init")
    if spec.exists():
        raise Refused(f"{spec} is there already: name another file")
    if data is not None and not data.is_file():
        raise Refused(f"there is no file {data}")
    write_text(spec, first_spec(spec, data))
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


def first_spec(spec: Path, data: Path | None) -> str:
    """The text of a first spec over some data."""
    folder = spec.resolve().parent
    path = "data.csv" if data is None else os.path.relpath(data.resolve(), folder)
    return _FIRST.format(
        name=_name(folder.name, "stack"), source=_name(Path(path).stem, "data"), path=_quoted(path)
    )


def _name(text: str, otherwise: str) -> str:
    """A word of the language from any text."""
    word = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:40].strip("_")
    return word if word[:1].isalpha() and word.isascii() else otherwise


def _quoted(text: str) -> str:
    """A YAML text; quotes only where they are needed."""
    import json

    return text if re.fullmatch(r"[\w./-]*[a-zA-Z/]", text) else json.dumps(text)
