"""Training through stackc against the bare framework on the same matrix."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from backends.training import fidelity
from backends.training.problem import Part, Problem
from backends.training.sklearn import quiet
from backends.training.trainers import load
from benchmarks.measure import Result, timed
from benchmarks.tasks import THREADS
from compiler.graph.types import Task
from specs.algorithms import TRAITS, algorithm_of

ROWS, WIDTH, ROUNDS = 200_000, 30, 200


def problem() -> Problem:
    """A binary problem that takes a boosted model some work."""
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, WIDTH)).astype(np.float32)
    score = x[:, 0] * x[:, 1] + np.sin(x[:, 2]) + random.normal(size=ROWS)
    return Problem(
        task=Task.BINARY,
        train=Part(x, (score > 0).astype(np.int64), None),
        validation=None,
        classes=(False, True),
        patience=None,
        seed=0,
        threads=THREADS,
    )


def bare_xgboost(given: Problem) -> None:
    """What one writes by hand."""
    import xgboost

    matrix = xgboost.QuantileDMatrix(given.train.x, given.train.y, nthread=THREADS)
    options = {
        "objective": "binary:logistic",
        "max_depth": 6,
        "eta": 0.1,
        "nthread": THREADS,
        "tree_method": "hist",
    }
    xgboost.train(options, matrix, ROUNDS)


def bare_sklearn(given: Problem) -> None:
    """What one writes by hand."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(max_iter=ROUNDS, max_depth=6, early_stopping=False)
    with quiet(threads=THREADS):
        model.fit(given.train.x, given.train.y)


BARE: dict[str, Callable[[Problem], None]] = {
    "xgboost": bare_xgboost,
    "hist_gradient_boosting": bare_sklearn,
}


def run(_folder: Path) -> list[Result]:
    """For each framework: by hand, and as the task does it, conversion and comparison included."""
    given = problem()
    found: list[Result] = []
    for kind, bare in BARE.items():
        by_hand, ours = timed(5, partial(bare, given), partial(_ours, kind, given))
        name = f"{kind} on {ROWS:,} × {WIDTH}, {ROUNDS} rounds"
        found += [
            Result("training", f"{name}: bare", by_hand, "s"),
            Result("training", f"{name}: stackc", ours, "s", notes="fit, ONNX, comparison"),
            Result("training", f"{kind}: stackc / bare", ours / by_hand, "×", at_most=1.05),
        ]
    return found


def _ours(kind: str, given: Problem) -> None:
    depth: dict[str, Any] = {"max_depth": 6, "n_estimators": ROUNDS, "learning_rate": 0.1}
    fitted = load(kind)(algorithm_of(kind, depth), given)
    fidelity.measure(fitted, given.train.x, missing=TRAITS[kind].missing)
