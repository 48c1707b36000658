"""Ingest of Parquet files that is put together of answers to portions of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from backends.duckdb.connection import session
from backends.duckdb.divided import written
from backends.duckdb.portions import Portion, runs
from backends.files.misfits import refuse_nulls
from backends.files.origins import origin_of
from backends.files.part import Wanted
from backends.files.paths import scheme
from backends.files.read import casts, opened, select
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.graph.operations import ReadFiles

if TYPE_CHECKING:
    import pyarrow as pa


def read_portions(
    operation: ReadFiles, _inputs: Mapping[str, Artifact], context: TaskContext
) -> list[Portion]:
    """Parquet files of this machine in portions; [] for files of other formats and places.

    Raises:
        StackcError: As ``read_files``, for what can be said before rows are read.
    """
    if operation.format != "parquet" or scheme(operation.path) is not None:
        return []
    named = origin_of(operation.path, context).files()
    with session(context, named) as connection:
        parts = opened(connection, named, operation.format, _wanted(operation))
        found: list[Portion] = []
        for part in parts:
            checked = ", ".join(cast.checked for cast in casts(part, operation.columns))
            found += [
                Portion(f"SELECT {checked} FROM {run.scan}", run)
                for run in runs(connection, part.files)
            ]
        return found


def read_together(
    operation: ReadFiles,
    _inputs: Mapping[str, Artifact],
    answers: Iterator[pa.Table],
    context: TaskContext,
) -> Outcome:
    """The rows of all portions as the output ``table``."""
    named = origin_of(operation.path, context).files()
    with session(context, named, threads=1, columns=len(operation.columns)) as connection:
        parts = opened(connection, named, operation.format, _wanted(operation))
        like = f"SELECT * FROM ({select(parts, operation.columns)}) LIMIT 0"
        outcome = written(connection, like, answers, context)
        table = outcome.files["table"]
        refuse_nulls(connection, table, parts, operation.columns, named.__getitem__)
        return outcome


def _wanted(operation: ReadFiles) -> Wanted:
    return Wanted(operation.columns, dict(operation.options))
