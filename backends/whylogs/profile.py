"""A table's columns streamed into sketches, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from backends.whylogs.column import ColumnView
from backends.whylogs.container import (
    ProfiledColumn,
    ProfileSet,
    WindowProfile,
    write_profile,
)
from backends.whylogs.sketch import ColumnSketch, Kind, kind_of
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.operations import Profile, Window
from compiler.graph.types import TableType

MAX_WINDOWS = 1000
"""More windows than this are a mistake in ``by``, such as grouping by an identifier."""

_CELLS = 4_000_000
_MOST_ROWS = 131_072


def profile(operation: Profile, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Profile the columns of ``table``, one view per window.

    Raises:
        StackcError: E710 where the table cannot be read, the window's SQL
            fails, or it makes more than ``MAX_WINDOWS`` windows.
    """
    table = inputs["table"]
    with _connected(table.path, context, operation.window) as connection:
        labels = _labels(connection, table.path, operation.window)
        profiles = _sketched(connection, table, operation, labels, context)
    made = context.workdir / "profile.whylogs"
    write_profile(made, profiles)
    summary = {
        "rows": profiles.rows,
        "columns": len(profiles.columns),
        "windows": len(profiles.windows),
    }
    return Outcome({"profile": made}, summary)


@contextmanager
def _connected(
    path: Path, context: TaskContext, window: Window
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can read this one file and nothing else; its errors made ours."""
    try:
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET enable_progress_bar = false")
            connection.execute("SET preserve_insertion_order = false")
            connection.execute(f"SET threads = {max(1, context.threads)}")
            connection.execute(f"SET memory_limit = '{max(context.memory // 2, 1 << 27)}B'")
            connection.execute(f"SET temp_directory = {_text(str(context.workdir / 'spill'))}")
            connection.execute(f"SET allowed_paths = [{_text(str(path))}]")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield connection
    except duckdb.Error as error:
        asked = window.where or window.by
        about = f" over the window `{asked}`" if asked else ""
        raise fail(
            Code.QUERY_FAILED,
            f"{context.address}: the profile{about} failed: {str(error).splitlines()[0]}",
            help="the window's SQL must hold for every row of the table",
        ) from error


def _labels(
    connection: duckdb.DuckDBPyConnection, path: Path, window: Window
) -> dict[str | None, str]:
    """Each window's value as text, and its label, in the order of the values."""
    if window.by is None:
        return {None: window.where or "all"}
    sql = (
        f"SELECT CAST(w AS VARCHAR) FROM (SELECT (\n{window.by}\n) AS w {_source(path, window)}) "
        f"GROUP BY w ORDER BY w NULLS LAST LIMIT {MAX_WINDOWS + 1}"
    )
    values = [row[0] for row in connection.execute(sql).fetchall()]
    if len(values) > MAX_WINDOWS:
        raise fail(
            Code.QUERY_FAILED,
            f"`{window.by}` makes more than {MAX_WINDOWS:,} windows",
            help="group by something coarser, e.g. date_trunc('day', ...)",
        )
    return {value: "null" if value is None else value for value in values}


def _source(path: Path, window: Window) -> str:
    where = f"WHERE (\n{window.where}\n)" if window.where is not None else ""
    return f'FROM read_parquet({_text(str(path))}) AS "table" {where}'


def _sketched(
    connection: duckdb.DuckDBPyConnection,
    table: Artifact,
    operation: Profile,
    labels: Mapping[str | None, str],
    context: TaskContext,
) -> ProfileSet:
    window = operation.window
    by = f"CAST((\n{window.by}\n) AS VARCHAR)" if window.by is not None else "CAST(NULL AS VARCHAR)"
    names = ", ".join([*map(_name, operation.columns), by])
    size = max(2048, min(_MOST_ROWS, _CELLS // (len(operation.columns) + 1)))
    reader = connection.sql(f"SELECT {names} {_source(table.path, window)}").to_arrow_reader(size)
    kinds: list[Kind] = [kind_of(field.type) for field in reader.schema][:-1]
    columns = _columns(operation.columns, kinds, reader.schema, table)
    sketches = {value: [ColumnSketch(kind) for kind in kinds] for value in labels}
    rows = dict.fromkeys(labels, 0)
    for batch in reader:
        for value, part in _parts(batch, window.by is not None):
            rows[value] += part.num_rows
            for sketch, array in zip(sketches[value], part.columns[:-1], strict=True):
                sketch.update(array)
        context.progress(f"{sum(rows.values()):,} rows")
    return ProfileSet(
        columns,
        tuple(
            WindowProfile(label, rows[value], _views(columns, sketches[value]))
            for value, label in labels.items()
        ),
    )


def _columns(
    names: tuple[str, ...], kinds: list[Kind], schema: pa.Schema, table: Artifact
) -> tuple[ProfiledColumn, ...]:
    declared: dict[str, str] = {}
    if isinstance(table.type, TableType):
        declared = {column.name: str(column.type) for column in table.type.columns}
    return tuple(
        ProfiledColumn(name, declared.get(name, str(field.type)), kind)
        for name, kind, field in zip(names, kinds, schema, strict=False)
    )


def _views(
    columns: tuple[ProfiledColumn, ...], sketches: list[ColumnSketch]
) -> dict[str, ColumnView]:
    return {
        column.name: ColumnView(sketch.view(), column.kind)
        for column, sketch in zip(columns, sketches, strict=True)
    }


def _parts(batch: pa.RecordBatch, grouped: bool) -> Iterator[tuple[str | None, pa.RecordBatch]]:
    """The rows of each window in a batch; the window's value is the last column."""
    if not grouped:
        yield None, batch
        return
    coded = batch.column(batch.num_columns - 1).dictionary_encode(null_encoding="encode")
    order = pc.sort_indices(coded.indices)
    batch = batch.take(order)
    counts: dict[Any, int] = {
        row["values"]: row["counts"] for row in pc.value_counts(coded.indices).to_pylist()
    }
    start = 0
    for code in sorted(counts):
        yield coded.dictionary[code].as_py(), batch.slice(start, counts[code])
        start += counts[code]


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
