"""A look at all rows of files, for whoever writes a first spec over them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
from msgspec import Struct

from backends.duckdb.connection import Connection, only_row, session
from backends.duckdb.text import name
from backends.files import misfits
from backends.files.inspect import inspect_files, looking
from backends.files.origins import origin_of
from backends.files.part import Part, Wanted
from backends.files.read import opened, select
from compiler.backend import Look
from compiler.graph.operations import Params
from compiler.graph.survey import FEW, Spread, Surveyed
from compiler.graph.types import Column

_AT_ONCE = 40
"""Columns that are summarised in one scan: the time to plan a query grows with its square."""


def survey_files(path: str, format: str, options: Params, look: Look) -> tuple[Surveyed, ...]:
    """Every column of files as its values are; columns of nested types have no summary.

    Raises:
        StackcError: As for looking at the columns; E704 for a value that is not
            what the rows before it let one expect.
    """
    columns = inspect_files(path, format, options, look)
    plain = [column for column in columns if column.type.is_scalar]
    with _rows(path, format, options, look, plain) as table:
        found: dict[str, Surveyed] = {}
        for at in range(0, len(plain), _AT_ONCE):
            found |= _summaries(table, plain[at : at + _AT_ONCE])
        count = table.count()
    return tuple(found.get(c.name) or Surveyed(c, count, 0, 0) for c in columns)


def spread_files(
    path: str, format: str, options: Params, columns: Sequence[Column], cut: str, look: Look
) -> tuple[Spread, ...]:
    """For each value of the first column the rows before and behind a moment of the second."""
    target, time = (name(column.name) for column in columns)
    with _rows(path, format, options, look, columns) as table:
        counted = table.connection.execute(
            f"SELECT count(*) FILTER ({time} < $1), count(*) FILTER ({time} >= $1) "
            f"FROM ({table.of(columns)}) WHERE {target} IS NOT NULL GROUP BY {target}",
            [cut],
        ).fetchall()
    return tuple(Spread(int(before), int(behind)) for before, behind in counted)


class _Table(Struct, frozen=True):
    """Files as a table: a query names the columns it needs, since each costs time to plan."""

    connection: Connection
    parts: Sequence[Part]

    def of(self, columns: Sequence[Column]) -> str:
        """The rows with some columns."""
        return select(self.parts, columns)

    def count(self) -> int:
        """How many rows there are."""
        scans = (part.scan(part.files) for part in self.parts)
        counts = [only_row(self.connection, f"SELECT count(*) FROM {scan}") for scan in scans]
        return sum(int(count) for (count,) in counts)


@contextmanager
def _rows(
    path: str, format: str, options: Params, look: Look, columns: Sequence[Column]
) -> Iterator[_Table]:
    """The files' rows, open as long as somebody looks."""
    with tempfile.TemporaryDirectory() as folder:
        context = looking(folder, look)
        named = origin_of(path, context).files()
        with session(context, tuple(named)) as connection:
            parts = opened(connection, named, format, Wanted(tuple(columns), dict(options)))
            try:
                yield _Table(connection, parts)
            except duckdb.Error as error:
                say = named.__getitem__
                raise misfits.explain(error, connection, parts, columns, say) from error


def _summaries(table: _Table, columns: Sequence[Column]) -> dict[str, Surveyed]:
    asked = [part for column in columns for part in _asked(column)]
    query = f"SELECT count(*), {', '.join(asked)} FROM ({table.of(columns)})"
    count, *answers = only_row(table.connection, query)
    found = {}
    for column in columns:
        (known, distinct, low, high, late), answers = answers[:5], answers[5:]
        nulls = int(count) - int(known)
        seen = Column(column.name, column.type, nulls > 0)
        # A float names no row, and each question reads the files once more.
        names = column.type == "string" or column.type.is_integer
        unique = names and distinct >= 0.9 * known and _no_repeats(table, column, int(known))
        values = _values(table, column) if 0 < distinct <= FEW else ()
        found[column.name] = Surveyed(
            seen, int(count), nulls, int(distinct), unique, low, high, late, values
        )
    return found


def _asked(column: Column) -> list[str]:
    x, type_ = name(column.name), column.type
    ordered = type_.is_numeric or type_.is_temporal
    ends = [f"min({x})", f"max({x})"] if ordered else ["NULL", "NULL"]
    late = f"quantile_disc({x}, 0.7)" if type_.is_temporal else "NULL"
    return [f"count({x})", f"approx_count_distinct({x})", *ends, late]


def _no_repeats(table: _Table, column: Column, known: int) -> bool:
    x = name(column.name)
    query = f"SELECT count(DISTINCT {x}) = {known} FROM ({table.of([column])})"
    return bool(only_row(table.connection, query)[0])


def _values(table: _Table, column: Column) -> tuple[tuple[Any, int], ...]:
    x = name(column.name)
    found = table.connection.execute(
        f"SELECT {x}, count(*) AS n FROM ({table.of([column])}) WHERE {x} IS NOT NULL "
        f"GROUP BY 1 ORDER BY n DESC, 1 LIMIT {FEW + 1}"
    ).fetchall()
    return tuple((value, int(count)) for value, count in found) if len(found) <= FEW else ()
