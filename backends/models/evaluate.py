"""The task Evaluate: metrics, slices, confusion and curves of a packaged model on a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from msgspec import Struct

from backends.models import curves, target
from backends.models.metrics import Array, confusion, decide
from backends.models.metrics import evaluate as measured
from backends.models.predict import Predictor, gathered, rows_of
from backends.models.slices import slices
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.digest import canonical
from compiler.graph.documents import Metrics
from compiler.graph.operations import Evaluate
from compiler.graph.types import Task


class Scored(Struct, frozen=True):
    """A part with its truth, its scores and the columns to slice it by."""

    task: Task
    classes: tuple[Any, ...]
    truth: Array
    scores: Array
    beside: Mapping[str, pa.Array]


def run(operation: Evaluate, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Score the part and write ``metrics``.

    Raises:
        StackcError: The part is empty (E714), its target is missing or
            unknown (E713), a column is missing or of another type (E704, E705).
    """
    context.progress(f"scoring {rows_of(inputs['table'].path):,} rows")
    predictor = Predictor.open(inputs["model"].path)
    scored = score(operation, predictor, inputs["table"].path, context.threads)
    context.progress("measuring")
    document = document_of(operation, scored)
    path = context.workdir / "metrics.json"
    path.write_bytes(canonical(document))
    return Outcome({"metrics": path}, {"rows": document["rows"], **document["metrics"]})


def score(operation: Evaluate, predictor: Predictor, table: Path, threads: int) -> Scored:
    """Run the model over the part, keeping of it only what is measured."""
    beside = [operation.target, *operation.slices]
    kept: dict[str, list[pa.Array]] = {name: [] for name in beside}
    parts: list[Array] = []
    for batch, scores in predictor.over(table, beside, threads):
        parts.append(scores)
        for name in kept:
            kept[name].append(_column(batch, name))
    if not parts:
        raise fail(
            Code.TOO_FEW_ROWS,
            "the part to evaluate on has no rows",
            help="give it a share of the split, or check the predicates of the split",
        )
    columns = {name: pa.chunked_array(chunks).combine_chunks() for name, chunks in kept.items()}
    truth = _truth(columns[operation.target], predictor, operation.target)
    return Scored(predictor.task, predictor.classes, truth, gathered(parts, predictor), columns)


def document_of(operation: Evaluate, scored: Scored) -> Metrics:
    """Everything the evaluation asks for."""
    task, names = scored.task.value, operation.metrics

    def measure(at: Array) -> dict[str, float | None]:
        return measured(names, task, scored.truth[at], scored.scores[at], operation.threshold)

    found = [
        entry for name in operation.slices for entry in slices(name, scored.beside[name], measure)
    ]
    return Metrics(
        task=task,
        rows=len(scored.truth),
        metrics=overall(names, scored, operation.threshold),
        slices=found,
        classes=list(scored.classes),
        confusion=_confusion(scored, operation.threshold),
        curves=_curves(scored),
        threshold=operation.threshold,
    )


def overall(names: Sequence[str], scored: Scored, threshold: float) -> dict[str, float | None]:
    """The metrics of all rows."""
    return measured(names, scored.task.value, scored.truth, scored.scores, threshold)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    if name not in batch.schema.names:
        raise fail(
            Code.SOURCE_COLUMNS,
            f"the part to evaluate on has no column `{name}`",
            help="keep it in the dataset's SQL",
        )
    column = batch.column(name)
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _truth(column: pa.Array, predictor: Predictor, name: str) -> Array:
    if not predictor.classes:
        return target.numbers(column, name, "evaluated")
    return target.aligned(predictor.classes, column, name, "evaluated")


def _confusion(scored: Scored, threshold: float) -> list[list[int]]:
    if not scored.classes:
        return []
    predicted = decide(scored.scores, scored.task.value, threshold)
    table: list[list[int]] = confusion(scored.truth, predicted, len(scored.classes)).tolist()
    return table


def _curves(scored: Scored) -> dict[str, Any]:
    if not scored.classes:
        return {**curves.of_numbers(scored.truth, scored.scores)}
    return {**curves.of_classes(scored.truth, scored.scores, scored.task.value)}
