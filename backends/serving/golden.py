"""The task Golden: some rows of a part as requests, with the answers that scoring gives them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from backends.models.predict import Predictor, rows_of
from backends.serving.rows import answers
from backends.serving.values import written
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.digest import canonical
from compiler.graph.documents import GoldenRows
from compiler.graph.operations import Golden
from compiler.graph.types import Column


def run(operation: Golden, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Write ``golden``.

    The answers come from the table itself and not from the requests, so that a
    server which reads its requests differently is found out.

    Raises:
        StackcError: The part is empty (E714), a column is missing or of
            another type (E704, E705), a file cannot be read (E702, E715).
    """
    table = inputs["table"].path
    predictor = Predictor.open(inputs["model"].path)
    batch, scores = _spread(predictor, table, operation.rows, context.threads)
    found = answers(predictor.task, predictor.classes, scores, operation.threshold)
    document = GoldenRows(
        columns=[column.name for column in predictor.request],
        rows=_requests(batch, predictor.request),
        answers=found,
    )
    path = context.workdir / "golden.json"
    path.write_bytes(canonical(document))
    return Outcome({"golden": path}, {"rows": len(found)})


def _spread(
    predictor: Predictor, table: Path, rows: int, threads: int
) -> tuple[pa.Table, np.ndarray[Any, Any]]:
    """The rows spread evenly from the first to the last, and their scores."""
    total = rows_of(table)
    wanted = np.unique(np.linspace(0, max(total - 1, 0), min(rows, total)).astype(np.int64))
    batches, parts, start = [], [], 0
    for batch, scores in predictor.over(table, (), threads):
        at = wanted[(wanted >= start) & (wanted < start + batch.num_rows)] - start
        if len(at):
            batches.append(batch.take(pa.array(at)))
            parts.append(scores[at])
        start += batch.num_rows
    if not batches:
        raise fail(
            Code.TOO_FEW_ROWS,
            "the part that golden requests are taken from has no rows",
            help="give it a share of the split, or check the predicates of the split",
        )
    return pa.Table.from_batches(batches), np.concatenate(parts)


def _requests(batch: pa.Table, request: tuple[Column, ...]) -> list[dict[str, Any]]:
    columns = [_written(batch, column) for column in request]
    names = [column.name for column in request]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _written(batch: pa.Table, column: Column) -> list[Any]:
    values = batch.column(column.name).combine_chunks()
    try:
        return written(values, column.type)
    except ValueError as reason:
        raise fail(
            Code.VALUE_TYPE,
            f"column `{column.name}` cannot be asked over HTTP: {reason}",
            help="cast it in the dataset's SQL",
        ) from None
