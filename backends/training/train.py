"""The task Train: matrix and target in, an estimator as ONNX and the story of its fit out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from backends.training import fidelity
from backends.training.prepare import columns_of, prepared
from backends.training.problem import Array, Fitted, Problem
from backends.training.trainers import Trainer, fit, load
from compiler.backend import Artifact, Outcome, TaskContext
from compiler.graph.digest import canonical
from compiler.graph.documents import Importance, Training
from compiler.graph.operations import Train, params
from specs.algorithms import TRAITS


def run(operation: Train, inputs: Mapping[str, Artifact], context: TaskContext) -> Outcome:
    """Fit, convert, compare, write. Outputs ``estimator`` and ``training``.

    Raises:
        StackcError: The data or the fit will not do (E713, E714), or the
            framework is not installed (E504).
    """
    return trained(operation, inputs, context, load(operation.algorithm))


def trained(
    operation: Train, inputs: Mapping[str, Artifact], context: TaskContext, trainer: Trainer
) -> Outcome:
    """The same with a trainer of the caller's.

    Raises:
        StackcError: As ``run``, and what the trainer reports.
    """
    operation = _tuned(operation, inputs)
    problem = prepared(operation, inputs, context)
    names = columns_of(inputs["features"].path)
    context.progress(f"fitting {operation.algorithm} on {len(problem.train.y):,} rows")
    fitted = fit(trainer, operation.algorithm, dict(operation.parameters), problem)
    context.progress("comparing with the ONNX model")
    missing = TRAITS[operation.algorithm].missing
    difference = fidelity.measure(fitted, problem.train.x, missing=missing)
    document = _document(operation, problem, fitted, names, difference)
    files = _write(fitted, document, context.workdir)
    return Outcome(files, _summary(document, fitted))


def _tuned(operation: Train, inputs: Mapping[str, Artifact]) -> Train:
    """The operation with the best parameters of a search over its own, where there was one."""
    if "tuning" not in inputs:
        return operation
    best = json.loads(inputs["tuning"].path.read_bytes())["best"]
    return replace(operation, parameters=params({**dict(operation.parameters), **best}))


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
    if fitted.workers > 1:
        told["workers"] = fitted.workers
    if fitted.resumed:
        told["resumed_after_rounds"] = list(fitted.resumed)
    if not fitted.converged:
        told["converged"] = False
    return told
