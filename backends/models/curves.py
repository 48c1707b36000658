"""Curves of an evaluation, thinned to what a picture can show."""

from __future__ import annotations

import numpy as np

from backends.models.metrics import Array, steps
from compiler.graph.documents import Curve

POINTS = 200
_BINS = 10


def of_classes(truth: Array, chances: Array, task: str) -> dict[str, Curve]:
    """ROC, precision-recall and calibration of a binary model; calibration of the others."""
    if not len(truth):
        return {}
    if task != "binary":
        best = chances.argmax(axis=1)
        return {"calibration": _calibration(best == truth, chances.max(axis=1))}
    positive, chance = truth == 1, chances[:, 1].astype(np.float64)
    found = {"calibration": _calibration(positive, chance)}
    if not positive.any():
        return found
    hits, flagged, _ = steps(positive, chance)
    recall, precision = hits / hits[-1], hits / flagged
    found["pr"] = _curve(np.append(0.0, recall), np.append(precision[0], precision))
    if not positive.all():
        wrong = (flagged - hits) / (len(positive) - hits[-1])
        found["roc"] = _curve(np.append(0.0, wrong), np.append(0.0, recall))
    return found


def of_numbers(truth: Array, predicted: Array) -> dict[str, Curve]:
    """Residuals (truth minus prediction) over the predictions, of rows spread over the part."""
    if not len(truth):
        return {}
    pick = _spread(len(truth))
    predicted = predicted.astype(np.float64)[pick]
    order = np.argsort(predicted, kind="stable")
    residual = truth.astype(np.float64)[pick] - predicted
    return {"residuals": Curve(x=predicted[order].tolist(), y=residual[order].tolist())}


def _calibration(positive: Array, chance: Array) -> Curve:
    """Mean probability and share of positives in bins of equal width."""
    place = np.minimum((chance * _BINS).astype(int), _BINS - 1)
    rows = np.bincount(place, minlength=_BINS)
    seen = rows > 0
    said = np.bincount(place, weights=chance, minlength=_BINS)[seen] / rows[seen]
    were = np.bincount(place, weights=positive, minlength=_BINS)[seen] / rows[seen]
    return Curve(x=said.tolist(), y=were.tolist())


def _curve(x: Array, y: Array) -> Curve:
    pick = _spread(len(x))
    return Curve(x=x[pick].tolist(), y=y[pick].tolist())


def _spread(length: int) -> Array:
    """Up to ``POINTS`` positions from first to last."""
    return np.unique(np.linspace(0, length - 1, min(length, POINTS)).round().astype(int))
