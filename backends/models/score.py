"""The task Score: a model over a table, streamed to Parquet in the table's order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backends.models.metrics import Array, certainty, decide
from backends.models.package import PREDICTION, PROBABILITY
from backends.models.predict import Predictor, rows_of
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.operations import Score
from compiler.graph.types import Task

GROUP_ROWS = 122_880
"""Rows per row group."""
_LABELS = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def run(operation: Score, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Write ``table``: the kept columns as they are, then what the model says of each row.

    Raises:
        StackcError: A column is missing or of another type (E704, E705), the
            table or the model cannot be read (E702, E715).
    """
    source, path = inputs["table"].path, context.workdir / "table.parquet"
    predictor = Predictor.open(inputs["model"].path)
    total, done = rows_of(source), 0
    schema = _schema(operation, predictor, source)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        group: list[pa.RecordBatch] = []
        for batch, scores in predictor.over(source, operation.keep, context.threads):
            group.append(_answered(operation, predictor, batch, scores, schema))
            done += batch.num_rows
            if sum(part.num_rows for part in group) >= GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(group), row_group_size=GROUP_ROWS)
                group = []
                context.progress(f"scored {done:,} of {total:,} rows")
        if group:
            writer.write_table(pa.Table.from_batches(group), row_group_size=GROUP_ROWS)
    return Outcome({"table": path}, {"rows": done})


def _schema(operation: Score, predictor: Predictor, source: Path) -> pa.Schema:
    try:
        held = pq.read_schema(source)
    except (OSError, pa.ArrowException) as error:
        raise fail(
            Code.SOURCE_UNREADABLE,
            f"the table {source.name} cannot be read: {str(error).splitlines()[0]}",
            help="apply again to make it anew",
        ) from None
    missing = [name for name in operation.keep if name not in held.names]
    if missing:
        raise fail(
            Code.SOURCE_COLUMNS,
            f"the table has no column `{missing[0]}` to keep",
            help="leave it out of `keep`, or have it in the table",
        )
    kept = [held.field(name).remove_metadata() for name in operation.keep]
    return pa.schema([*kept, *_response(predictor)])


def _response(predictor: Predictor) -> list[pa.Field]:
    if predictor.task is Task.REGRESSION:
        return [pa.field(PREDICTION, pa.float32(), nullable=False)]
    label = _LABELS[type(predictor.classes[0])]
    return [
        pa.field(PREDICTION, label, nullable=False),
        pa.field(PROBABILITY, pa.float32(), nullable=False),
    ]


def _answered(
    operation: Score,
    predictor: Predictor,
    batch: pa.RecordBatch,
    scores: Array,
    schema: pa.Schema,
) -> pa.RecordBatch:
    kept = [batch.column(name) for name in operation.keep]
    answers = answer(predictor, scores, operation.threshold)
    return pa.RecordBatch.from_arrays([*kept, *answers], schema=schema)


def answer(predictor: Predictor, scores: Array, threshold: float) -> list[pa.Array]:
    """The response columns of some rows from their scores.

    For classes the label, and the probability of the second class where there
    are two, else of the label.
    """
    if predictor.task is Task.REGRESSION:
        return [pa.array(scores)]
    codes = decide(scores, predictor.task.value, threshold)
    labels = pa.array(list(predictor.classes), _LABELS[type(predictor.classes[0])])
    return [labels.take(pa.array(codes)), pa.array(np.ascontiguousarray(certainty(scores)))]
