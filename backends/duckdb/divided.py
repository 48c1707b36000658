"""Steps over one large table that are put together of answers to portions of it.

What comes out is what ``query``, ``clean`` and ``validate`` give, row for row. Who answers the
portions is somebody else's matter; a step without portions is done as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from backends.duckdb.clean import clean_sql
from backends.duckdb.connection import Connection, over, write
from backends.duckdb.hashing import needs_key
from backends.duckdb.judging import row_counts, row_rules
from backends.duckdb.order import goes_by_rows
from backends.duckdb.parsed import statement
from backends.duckdb.portions import Portion, runs
from backends.duckdb.query import canonical
from backends.duckdb.validate import judge
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.graph.operations import Clean, Query, Validate
from compiler.graph.types import TableType

if TYPE_CHECKING:
    import pyarrow as pa


def query_portions(
    operation: Query | Clean, inputs: Mapping[str, Artifact], context: TaskContext
) -> list[Portion]:
    """A SELECT or cleaning that goes by the rows of one table, in portions; [] where it does not.

    Raises:
        StackcError: E710 where the engine cannot plan it.
    """
    if len(inputs) != 1 or (isinstance(operation, Clean) and needs_key(operation)):
        return []
    ((table, artifact),) = inputs.items()
    with over(context, inputs) as connection:
        select = _select(connection, operation, inputs)
        if not goes_by_rows(connection, select):
            return []
        found = runs(connection, [artifact.path])
        return [Portion(select, run, (table,)) for run in found]


def query_together(
    operation: Query | Clean,
    inputs: Mapping[str, Artifact],
    answers: Iterator[pa.Table],
    context: TaskContext,
) -> Outcome:
    """The rows of all portions as the output ``table``."""
    with over(context, inputs, threads=1) as connection:
        select = _select(connection, operation, inputs)
        return written(connection, f"SELECT * FROM ({select}) LIMIT 0", answers, context)


def validate_portions(
    operation: Validate, inputs: Mapping[str, Artifact], context: TaskContext
) -> list[Portion]:
    """The counts of rows that break a rule of single rows, in portions."""
    table, kind = inputs["table"], inputs["table"].type
    assert isinstance(kind, TableType)
    rules = row_rules(operation.rules)
    if not rules:
        return []
    with over(context, {"table": table}) as connection:
        counts = row_counts(rules, kind)
        return [Portion(counts, run, ("table",)) for run in runs(connection, [table.path])]


def validate_together(
    operation: Validate,
    inputs: Mapping[str, Artifact],
    answers: Iterator[pa.Table],
    context: TaskContext,
) -> Outcome:
    """The verdict, with the counts of all portions added up."""
    counts = [0] * len(row_rules(operation.rules))
    for answer in answers:
        (found,) = answer.to_pylist()
        counts = [known + found[f"c{at}"] for at, known in enumerate(counts)]
    return judge(operation, inputs, context, counts)


def written(
    connection: Connection, like: str, answers: Iterator[pa.Table], context: TaskContext
) -> Outcome:
    """The rows of answers, in their order, as the output ``table`` with the columns of a SELECT."""
    import pyarrow as pa

    target = context.workdir / "table.parquet"
    schema = connection.sql(like).to_arrow_table().schema
    batches = (batch for answer in answers for batch in answer.cast(schema).to_batches())
    connection.register("answers", pa.RecordBatchReader.from_batches(schema, batches))
    rows = write(connection, "SELECT * FROM answers", target)
    return Outcome({"table": target}, {"rows": rows})


def _select(
    connection: Connection, operation: Query | Clean, inputs: Mapping[str, Artifact]
) -> str:
    if isinstance(operation, Query):
        return canonical(connection, statement(operation.sql))
    kind = inputs["table"].type
    assert isinstance(kind, TableType)
    return canonical(connection, clean_sql(operation, kind))
