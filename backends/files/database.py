"""Ingest a query's result from a database, and tell when the result changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import duckdb

from backends.duckdb.connection import message_of, session, write
from backends.duckdb.parsed import statement
from backends.files.arrow_plain import plain
from backends.files.connections import Target, query_failed, reading, target_of
from backends.files.fingerprint import content
from backends.files.part import Wanted
from backends.files.read import ingest
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.diagnostics import StackcError
from compiler.graph.digest import digest
from compiler.graph.operations import ReadDatabase

_QUIET = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


def read_database(
    operation: ReadDatabase, _inputs: Mapping[str, Artifact], context: TaskContext
) -> Outcome:
    """Write the query's rows with exactly the contract's columns.

    Rows come in the order that the query asks for; without an ORDER BY they
    are sorted by all columns, so that the same rows are the same bytes.

    Raises:
        StackcError: E709, E710 for the database; E703, E704, E705 as for files.
    """
    target = _target(operation, context)
    staged = context.workdir / "staged.parquet"
    context.progress("querying the database")
    _stage(target, operation.sql, staged, context)
    wanted = Wanted(operation.columns, {})
    order = "" if has_order(operation.sql) else "ORDER BY ALL"
    named = {staged.resolve(): "the query's result"}
    rows = ingest(named, "parquet", wanted, context, order)
    staged.unlink()
    return Outcome({"table": context.workdir / "table.parquet"}, {"rows": rows})


def observe_database(operation: ReadDatabase, context: TaskContext) -> str:
    """A digest of the rows the query would give, or of the file they are in.

    Raises:
        StackcError: E709 or E710 as for reading.
    """
    target = _target(operation, context)
    if target.file is not None:
        logs = (target.file.with_name(target.file.name + end) for end in ("-wal", ".wal"))
        return content([target.file, *(log for log in logs if log.exists())], context.state)
    with reading(target, _checksum(operation.sql)) as reader:
        return digest(
            [str(value) for row in reader.read_all().to_pylist() for value in row.values()]
        )


def has_order(sql: str) -> bool:
    """Whether the outermost query says in which order its rows come."""
    text = _QUIET.sub(" ", sql)
    while True:
        shorter = re.sub(r"\([^()]*\)", " ", text)
        if shorter == text:
            return re.search(r"\border\s+by\b", text, re.IGNORECASE) is not None
        text = shorter


def _target(operation: ReadDatabase, context: TaskContext) -> Target:
    url = context.secret(operation.connection)
    return target_of(operation.connection, url, context.project)


def _stage(target: Target, sql: str, path: Path, context: TaskContext) -> None:
    """Stream the result into a file, batch by batch."""
    with reading(target, sql) as reader, session(context, threads=1) as connection:
        try:
            connection.register("__rows", plain(reader))
            write(connection, "SELECT * FROM __rows", path)
        except duckdb.Error as error:
            raise _stage_failed(target, error, reader.schema.names) from None


def _stage_failed(target: Target, error: duckdb.Error, columns: list[str]) -> StackcError:
    text = re.sub(r"^reading the stream registered as '[^']*' failed: ", "", message_of(error))
    return query_failed(target, ValueError(text.split("Detail: Python exception")[0]), columns)


def _checksum(sql: str) -> str:
    """Count and sum of two halves of each row's MD5, computed in the database."""
    half = "('x' || substr(md5(t::text), {}, 15))::bit(60)::bigint"
    halves = ", ".join(f"sum({half.format(start)})::text AS s{start}" for start in (1, 17))
    return f"SELECT count(*)::text AS n, {halves} FROM (\n{statement(sql)}) AS t"
