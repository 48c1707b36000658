"""A SELECT over a table's rows in portions, each of which can be answered by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from backends.duckdb.connection import ROW_GROUP, Connection, session
from backends.duckdb.parquet import row_groups
from backends.duckdb.text import name, strings
from compiler.backend import TaskContext

if TYPE_CHECKING:
    import pyarrow as pa

_AT = "file_row_number"
"""DuckDB's own column of a row's place in its file, from 0."""


class Run(Struct, frozen=True):
    """Rows one after the other, as a FROM item: whole small files, or row groups of a large one."""

    scan: str
    files: tuple[Path, ...]
    rows: int


class Portion(Struct, frozen=True):
    """A SELECT over a run of rows; ``views`` are names of tables that are this run."""

    sql: str
    run: Run
    views: tuple[str, ...] = ()


def runs(connection: Connection, files: Sequence[Path]) -> list[Run]:
    """The rows of Parquet files of equal columns, in order, in runs of a row group or more."""
    found: list[Run] = []
    small: list[Path] = []
    rows = 0
    for file in files:
        bounds = _bounds(connection, file)
        if len(bounds) == 1:
            small.append(file)
            rows += bounds[0][1] + 1
        if len(bounds) > 1 or rows >= ROW_GROUP:
            found += _whole(small, rows)
            small, rows = [], 0
        if len(bounds) > 1:
            found += [_part(file, first, last) for first, last in bounds]
    return found + _whole(small, rows)


def answer(portion: Portion, context: TaskContext) -> pa.Table:
    """The rows of one portion, in its order.

    Raises:
        StackcError: E710 or E712.
    """
    with session(context, reads=portion.run.files, threads=1) as connection:
        for view in portion.views:
            connection.execute(f"CREATE VIEW {name(view)} AS SELECT * FROM {portion.run.scan}")
        return connection.sql(portion.sql).to_arrow_table()


def _bounds(connection: Connection, file: Path) -> list[tuple[int, int]]:
    """First and last rows of runs of row groups; a file that hides its rows' places is one."""
    bounds, first, end = [], 0, 0
    described = connection.execute(f"DESCRIBE SELECT * FROM {_scan([file])}").fetchall()
    divides = all(str(row[0]).lower() != _AT for row in described)
    for size in row_groups(connection, file):
        end += size
        if divides and end - first >= ROW_GROUP:
            bounds.append((first, end - 1))
            first = end
    return [*bounds, (first, end - 1)] if end > first else bounds


def _whole(files: Sequence[Path], rows: int) -> list[Run]:
    return [Run(_scan(files), tuple(files), rows)] if files else []


def _part(file: Path, first: int, last: int) -> Run:
    scan = f"(SELECT * FROM {_scan([file])} WHERE {_AT} BETWEEN {first} AND {last})"
    return Run(scan, (file,), last - first + 1)


def _scan(files: Sequence[Path]) -> str:
    return f"read_parquet({strings(str(file) for file in files)})"
