"""The metrics themselves, in numpy; None where one is undefined for the rows at hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

_EPSILON = float(np.finfo(np.float64).eps)


def evaluate(
    names: Sequence[str], task: str, truth: Array, scores: Array, threshold: float = 0.5
) -> dict[str, float | None]:
    """Metrics by name.

    Args:
        names: Metrics of the catalogue that fit the task.
        task: binary, multiclass or regression.
        truth: Codes into the classes [N], or numbers.
        scores: Probabilities [N, C], or predicted numbers [N].
        threshold: Probability from which a binary row is positive.
    """
    if not len(truth):
        return dict.fromkeys(names)
    if task == "regression":
        found = _each(names, _NUMBERS, truth.astype(np.float64), scores.astype(np.float64))
    else:
        # By the scores as they are served: a float32 at the threshold is below it as a float64.
        predicted = decide(scores, task, threshold)
        chances = scores.astype(np.float64)
        table = confusion(truth, predicted, chances.shape[1])
        found = _each(names, _PROBABILITIES, truth, chances)
        found |= _each(names, _LABELS if task == "multiclass" else _BINARY_LABELS, table)
        if task == "binary":
            found |= _each(names, _RANKS, truth == 1, chances[:, 1])
        elif "roc_auc" in names:
            found["roc_auc"] = _one_against_rest(truth, chances)
    return {name: _plain(found[name]) for name in names}


def decide(chances: Array, task: str, threshold: float) -> Array:
    """The predicted code of each row: by the threshold, or the likeliest class.

    Two classes of a multiclass task are told apart at 0.5, as the model does.
    """
    if chances.shape[1] == 2:
        bound = threshold if task == "binary" else 0.5
        return (chances[:, 1] >= bound).astype(np.int64)
    found: Array = chances.argmax(axis=1)
    return found


def certainty(chances: Array) -> Array:
    """What is told with each row's label: of two classes the second's, else the likeliest's."""
    if chances.shape[1] == 2:
        return chances[:, 1]
    # The method `max` takes three times as long for the one row of a request.
    found: Array = np.maximum.reduce(chances, axis=1)
    return found


def confusion(truth: Array, predicted: Array, classes: int) -> Array:
    """Counts [truth, prediction]; rows of an unknown truth (code -1) are not among them."""
    known = truth >= 0
    flat = truth[known] * classes + predicted[known]
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def _each(
    names: Sequence[str], table: Mapping[str, Callable[..., float | None]], *values: Array
) -> dict[str, float | None]:
    return {name: table[name](*values) for name in names if name in table}


def _plain(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


# From the confusion table.


def accuracy(table: Array) -> float | None:
    """Share of rows on the diagonal."""
    return _share(np.trace(table), table.sum())


def balanced_accuracy(table: Array) -> float | None:
    """Mean recall of the classes that occur; None where only one does."""
    rows = table.sum(axis=1)
    seen = rows > 0
    if seen.sum() < 2:
        return None
    return float(np.mean(np.diag(table)[seen] / rows[seen]))


def precision(table: Array) -> float | None:
    """Of the rows said to be positive; None where none is."""
    return _share(table[1, 1], table[:, 1].sum())


def recall(table: Array) -> float | None:
    """Of the positive rows; None where there are none."""
    return _share(table[1, 1], table[1].sum())


def f1(table: Array) -> float | None:
    """None where no row is positive and none is said to be."""
    return _share(2 * table[1, 1], table[1].sum() + table[:, 1].sum())


def _f1_each(table: Array) -> tuple[Array, Array]:
    """F1 and true rows of the classes that occur in truth or prediction."""
    whole = table.sum(axis=1) + table.sum(axis=0)
    seen = whole > 0
    return 2 * np.diag(table)[seen] / whole[seen], table.sum(axis=1)[seen]


def f1_macro(table: Array) -> float | None:
    """Mean F1 of the classes that occur."""
    values, _ = _f1_each(table)
    return float(values.mean()) if len(values) else None


def f1_weighted(table: Array) -> float | None:
    """Mean F1 weighted by true rows."""
    values, rows = _f1_each(table)
    return float(np.average(values, weights=rows)) if rows.sum() else None


# From probabilities.


def log_loss(truth: Array, chances: Array) -> float | None:
    """Mean negative log of the probability that the truth was given."""
    total = chances.sum(axis=1)
    given = chances[np.arange(len(truth)), truth] / total
    return float(-np.mean(np.log(np.clip(given, _EPSILON, 1 - _EPSILON))))


def brier(positive: Array, chance: Array) -> float | None:
    """Mean squared distance of the probability from 0 or 1."""
    return float(np.mean((chance - positive) ** 2))


def roc_auc(positive: Array, chance: Array) -> float | None:
    """Chance that a positive row scores above a negative one; None without both."""
    hits = int(positive.sum())
    misses = len(positive) - hits
    if not hits or not misses:
        return None
    _, place, count = np.unique(chance, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    rank = (last - (count - 1) / 2)[place]
    return float((rank[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def average_precision(positive: Array, chance: Array) -> float | None:
    """Precision averaged over the steps of recall; None without positives."""
    if not positive.any():
        return None
    hits, flagged, _ = steps(positive, chance)
    gained = np.diff(hits, prepend=0) / hits[-1]
    return float(np.sum(gained * hits / flagged))


def steps(positive: Array, chance: Array) -> tuple[Array, Array, Array]:
    """Positives found and rows flagged, as the threshold falls through the distinct scores."""
    order = np.argsort(-chance, kind="stable")
    ordered = chance[order]
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    hits = np.cumsum(positive[order])[ends].astype(np.float64)
    return hits, (ends + 1).astype(np.float64), ordered[ends]


def _one_against_rest(truth: Array, chances: Array) -> float | None:
    """Mean over classes; None unless every class occurs, as the mean is then of other things."""
    found = [roc_auc(truth == code, chances[:, code]) for code in range(chances.shape[1])]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if len(known) == len(found) else None


# Of numbers.


def mae(truth: Array, predicted: Array) -> float | None:
    """Mean absolute error."""
    return float(np.mean(np.abs(truth - predicted)))


def mse(truth: Array, predicted: Array) -> float | None:
    """Mean squared error."""
    return float(np.mean((truth - predicted) ** 2))


def rmse(truth: Array, predicted: Array) -> float | None:
    """Root of the mean squared error."""
    return math.sqrt(float(np.mean((truth - predicted) ** 2)))


def r2(truth: Array, predicted: Array) -> float | None:
    """None where the truth does not vary."""
    spread = float(np.sum((truth - truth.mean()) ** 2))
    return 1 - float(np.sum((truth - predicted) ** 2)) / spread if spread else None


def median_absolute_error(truth: Array, predicted: Array) -> float | None:
    """Median absolute error."""
    return float(np.median(np.abs(truth - predicted)))


def mape(truth: Array, predicted: Array) -> float | None:
    """Mean absolute error relative to the truth; None where a true value is 0."""
    if not np.all(truth):
        return None
    return float(np.mean(np.abs((truth - predicted) / truth)))


Metrics: TypeAlias = Mapping[str, Callable[..., float | None]]

_LABELS: Metrics = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "f1_macro": f1_macro,
    "f1_weighted": f1_weighted,
}
_BINARY_LABELS: Metrics = {**_LABELS, "precision": precision, "recall": recall, "f1": f1}
_PROBABILITIES: Metrics = {"log_loss": log_loss}
_RANKS: Metrics = {"roc_auc": roc_auc, "average_precision": average_precision, "brier": brier}
_NUMBERS: Metrics = {
    "mae": mae,
    "mse": mse,
    "rmse": rmse,
    "r2": r2,
    "median_absolute_error": median_absolute_error,
    "mape": mape,
}
