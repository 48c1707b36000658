"""The one place that opens DuckDB for data: bounded memory, no network, only files it is given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import duckdb

from backends.duckdb.text import name, string, strings
from compiler.backend import Artifact, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.types import TableType

Connection: TypeAlias = duckdb.DuckDBPyConnection

ROW_GROUP = 122_880
"""Rows in a Parquet row group: DuckDB's own vector of work, so a scan splits evenly."""

_SHARE = 0.7
"""Of the task's memory, what DuckDB may claim; the rest is Python, Arrow and file buffers."""
_LEAST = 128 * 1024 * 1024
_WIDE = 300
"""Columns from which the search for common parts of expressions costs more than it saves."""


@contextmanager
def session(
    context: TaskContext,
    reads: Iterable[Path] = (),
    threads: int | None = None,
    columns: int = 0,
) -> Iterator[Connection]:
    """An in-memory connection for one task.

    Args:
        context: The task; its workdir takes what spills, its memory is the bound.
        reads: Files that SQL may read besides those in the workdir.
        threads: Fewer threads than the task may use.
        columns: How many columns a query will have, where they may be many.

    Raises:
        StackcError: E710 or E712, for an error of the engine that nobody translated.
    """
    spill = context.workdir / "spill"
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": f"{max(_LEAST, int(context.memory * _SHARE))}B",
        "threads": max(1, threads or context.threads),
        "preserve_insertion_order": True,
        "temp_directory": str(spill),
    }
    connection = duckdb.connect(config=config)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        if columns > _WIDE:
            connection.execute("SET disabled_optimizers = 'common_subexpressions'")
        _lock(connection, [context.workdir], reads)
        yield connection
    except duckdb.Error as error:
        raise failure(error) from error
    finally:
        connection.close()


@contextmanager
def over(
    context: TaskContext,
    inputs: Mapping[str, Artifact],
    threads: int | None = None,
    variables: Mapping[str, bytes] = MappingProxyType({}),
) -> Iterator[Connection]:
    """A session in which each input table is a view of its name, and variables are set.

    Raises:
        StackcError: As ``session``; values of private columns stay out of what it says.
    """
    files = [artifact.path for artifact in inputs.values()]
    with session(context, files, threads) as connection:
        try:
            for table, file in zip(inputs, files, strict=True):
                scan = f"read_parquet({strings([str(file)])})"
                connection.execute(f"CREATE VIEW {name(table)} AS SELECT * FROM {scan}")
            for variable, value in variables.items():
                connection.execute(f"SET VARIABLE {name(variable)} = ?", [value])
            yield connection
        except duckdb.Error as error:
            raise failure(error, inputs) from error


def _lock(connection: Connection, folders: Iterable[Path], files: Iterable[Path]) -> None:
    connection.execute(f"SET allowed_directories = {strings(str(f) + '/' for f in folders)}")
    connection.execute(f"SET allowed_paths = {strings(str(f) for f in files)}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def write(connection: Connection, select: str, path: Path) -> int:
    """Write a query's rows, in its order, to one Parquet file; returns how many."""
    row = only_row(
        connection,
        f"COPY ({select}) TO {string(str(path))} "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})",
    )
    return int(row[0])


def only_row(connection: Connection, sql: str) -> tuple[Any, ...]:
    """The one row of a query that has exactly one."""
    # Fetching all, not one: a result that is not read to its end holds the connection.
    (row,) = connection.execute(sql).fetchall()
    return tuple(row)


def _quoting(error: duckdb.Error, inputs: Mapping[str, Artifact]) -> str:
    text = message_of(error)
    tables = [a.type for a in inputs.values() if isinstance(a.type, TableType)]
    private = any(column.is_private for table in tables for column in table.columns)
    return re.sub(r"'(?:[^']|'')*'", "a value", text) if private else text


def message_of(error: duckdb.Error) -> str:
    """The first lines of DuckDB's message, without its class and its drawing of the query."""
    text = re.sub(r"^[A-Z][A-Za-z ]+ Error: ", "", str(error))
    kept = re.split(r"\n\s*\nLINE \d+:|\nLINE \d+:|\n\s*Candidate|\n\n", text)[0]
    return kept.strip().rstrip("!.")


def failure(error: duckdb.Error, inputs: Mapping[str, Artifact] | None = None) -> StackcError:
    """A finding for an error of the engine at run time.

    Values that the engine quotes are left out where an input has a column
    whose values must not be shown.
    """
    text = str(error)
    if "No space left" in text or "failed to offload" in text.lower():
        return fail(
            Code.NO_SPACE,
            f"the disk is full: {message_of(error)}",
            help="free some space and apply again: what was finished is kept",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return fail(
            Code.QUERY_FAILED,
            "the query needs more memory than the run may use",
            help="give the run more memory, or make the query smaller",
            notes=(message_of(error),),
        )
    return fail(
        Code.QUERY_FAILED,
        f"the query failed on the data: {_quoting(error, inputs or {})}",
        help="filter or convert such values in the SQL, for example with `try_cast`",
    )
