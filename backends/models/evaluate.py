"""The task Evaluate: metrics, slices, fairness, confusion and curves of a model on a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from msgspec import Struct

from backends.models import curves, target
from backends.models.fairness import fairness, rates_of, worst
from backends.models.metrics import Array, confusion, decide
from backends.models.metrics import evaluate as measured
from backends.models.predict import Predictor, gathered, rows_of
from backends.models.slices import slices
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.digest import canonical
from compiler.graph.documents import Fairness, Metrics
from compiler.graph.operations import Evaluate
from compiler.graph.types import Task
from specs.metrics import METRICS


class Scored(Struct, frozen=True):
    """A part with its truth, its scores and the columns that its rows are told apart by."""

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
    sensitive = operation.fairness.sensitive if operation.fairness is not None else ()
    beside = [operation.target, *operation.slices, *sensitive]
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

    sliced = [
        entry for name in operation.slices for entry in slices(name, scored.beside[name], measure)
    ]
    groups = _fairness(operation, scored)
    document = Metrics(
        task=task,
        rows=len(scored.truth),
        metrics=_overall(names, operation, scored, groups),
        slices=sliced,
        classes=list(scored.classes),
        confusion=_confusion(scored, operation.threshold),
        curves=_curves(scored),
        threshold=operation.threshold,
    )
    if groups is not None:
        document["fairness"] = groups
    return document


def overall(names: Sequence[str], operation: Evaluate, scored: Scored) -> dict[str, float | None]:
    """Some of the evaluation's metrics, of all rows; those of fairness by its groups."""
    compared = any(METRICS[name].between_groups for name in names)
    groups = _fairness(operation, scored) if compared else None
    return _overall(names, operation, scored, groups)


def _overall(
    names: Sequence[str], operation: Evaluate, scored: Scored, groups: Fairness | None
) -> dict[str, float | None]:
    plain = [name for name in names if not METRICS[name].between_groups]
    task, threshold = scored.task.value, operation.threshold
    found = measured(plain, task, scored.truth, scored.scores, threshold)
    if groups is not None and operation.fairness is not None:
        found |= {name: worst(groups, name)[1]["value"] for name in operation.fairness.metrics}
    return found


def _fairness(operation: Evaluate, scored: Scored) -> Fairness | None:
    if operation.fairness is None:
        return None
    rates = rates_of(scored.task.value, scored.truth, scored.scores, operation.threshold)
    return fairness(operation.fairness, rates, scored.beside)


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
