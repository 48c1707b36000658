"""``stackc fix``: make the changes that findings name, where only one can be meant."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.cli.frame import DONE, FAILED, asks, somebody_is_there
from compiler.cli.options import ConfigDirs, Format, OutputFormat, Overrides, SpecPath, Yes
from compiler.cli.output import Output

if TYPE_CHECKING:
    from compiler.fixing import Mending


def command(
    spec: SpecPath,
    overrides: Overrides = None,
    config_dir: ConfigDirs = None,
    yes: Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    format: OutputFormat = Format.TEXT,
) -> int:
    """Mend what has one clear way out: misspelt names, entries that stand twice."""
    from compiler.fixing import mend
    from compiler.report.text_diff import difference

    output = Output(format, "fix")
    mending = mend(spec, overrides or (), config_dir or ())
    for name, after in mending.after.items():
        output.lines(
            difference(mending.before[name], after, (name, f"{name} mended"), output.style)
        )
    written = bool(mending.after) and not dry_run and (yes or _wanted(mending, output))
    if written:
        _write(mending)
    _tell(mending, written, shlex.quote(str(spec)), output)
    errors = any(finding.severity == "error" for finding in mending.left)
    return FAILED if errors or (mending.after and not written) else DONE


def _wanted(mending: Mending, output: Output) -> bool:
    if output.json or not somebody_is_there():
        return False
    return asks(f"Make {_changes(mending)}?")


def _changes(mending: Mending) -> str:
    from compiler.report.text_style import plural

    return plural(len(mending.made), "change")


def _write(mending: Mending) -> None:
    from compiler.cli.files import replace_text

    for name, after in mending.after.items():
        replace_text(Path(name), mending.before[name], after)


def _tell(mending: Mending, written: bool, spec: str, output: Output) -> None:
    """What was done, what would be, and what is left to a person."""
    from compiler.report.diagnostics import fix_json

    output.findings(mending.left, mending.sources)
    if written:
        output.line(f"{_changes(mending).capitalize()} made.")
    elif mending.after:
        output.line(f"{_changes(mending).capitalize()} to make: stackc fix {spec} --yes")
    elif not mending.left:
        output.line("Nothing to fix.")
    output.document(
        {
            "written": written,
            "files": list(mending.after),
            "fixes": [fix_json(fix) for fix in mending.made],
        },
        ok=not mending.left and (written or not mending.after),
        diagnostics=mending.left,
    )
