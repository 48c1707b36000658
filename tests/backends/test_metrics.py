"""The metrics against scikit-learn's, and where they are undefined."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference

from backends.models.curves import POINTS, of_classes, of_numbers
from backends.models.metrics import Array, confusion, decide, evaluate
from specs.metrics import DEFAULT_METRICS, METRICS, metrics_for

RANDOM = np.random.default_rng(5)


def _binary(rows: int = 400) -> tuple[Array, Array]:
    truth = RANDOM.integers(0, 2, rows)
    chance = np.clip(np.round(truth * 0.3 + RANDOM.random(rows) * 0.7, 2), 0, 1)
    return truth, np.column_stack([1 - chance, chance]).astype(np.float64)


def _multiclass(rows: int = 400) -> tuple[Array, Array]:
    truth = RANDOM.integers(0, 4, rows)
    chances = RANDOM.random((rows, 4)) + np.eye(4)[truth]
    return truth, chances / chances.sum(axis=1, keepdims=True)


BINARY: dict[str, Any] = {
    "accuracy": lambda t, p, _: reference.accuracy_score(t, p),
    "balanced_accuracy": lambda t, p, _: reference.balanced_accuracy_score(t, p),
    "precision": lambda t, p, _: reference.precision_score(t, p),
    "recall": lambda t, p, _: reference.recall_score(t, p),
    "f1": lambda t, p, _: reference.f1_score(t, p),
    "roc_auc": lambda t, _, s: reference.roc_auc_score(t, s[:, 1]),
    "average_precision": lambda t, _, s: reference.average_precision_score(t, s[:, 1]),
    "log_loss": lambda t, _, s: reference.log_loss(t, s),
    "brier": lambda t, _, s: reference.brier_score_loss(t, s[:, 1]),
}
MULTICLASS: dict[str, Any] = {
    "accuracy": lambda t, p, _: reference.accuracy_score(t, p),
    "balanced_accuracy": lambda t, p, _: reference.balanced_accuracy_score(t, p),
    "f1_macro": lambda t, p, _: reference.f1_score(t, p, average="macro"),
    "f1_weighted": lambda t, p, _: reference.f1_score(t, p, average="weighted"),
    "log_loss": lambda t, _, s: reference.log_loss(t, s),
    "roc_auc": lambda t, _, s: reference.roc_auc_score(t, s, multi_class="ovr"),
}
REGRESSION: dict[str, Any] = {
    "mae": reference.mean_absolute_error,
    "mse": reference.mean_squared_error,
    "rmse": reference.root_mean_squared_error,
    "r2": reference.r2_score,
    "median_absolute_error": reference.median_absolute_error,
    "mape": reference.mean_absolute_percentage_error,
}


def test_the_catalogue_is_what_is_computed() -> None:
    assert set(metrics_for("binary")) == set(BINARY)
    assert set(metrics_for("multiclass")) == set(MULTICLASS)
    assert set(metrics_for("regression")) == set(REGRESSION)
    for task, names in DEFAULT_METRICS.items():
        assert all(task in METRICS[name].tasks for name in names)


@pytest.mark.parametrize("name", BINARY)
def test_binary_metrics_are_those_of_scikit_learn(name: str) -> None:
    truth, scores = _binary()
    found = evaluate([name], "binary", truth, scores, 0.4)[name]
    predicted = (scores[:, 1] >= 0.4).astype(int)
    assert found == pytest.approx(BINARY[name](truth, predicted, scores), abs=1e-12)


@pytest.mark.parametrize("name", MULTICLASS)
def test_multiclass_metrics_are_those_of_scikit_learn(name: str) -> None:
    truth, scores = _multiclass()
    found = evaluate([name], "multiclass", truth, scores)[name]
    assert found == pytest.approx(MULTICLASS[name](truth, scores.argmax(axis=1), scores), abs=1e-12)


@pytest.mark.parametrize("name", REGRESSION)
def test_regression_metrics_are_those_of_scikit_learn(name: str) -> None:
    truth = RANDOM.normal(size=300) * 10 + 3
    predicted = truth + RANDOM.normal(size=300)
    found = evaluate([name], "regression", truth, predicted)[name]
    assert found == pytest.approx(REGRESSION[name](truth, predicted), abs=1e-12)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_without_rows_every_metric_is_undefined(task: Any) -> None:
    names = metrics_for(task)
    empty = np.empty(0, np.int64)
    assert evaluate(names, task, empty, np.empty((0, 2))) == dict.fromkeys(names)


def test_one_class_leaves_undefined_what_needs_two() -> None:
    truth = np.zeros(5, np.int64)
    scores = np.tile([0.9, 0.1], (5, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate(metrics_for("binary"), "binary", truth, scores)
    undefined = {name for name, value in found.items() if value is None}
    assert undefined == {
        "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "average_precision",
    }  # fmt: skip


def test_one_row_of_a_regression_has_no_r2_and_no_warning() -> None:
    found = evaluate(metrics_for("regression"), "regression", np.array([0.0]), np.array([1.0]))
    assert found["r2"] is None
    assert found["mape"] is None
    assert found["mae"] == 1.0


def test_a_certain_mistake_costs_a_finite_loss() -> None:
    found = evaluate(["log_loss"], "binary", np.array([1]), np.array([[1.0, 0.0]]))
    assert found["log_loss"] == pytest.approx(-np.log(np.finfo(np.float64).eps))


def test_the_threshold_decides_and_the_table_counts() -> None:
    truth = np.array([0, 0, 1, 1])
    scores = np.column_stack([np.array([0.9, 0.6, 0.6, 0.1]), np.array([0.1, 0.4, 0.4, 0.9])])
    assert decide(scores, "binary", 0.4).tolist() == [0, 1, 1, 1]
    assert confusion(truth, decide(scores, "binary", 0.4), 2).tolist() == [[1, 1], [0, 2]]


def test_a_score_at_the_threshold_counts_as_it_is_served() -> None:
    """0.35 as a float32 is less than 0.35; the server compares float32 with float32: a yes."""
    truth, chance = np.array([1, 1]), np.array([0.35, 0.2], np.float32)
    scores = np.column_stack([1 - chance, chance])
    assert decide(scores, "binary", 0.35).tolist() == [1, 0]
    assert evaluate(["recall"], "binary", truth, scores, 0.35) == {"recall": 0.5}


def test_curves_are_thin_and_true_at_their_ends() -> None:
    truth, scores = _binary(5000)
    found = of_classes(truth, scores + np.array([0.0, 1e-9]) * np.arange(5000)[:, None], "binary")
    assert {len(found[name]["x"]) for name in ("roc", "pr")} == {POINTS}
    assert (found["roc"]["x"][0], found["roc"]["y"][0]) == (0.0, 0.0)
    assert (found["roc"]["x"][-1], found["roc"]["y"][-1]) == (1.0, 1.0)
    assert len(found["calibration"]["x"]) <= 10


def test_curves_of_one_class_are_left_out() -> None:
    found = of_classes(np.zeros(4, np.int64), np.tile([0.8, 0.2], (4, 1)), "binary")
    assert set(found) == {"calibration"}


def test_residuals_stand_over_the_predictions() -> None:
    found = of_numbers(np.array([3.0, 1.0]), np.array([2.0, 1.5]))["residuals"]
    assert found == {"x": [1.5, 2.0], "y": [-0.5, 1.0]}
