"""Queries: SQL over tables into one Parquet file, the same bytes on every run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from backends.duckdb.connection import Connection, over, write
from backends.duckdb.order import threads_for
from backends.duckdb.parsed import statement
from backends.duckdb.text import name
from backends.duckdb.types import from_duckdb, to_duckdb
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.graph.operations import Query


def query(operation: Query, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Run a query over the input tables; its columns have canonical types.

    Raises:
        StackcError: E710 for what fails on the data, E712 for a full disk.
    """
    return run(operation.sql, inputs, context)


def run(
    sql: str,
    inputs: Mapping[str, Artifact],
    context: TaskContext,
    variables: Mapping[str, bytes] = MappingProxyType({}),
) -> Outcome:
    """Write the rows of a SELECT over views of the inputs as the output ``table``.

    ``variables`` are what SQL may read by ``getvariable`` and shows in no error.
    """
    target = context.workdir / "table.parquet"
    with over(context, inputs, variables=variables) as connection:
        select = canonical(connection, statement(sql))
        files = [artifact.path for artifact in inputs.values()]
        threads = threads_for(connection, select, files, context.threads)
        if threads == context.threads:
            return Outcome({"table": target}, {"rows": write(connection, select, target)})
    # The settings of a locked connection are final: fewer threads need one of their own.
    with over(context, inputs, threads, variables) as alone:
        return Outcome({"table": target}, {"rows": write(alone, select, target)})


def canonical(connection: Connection, sql: str) -> str:
    """The same SELECT with every column cast to the type that tables carry."""
    described = connection.execute(f"DESCRIBE {sql}").fetchall()
    columns = []
    for row in described:
        column, found = name(str(row[0])), str(row[1])
        wanted = to_duckdb(from_duckdb(found))
        cast = column if wanted == found else f"CAST({column} AS {wanted}) AS {column}"
        columns.append(cast)
    if all(" AS " not in column for column in columns):
        return sql
    return f"SELECT {', '.join(columns)} FROM ({sql})"
