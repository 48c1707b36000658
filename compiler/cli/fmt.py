"""``stackc fmt``: the canonical layout of a spec; comments and meaning stay."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.cli.frame import DONE, FAILED
from compiler.cli.options import Format, OutputFormat
from compiler.cli.output import Output

if TYPE_CHECKING:
    from compiler.load.text import Text


def command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Specs, files of config groups; - reads stdin."),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Show what would change; exit 1 if anything would.")
    ] = False,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Lay specs out: indentation, blanks, blank lines and quotes; comments and meaning stay."""
    from compiler.load.layout import laid_out

    output = Output(format, "fmt")
    texts = {path: _read(path) for path in files}
    laid = {path: laid_out(text) for path, text in texts.items()}
    changed = [path for path in texts if laid[path] != texts[path].content]
    for path in changed if check else ():
        _show(texts[path], laid[path], output)
    if not check:
        _write(texts, laid, changed, output)
    names = [texts[path].name for path in changed]
    if Path("-") not in texts:
        done = "is not laid out" if check else "is laid out now"
        output.lines([f"{name} {done}" for name in names] or ["Nothing to change."])
    failed = check and bool(changed)
    output.document({"changed": names, "checked": len(texts)}, ok=not failed)
    return FAILED if failed else DONE


def _read(path: Path) -> Text:
    from compiler.load.text import MAX_BYTES, bounded, decode, read_text, shown

    if path == Path("-"):
        return decode(bounded(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>"), "<stdin>")
    return read_text(path, shown(path))


def _show(text: Text, after: str, output: Output) -> None:
    from compiler.report.text_diff import difference

    names = (text.name, f"{text.name} laid out")
    output.lines(difference(text.content, after, names, output.style))


def _write(
    texts: dict[Path, Text], laid: dict[Path, str], changed: list[Path], output: Output
) -> None:
    from compiler.cli.files import replace_text

    if Path("-") in texts:
        output.raw(laid[Path("-")])
    for path in changed:
        if path != Path("-"):
            replace_text(path, texts[path].content, laid[path])
