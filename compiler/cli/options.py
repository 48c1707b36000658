"""The arguments that commands share: the spec, its overrides, where to look, how to answer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer


class Format(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


class CompileFormat(StrEnum):
    """How ``compile`` answers: findings also as SARIF, for code hosts."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


SpecPath: TypeAlias = Annotated[
    Path, typer.Argument(metavar="SPEC", help="The spec: a YAML file.", show_default=False)
]
Overrides: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Overrides: a.b=1, +new=1, ~gone, group=choice.",
        show_default=False,
    ),
]
ConfigDirs: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--config-dir", metavar="DIR", help="Further folder of config groups."),
]
Environment: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--env", metavar="NAME", envvar="STACKC_ENV", help="An environment of the spec, by name."
    ),
]
OutputFormat: TypeAlias = Annotated[
    Format, typer.Option("--format", help="Text for people, JSON for programs.")
]
Multirun: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--multirun", "-m", help="Try every point of a sweep: a=1,2 b=range(1,9,2) c=glob(*)."
    ),
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
