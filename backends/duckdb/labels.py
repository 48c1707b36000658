"""Labels by key: one row a key, rows without a key or a label left out."""

from __future__ import annotations

from collections.abc import Mapping

from backends.duckdb.connection import only_row, over, write
from backends.duckdb.text import name, names
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.graph.operations import Labels
from compiler.graph.types import TableType


def labels(operation: Labels, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Write ``table``, in the order of the keys. The same label twice is one.

    Raises:
        StackcError: A key has several labels (E730), E712 for a full disk.
    """
    table = inputs["table"].type
    if not isinstance(table, TableType):
        raise TypeError("labels are in a table")
    key, label = names(operation.key), name(operation.label)
    there = " AND ".join(f"{name(column)} IS NOT NULL" for column in operation.key)
    known = f"{label} IS NOT NULL"
    if table.column(operation.label).type.is_float:
        known += f" AND isfinite({label})"
    rows = f'SELECT DISTINCT {key}, {label} FROM "table" WHERE {there} AND {known}'
    target = context.workdir / "table.parquet"
    with over(context, inputs) as connection:
        twice = f"SELECT 1 FROM ({rows}) GROUP BY {key} HAVING count(*) > 1"
        (repeated,) = only_row(connection, f"SELECT count(*) FROM ({twice})")
        if repeated:
            raise _repeated(operation, repeated)
        written = write(connection, f"{rows} ORDER BY {key}", target)
    return Outcome({"table": target}, {"rows": written})


def _repeated(operation: Labels, count: int) -> StackcError:
    """Never with values: keys tell who a row is about."""
    listed = ", ".join(operation.key)
    many = "1 key has" if count == 1 else f"{count:,} keys have"
    return fail(
        Code.LABELS_TWICE,
        f"{many} several labels: `{listed}` does not name one row of the labels",
        help=(
            "keep one label a key in a dataset between the two, for example the last one:"
            f" `select {listed}, arg_max({operation.label}, …) as {operation.label} from …"
            " group by all`",
            f"find them: `select {listed} from … group by all having"
            f" count(distinct {operation.label}) > 1`",
        ),
    )
