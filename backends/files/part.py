"""What every file format gives: scans with known columns, to be cast and written in one way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn, TypeAlias

from msgspec import Struct

from backends.duckdb.connection import Connection
from compiler.codes import Code
from compiler.diagnostics import did_you_mean, fail, known_here
from compiler.graph.types import Column


class Part(Struct, frozen=True):
    """Consecutive files of equal columns.

    Attributes:
        files: The files in order.
        columns: Their columns' names and DuckDB types.
        scan: A FROM item over some of the files, rows in file order.
        format: csv, jsonl, parquet or arrow.
        blank_is_null: Whether an empty text is no value for what is not text.
        first_line: The line of a file's first row; None where rows are no lines.
    """

    files: tuple[Path, ...]
    columns: tuple[tuple[str, str], ...]
    scan: Callable[[Sequence[Path]], str]
    format: str
    blank_is_null: bool = False
    first_line: int | None = None


Say: TypeAlias = Callable[[Path], str]
"""A file's name for messages."""

Opener: TypeAlias = Callable[[Connection, Sequence[Path], "Wanted", Say], Sequence[Part]]
"""Looks at the files of one format and says how to scan them."""


class Wanted(Struct, frozen=True):
    """What is asked of the files: the contract's columns, or None to learn what there is."""

    columns: tuple[Column, ...] | None
    options: dict[str, str | int | float | bool | None]


def unreadable(file: str, why: str, *helps: str, notes: tuple[str, ...] = ()) -> NoReturn:
    """Say that a file is not what its format promises."""
    raise fail(Code.SOURCE_UNREADABLE, f"`{file}` {why}", help=helps, notes=notes)


def empty(file: str) -> NoReturn:
    """Say that there is nothing in a file."""
    raise fail(
        Code.SOURCE_EMPTY,
        f"`{file}` is empty",
        help="a source needs at least one row; check what should have written it",
    )


_RELOCK = "if its columns were inferred: `stackc lock SPEC --update` looks at them again"


def missing_columns(
    missing: Sequence[str], asked: Iterable[str], present: Iterable[str], file: str
) -> NoReturn:
    """Say which of the columns that are asked of a file it lacks."""
    rest = f", nor {len(missing) - 1} others of the contract" if len(missing) > 1 else ""
    message = f"`{file}` has no column `{missing[0]}`{rest}"
    others = sorted({*present} - {*asked})
    ways = did_you_mean(missing[0], others) if len(missing) == 1 else known_here(others)
    raise fail(Code.SOURCE_COLUMNS, message, help=(*ways, _RELOCK))


def twice(names: Sequence[str], file: str) -> None:
    """Refuse a file that has two columns of one name, whatever their case."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise fail(
                Code.SOURCE_COLUMNS,
                f"`{file}` has two columns named `{name}`",
                help="give each column of the file a name of its own; case does not count",
            )
        seen.add(name.lower())


def grouped(
    files: Sequence[Path], columns: Sequence[tuple[tuple[str, str], ...]]
) -> list[tuple[tuple[Path, ...], tuple[tuple[str, str], ...]]]:
    """Consecutive files of equal columns."""
    groups: list[tuple[list[Path], tuple[tuple[str, str], ...]]] = []
    for file, names in zip(files, columns, strict=True):
        if groups and groups[-1][1] == names:
            groups[-1][0].append(file)
        else:
            groups.append(([file], names))
    return [(tuple(members), names) for members, names in groups]
