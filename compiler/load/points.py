"""Points: what a multirun's overrides stand for, one list of overrides a point, as Hydra has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from msgspec import Struct

from compiler.codes import Code
from compiler.diagnostics import Diagnostic, StackcError, fail
from compiler.load.command import CommandLine
from compiler.load.compose import search_folders
from compiler.load.groups import Groups
from compiler.load.hydra.grammar import ArgumentError, Axis, SweepError, axis_of, parse_argument
from compiler.source import Sources

MAX_POINTS = 1000
"""No sweep may have more points."""


class Point(Struct, frozen=True):
    """One point of a sweep.

    Attributes:
        number: Counts from 1, in Hydra's order: the last argument changes fastest.
        overrides: All its overrides, as one run would take them.
        choices: What the sweep chose for it: each swept key with its value.
    """

    number: int
    overrides: tuple[str, ...]
    choices: tuple[tuple[str, Any], ...]

    @property
    def source(self) -> str:
        """What findings call its command line."""
        return f"<point {self.number}>"


def points_of(
    spec: Path,
    overrides: Sequence[str] = (),
    config_dirs: Sequence[Path] = (),
    sources: Sources | None = None,
) -> tuple[Point, ...]:
    """The points of a multirun: the product of all values, the last argument changing fastest.

    Raises:
        StackcError: E108 for an argument that is no override, E109 for a folder
            that does not exist, E116 for values that cannot be counted and for
            too many points; each located, the error carries the texts to quote.
    """
    command = CommandLine(spec, overrides, config_dirs)
    sources = sources if sources is not None else Sources()
    sources.add(command.text.name, command.text.content)
    try:
        folders = search_folders(spec.resolve().parent, config_dirs, command)
        return _points(command, Groups(folders))
    except StackcError as error:
        error.sources = sources
        raise


def _points(command: CommandLine, groups: Groups) -> tuple[Point, ...]:
    axes: dict[str, Axis] = {}
    findings: list[Diagnostic] = []
    for index, argument in enumerate(command.overrides):
        try:
            axis = axis_of(argument, groups, MAX_POINTS)
            axes[axis.key] = axis
        except ArgumentError as error:
            findings.append(_refused(error, index, command))
    if findings:
        raise StackcError(*findings)
    _bounded(math.prod(len(axis.overrides) for axis in axes.values()), command)
    swept = [axis.sweeps for axis in axes.values()]
    found = []
    for number, chosen in enumerate(product(*(axis.overrides for axis in axes.values())), 1):
        parsed = [parse_argument(0, text) for text, own in zip(chosen, swept, strict=True) if own]
        choices = tuple((argument.key, argument.value) for argument in parsed)
        found.append(Point(number, chosen, choices))
    return tuple(found)


def _refused(error: ArgumentError, index: int, command: CommandLine) -> Diagnostic:
    at = error.offset
    span = command.override(index, at or 0, None if at is None else at + 1)
    code = Code.SWEEP if isinstance(error, SweepError) else Code.OVERRIDE
    return Diagnostic(
        code, error.message, span=span, help=(error.way_out,) if error.way_out else ()
    )


def _bounded(count: int, command: CommandLine) -> None:
    if count > MAX_POINTS:
        raise fail(
            Code.SWEEP,
            f"this sweep has {count:,} points, more than {MAX_POINTS:,}",
            span=command.override(0),
            help="sweep fewer values at a time: what is done is reused by the next sweep",
        )
