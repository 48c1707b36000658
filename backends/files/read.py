"""Ingest files: the contract's columns, cast without loss, as one staged Parquet file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from backends.duckdb.connection import Connection, session, write
from backends.duckdb.order import threads_for
from backends.duckdb.text import names
from backends.files import misfits
from backends.files.arrow_files import open_arrow
from backends.files.casts import Cast, cast
from backends.files.csv_files import open_csv
from backends.files.jsonl_files import open_jsonl
from backends.files.origins import origin_of
from backends.files.parquet_files import open_parquet
from backends.files.part import Opener, Part, Wanted, missing_columns
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.operations import ReadFiles
from compiler.graph.types import Column

OPENERS: Mapping[str, Opener] = {
    "csv": open_csv,
    "parquet": open_parquet,
    "jsonl": open_jsonl,
    "arrow": open_arrow,
}
"""How each format is opened."""


def read_files(
    operation: ReadFiles, _inputs: Mapping[str, Artifact], context: TaskContext
) -> Outcome:
    """Write the files' rows, in file order and row order, with exactly the contract's columns.

    Raises:
        StackcError: E113, E701, E709 for where they are; E604 where they are no
            longer what the plan was made for; E702 for what cannot be read; E703
            where there are no rows; E704 for a value that does not fit the
            contract; E705 for a column that is not there.
    """
    named = origin_of(operation.path, context).files()
    wanted = Wanted(operation.columns, dict(operation.options))
    context.progress(f"reading {len(named)} files" if len(named) > 1 else "reading")
    rows = ingest(named, operation.format, wanted, context)
    return Outcome({"table": context.workdir / "table.parquet"}, {"rows": rows})


def observe_files(operation: ReadFiles, context: TaskContext) -> str:
    """A digest of the content of all files in order.

    Raises:
        StackcError: E113, E701, E702 or E709 as for reading.
    """
    return origin_of(operation.path, context).observe()


def ingest(
    named: Mapping[Path, str], format: str, wanted: Wanted, context: TaskContext, order: str = ""
) -> int:
    """Write files as the output ``table``; returns the number of rows.

    ``named`` says what messages call each file, in order, by its real path;
    ``order`` is an ORDER BY clause for rows that come in no order of their own.
    """
    target, real = context.workdir / "table.parquet", tuple(named)
    threads = 1 if order else _threads(named, format, wanted, context)
    columns = wanted.columns or ()
    with session(context, real, threads, len(columns)) as connection:
        parts = opened(connection, named, format, wanted)
        try:
            rows = write(connection, select(parts, columns, order), target)
        except duckdb.Error as error:
            raise misfits.explain(error, connection, parts, columns, named.__getitem__) from error
        if rows:
            misfits.refuse_nulls(connection, target, parts, columns, named.__getitem__)
    if not rows:
        raise fail(
            Code.SOURCE_EMPTY,
            f"`{named[real[0]]}` has no rows" if len(real) == 1 else "the files have no rows",
            help="a source needs at least one row; check what should have written it",
        )
    return rows


def _threads(named: Mapping[Path, str], format: str, wanted: Wanted, context: TaskContext) -> int:
    """One thread unless the files are Parquet that any number of threads writes alike."""
    if format != "parquet" or context.threads == 1:
        return 1
    real = tuple(named)
    with session(context, real) as connection:
        parts = opened(connection, named, format, wanted)
        if len(parts) > 1:
            return 1
        return threads_for(connection, select(parts, wanted.columns or ()), real, context.threads)


def opened(
    connection: Connection, named: Mapping[Path, str], format: str, wanted: Wanted
) -> Sequence[Part]:
    """The parts of the files, each with all columns of the contract."""
    say = named.__getitem__
    parts = OPENERS[format](connection, tuple(named), wanted, say)
    for part in parts:
        present = dict(part.columns)
        asked = [column.name for column in wanted.columns or ()]
        missing = [name for name in asked if name not in present]
        if missing:
            missing_columns(missing, asked, present, say(part.files[0]))
    return parts


def casts(part: Part, columns: Sequence[Column]) -> list[Cast]:
    """How each column of the contract is read from a part."""
    types = dict(part.columns)
    return [cast(column, types[column.name], part.blank_is_null) for column in columns]


def select(parts: Sequence[Part], columns: Sequence[Column], order: str = "") -> str:
    """One SELECT over all parts, in order."""
    rows = " UNION ALL ".join(
        f"SELECT {', '.join(c.checked for c in casts(part, columns))} FROM {part.scan(part.files)}"
        for part in parts
    )
    return f"SELECT {names(c.name for c in columns)} FROM ({rows}) {order}" if order else rows
