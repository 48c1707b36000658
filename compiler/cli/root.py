"""The command line's root: every command under its name."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from compiler.cli import COMMANDS
from compiler.cli.frame import guarded

_EPILOG = (
    "Every command takes the spec first and then overrides: "
    "stackc apply stack.yaml models.late.algorithm.max_depth=8 backends=local"
)


def _version(wanted: bool) -> None:
    if wanted:
        from compiler.cli.output import program_version

        print(f"stackc {program_version()}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Compile, plan and apply a machine-learning stack from one spec."""


def build() -> typer.Typer:
    """The whole command line, ready to be called."""
    app = typer.Typer(
        name="stackc",
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in COMMANDS:
        command = importlib.import_module(f"compiler.cli.{name}").command
        app.command(name)(guarded(command))
    return app
