"""From stored parts to a problem that trainers take: what `train` and `tune` both begin with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx

from backends.models import target
from backends.models.feed import matrix
from backends.training.problem import Array, Floats, Part, Problem
from compiler.backend import Artifact, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.features.models import FEATURES, STATISTICS
from compiler.graph.operations import Train, Tune
from specs.algorithms import TRAITS

Asked: TypeAlias = Train | Tune
"""What asks for a fit, or for many."""

_SMALL = 200_000
"""Values of a matrix that one thread fits as fast as several."""


def prepared(operation: Asked, inputs: Mapping[str, Artifact], context: TaskContext) -> Problem:
    """The matrix and target of the parts, found fit to learn from.

    The validation part is read where early stopping watches it or trials are
    judged on it.

    Raises:
        StackcError: The data will not do (E713, E714).
    """
    context.progress("reading the matrix")
    problem = _problem(operation, inputs, context)
    _refuse_unusable(operation.algorithm, problem, columns_of(inputs["features"].path))
    return problem


def columns_of(features: Path) -> tuple[str, ...]:
    """For each column of the matrix the feature it belongs to."""
    metadata = {entry.key: entry.value for entry in onnx.load(features).metadata_props}
    return tuple(
        feature["name"] for feature in json.loads(metadata[FEATURES]) for _ in feature["columns"]
    )


def _problem(operation: Asked, inputs: Mapping[str, Artifact], context: TaskContext) -> Problem:
    column = target.read(inputs["train"].path, operation.target)
    regression = operation.task == "regression"
    classes: tuple[Any, ...] = ()
    if regression:
        y = target.numbers(column, operation.target, "training")
    else:
        classes, y = target.labels(column, operation.target, "training")
    target.check(operation.task, classes, y, operation.target)
    weights = _weights(operation, classes, y)
    x = matrix(inputs["features"].path, inputs["train"].path, context.threads)
    return Problem(
        task=operation.task,
        train=Part(x, y, weights[y] if weights is not None else None),
        validation=_validation(operation, inputs, context, classes, weights),
        classes=classes,
        patience=operation.early_stopping,
        seed=operation.seed,
        threads=_threads(x, context.threads),
        categories=_categories(inputs["features"].path),
    )


def _threads(x: Floats, offered: int) -> int:
    """One thread for a small matrix: waiting for others costs more than they bring."""
    return max(1, offered) if x.size >= _SMALL else 1


def _weights(operation: Asked, classes: tuple[Any, ...], y: Array) -> Array | None:
    """For each class the weight that makes all classes count the same."""
    if operation.class_weight != "balanced" or not classes:
        return None
    found: Array = len(y) / (len(classes) * np.bincount(y, minlength=len(classes)))
    return found


def _validation(
    operation: Asked,
    inputs: Mapping[str, Artifact],
    context: TaskContext,
    classes: tuple[Any, ...],
    weights: Array | None,
) -> Part | None:
    if not _needs_validation(operation):
        return None
    part = inputs["validation"]
    column = target.read(part.path, operation.target)
    if not len(column):
        raise _empty(operation)
    x = matrix(inputs["features"].path, part.path, context.threads)
    if not classes:
        return Part(x, target.numbers(column, operation.target, "validation"))
    y = target.aligned(classes, column, operation.target, "validation")
    return Part(x, y, weights[y] if weights is not None else None)


def _needs_validation(operation: Asked) -> bool:
    if operation.early_stopping is not None and not TRAITS[operation.algorithm].early_stopping:
        raise fail(
            Code.TRAINING_FAILED,
            f"`{operation.algorithm}` cannot stop early",
            help="leave out `early_stopping`, or choose a boosted algorithm or `mlp`",
        )
    return isinstance(operation, Tune) or operation.early_stopping is not None


def _empty(operation: Asked) -> StackcError:
    tuned = isinstance(operation, Tune)
    watcher, key = (
        ("trials are judged on", "tune") if tuned else ("early stopping watches", "early_stopping")
    )
    return fail(
        Code.TOO_FEW_ROWS,
        f"the validation part that {watcher} is empty",
        help=f"give the validation part a share of the split, or leave out `{key}`",
    )


def _categories(features: Path) -> tuple[int, ...]:
    """For each column of the matrix how many codes it has; 0 for a number."""
    metadata = {entry.key: entry.value for entry in onnx.load(features).metadata_props}
    learnt = {one["name"]: one["categories"] for one in json.loads(metadata[STATISTICS])}
    return tuple(
        # A code for each category, one for what is rare or unknown, one for null.
        len(learnt[feature["name"]]) + 2 if feature["encode"] == "ordinal" else 0
        for feature in json.loads(metadata[FEATURES])
        for _ in feature["columns"]
    )


def _refuse_unusable(algorithm: str, problem: Problem, names: tuple[str, ...]) -> None:
    """No infinity for anyone; no NaN where the algorithm does not take it."""
    for part in (problem.train, problem.validation):
        if part is None:
            continue
        infinite = _columns(np.isinf, part.x, names)
        if infinite:
            raise fail(
                Code.TRAINING_FAILED,
                f"infinite values in {infinite}: a division by zero, ln(0),"
                " or a number beyond 3.4e38",
                help="guard the expression, e.g. `case when d <> 0 then n / d end`",
            )
        if TRAITS[algorithm].missing:
            continue
        holes = _columns(np.isnan, part.x, names)
        if holes:
            raise fail(
                Code.TRAINING_FAILED,
                f"`{algorithm}` takes no missing values, and there are some in {holes}",
                help="set `impute: median` on them, or choose an algorithm that takes missing"
                " values: hist_gradient_boosting, xgboost, lightgbm",
            )


def _columns(test: Callable[[Array], Array], x: Floats, names: tuple[str, ...]) -> str:
    # A sum is finite where every value is: one cheap pass decides the usual case.
    with np.errstate(invalid="ignore", over="ignore"):
        if np.isfinite(x.sum(dtype=np.float64)):
            return ""
    broken = np.zeros(x.shape[1], bool)
    for start in range(0, len(x), 65_536):
        broken |= test(x[start : start + 65_536]).any(axis=0)
    found = dict.fromkeys(names[at] for at in np.flatnonzero(broken))
    return ", ".join(f"`{name}`" for name in [*found][:10])
