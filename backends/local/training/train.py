"""The task Train: matrix and target in, an estimator as ONNX and the story of its fit out."""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from backends.local.feed import matrix
from backends.local.training import fidelity, target
from backends.local.training.problem import Array, Fitted, Floats, Part, Problem
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError, fail
from compiler.features.models import FEATURES
from compiler.graph.digest import canonical
from compiler.graph.documents import Importance, Training
from compiler.graph.operations import Train
from specs.algorithms import TRAITS, algorithm_of

TRAINERS: Mapping[str, str] = {
    "linear": "backends.local.training.sklearn:linear",
    "random_forest": "backends.local.training.sklearn:random_forest",
    "hist_gradient_boosting": "backends.local.training.sklearn:hist_gradient_boosting",
    "mlp": "backends.local.training.mlp:fit",
    "xgboost": "backends.local.training.xgboost:fit",
    "lightgbm": "backends.local.training.lightgbm:fit",
}
"""Where each kind of algorithm is fitted; imported when it is."""

_SMALL = 200_000
"""Values of a matrix that one thread fits as fast as several."""

Trainer = Callable[[Any, Problem], Fitted]


def run(operation: Train, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Fit, convert, compare, write. Outputs ``estimator`` and ``training``.

    Raises:
        StackcError: The data or the fit will not do (E713, E714), or the
            framework is not installed (E504).
    """
    trainer = load(operation.algorithm)
    context.progress("reading the matrix")
    problem = _problem(operation, inputs, context)
    names = _names(inputs["features"].path)
    _refuse_unusable(operation.algorithm, problem, names)
    context.progress(f"fitting {operation.algorithm} on {len(problem.train.y):,} rows")
    fitted = _fit(trainer, operation, problem)
    context.progress("comparing with the ONNX model")
    missing = TRAITS[operation.algorithm].missing
    difference = fidelity.measure(fitted, problem.train.x, missing=missing)
    document = _document(operation, problem, fitted, names, difference)
    files = _write(fitted, document, context.workdir)
    return Outcome(files, _summary(document, fitted))


def load(kind: str) -> Trainer:
    """The trainer of a kind of algorithm.

    Raises:
        StackcError: Its framework is not installed (E504).
    """
    module, _, name = TRAINERS[kind].partition(":")
    # Read when OpenMP is loaded. Its long spinning makes a fit on busy cores 20 times slower.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        found: Trainer = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise fail(
            Code.BACKEND_MISSING,
            f"`{kind}` needs a framework that is not installed: {error}",
            help=f"pip install 'stackc[{TRAITS[kind].extra}]'",
        ) from error
    return found


def _problem(operation: Train, inputs: Mapping[str, Artifact], context: TaskContext) -> Problem:
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
    )


def _threads(x: Floats, offered: int) -> int:
    """One thread for a small matrix: waiting for others costs more than they bring."""
    return max(1, offered) if x.size >= _SMALL else 1


def _weights(operation: Train, classes: tuple[Any, ...], y: Array) -> Array | None:
    """For each class the weight that makes all classes count the same."""
    if operation.class_weight != "balanced" or not classes:
        return None
    found: Array = len(y) / (len(classes) * np.bincount(y, minlength=len(classes)))
    return found


def _validation(
    operation: Train,
    inputs: Mapping[str, Artifact],
    context: TaskContext,
    classes: tuple[Any, ...],
    weights: Array | None,
) -> Part | None:
    if operation.early_stopping is None:
        return None
    if not TRAITS[operation.algorithm].early_stopping:
        raise fail(
            Code.TRAINING_FAILED,
            f"`{operation.algorithm}` cannot stop early",
            help="leave out `early_stopping`, or choose a boosted algorithm or `mlp`",
        )
    part = inputs["validation"]
    column = target.read(part.path, operation.target)
    if not len(column):
        raise fail(
            Code.TOO_FEW_ROWS,
            "the validation part that early stopping watches is empty",
            help="give the validation part a share of the split, or leave out `early_stopping`",
        )
    x = matrix(inputs["features"].path, part.path, context.threads)
    if not classes:
        return Part(x, target.numbers(column, operation.target, "validation"))
    y = target.aligned(classes, column, operation.target, "validation")
    return Part(x, y, weights[y] if weights is not None else None)


def _names(features: Path) -> tuple[str, ...]:
    """For each column of the matrix the feature it belongs to."""
    metadata = {entry.key: entry.value for entry in onnx.load(features).metadata_props}
    return tuple(
        feature["name"] for feature in json.loads(metadata[FEATURES]) for _ in feature["columns"]
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


def _fit(trainer: Trainer, operation: Train, problem: Problem) -> Fitted:
    algorithm = algorithm_of(operation.algorithm, dict(operation.parameters))
    try:
        return trainer(algorithm, problem)
    except (StackcError, MemoryError):
        raise
    except Exception as error:
        # Whatever a framework refuses is about the data or the parameters.
        raise fail(
            Code.TRAINING_FAILED,
            f"{operation.algorithm} refused the fit: {_first_line(error)}",
            help="check the algorithm's parameters against the number of rows and features",
        ) from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Frameworks in C++ add the line of their own source that noticed.
    return re.sub(r" at \S+, line \d+ ?\.?$", "", lines[0]) if lines else type(error).__name__


def _document(
    operation: Train,
    problem: Problem,
    fitted: Fitted,
    names: tuple[str, ...],
    difference: float,
) -> Training:
    return Training(
        algorithm=operation.algorithm,
        parameters={**dict(operation.parameters), "seed": operation.seed},
        rows=len(problem.train.y),
        features=problem.train.x.shape[1],
        classes=list(problem.classes),
        rounds=fitted.rounds,
        curve=fitted.curve,
        importances=_importances(fitted.importances, names),
        seconds=round(fitted.seconds, 6),
        fidelity=difference,
    )


def _importances(weights: Array | None, names: tuple[str, ...]) -> list[Importance]:
    """Shares by feature, the greatest first; a feature's columns count together."""
    if weights is None:
        return []
    sums = dict.fromkeys(names, 0.0)
    for name, weight in zip(names, weights, strict=True):
        sums[name] += float(weight)
    total = sum(sums.values()) or 1.0
    found = [Importance(feature=name, value=value / total) for name, value in sums.items()]
    return sorted(found, key=lambda entry: (-entry["value"], entry["feature"]))


def _write(fitted: Fitted, document: Training, workdir: Path) -> dict[str, Path]:
    files = {"estimator": workdir / "estimator.onnx", "training": workdir / "training.json"}
    files["estimator"].write_bytes(fitted.model.SerializeToString(deterministic=True))
    files["training"].write_bytes(canonical(json.loads(json.dumps(document))))
    return files


def _summary(document: Training, fitted: Fitted) -> dict[str, Any]:
    told: dict[str, Any] = {
        "rows": document["rows"],
        "features": document["features"],
        "seconds": document["seconds"],
    }
    if document["rounds"] is not None:
        told["rounds"] = document["rounds"]
    if not fitted.converged:
        told["converged"] = False
    return told
