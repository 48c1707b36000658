"""The metrics that evaluations know: which tasks each fits, and which way is better."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import Field

TaskName = Literal["binary", "multiclass", "regression"]


class Metric(Struct, frozen=True):
    """One metric: the tasks it fits, the better direction, and the values it can take.

    ``between_groups`` says that it is of fairness: how far groups of rows are
    apart, and not how good the model is on some of them. ``scores`` is whether it
    needs the classes' probabilities and not only the labels.
    """

    name: str
    tasks: tuple[TaskName, ...]
    better: Literal["higher", "lower"]
    floor: float | None
    ceiling: float | None
    description: str
    between_groups: bool = False
    scores: bool = False


_CLASSES: tuple[TaskName, ...] = ("binary", "multiclass")
_BINARY: tuple[TaskName, ...] = ("binary",)
_MULTICLASS: tuple[TaskName, ...] = ("multiclass",)
_NUMBERS: tuple[TaskName, ...] = ("regression",)

_QUALITY = (
    Metric("accuracy", _CLASSES, "higher", 0, 1, "Share of rows predicted right."),
    Metric("balanced_accuracy", _CLASSES, "higher", 0, 1, "Mean over classes of the share found."),
    Metric("precision", _BINARY, "higher", 0, 1, "Share of predicted positives that are positive."),
    Metric("recall", _BINARY, "higher", 0, 1, "Share of positives that are predicted."),
    Metric("f1", _BINARY, "higher", 0, 1, "Harmonic mean of precision and recall."),
    Metric("f1_macro", _MULTICLASS, "higher", 0, 1, "Mean of the classes' F1."),
    Metric("f1_weighted", _MULTICLASS, "higher", 0, 1, "Mean of the classes' F1 by their rows."),
    Metric(
        "roc_auc",
        _CLASSES,
        "higher",
        0,
        1,
        "Area under the ROC curve; one against rest, averaged.",
        scores=True,
    ),
    Metric(
        "average_precision",
        _BINARY,
        "higher",
        0,
        1,
        "Area under the precision-recall curve.",
        scores=True,
    ),
    Metric(
        "log_loss",
        _CLASSES,
        "lower",
        0,
        None,
        "Mean negative log probability of the truth.",
        scores=True,
    ),
    Metric("brier", _BINARY, "lower", 0, 1, "Mean squared error of the probability.", scores=True),
    Metric("mae", _NUMBERS, "lower", 0, None, "Mean absolute error."),
    Metric("mse", _NUMBERS, "lower", 0, None, "Mean squared error."),
    Metric("rmse", _NUMBERS, "lower", 0, None, "Root of the mean squared error."),
    Metric("r2", _NUMBERS, "higher", None, 1, "Share of the variance explained."),
    Metric("median_absolute_error", _NUMBERS, "lower", 0, None, "Median absolute error."),
    Metric("mape", _NUMBERS, "lower", 0, None, "Mean absolute error as a share of the truth."),
)


def _apart(name: str, tasks: tuple[TaskName, ...], rates: str, bounded: bool = True) -> Metric:
    """The largest difference of a rate between groups: 0 where all fare alike."""
    meaning = f"Largest difference between groups in {rates}."
    return Metric(f"{name}_difference", tasks, "lower", 0, 1 if bounded else None, meaning, True)


def _alike(name: str, tasks: tuple[TaskName, ...], rates: str) -> Metric:
    """The smallest rate of a group as a share of the largest: 1 where all fare alike."""
    meaning = f"Smallest ratio between groups in {rates}."
    return Metric(f"{name}_ratio", tasks, "higher", 0, 1, meaning, True)


_PARITY = "the share of rows predicted positive"
_ODDS = "the true or the false positive rate, whichever is further apart"
_OPPORTUNITY = "the true positive rate"
_RIGHT = "accuracy"
_ERROR = "the mean absolute error"

_FAIRNESS = (
    _apart("demographic_parity", _BINARY, _PARITY),
    _alike("demographic_parity", _BINARY, _PARITY),
    _apart("equalized_odds", _BINARY, _ODDS),
    _alike("equalized_odds", _BINARY, _ODDS),
    _apart("equal_opportunity", _BINARY, _OPPORTUNITY),
    _alike("equal_opportunity", _BINARY, _OPPORTUNITY),
    _apart("accuracy", _CLASSES, _RIGHT),
    _alike("accuracy", _CLASSES, _RIGHT),
    _apart("mae", _NUMBERS, _ERROR, bounded=False),
    _alike("mae", _NUMBERS, _ERROR),
)
"""Named and defined as in Fairlearn (``fairlearn.metrics``, between groups, worst case), which for
two groups are AIF360's statistical parity difference without its sign and its disparate impact."""

METRICS: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for metric in (*_QUALITY, *_FAIRNESS)}
)
"""Every metric by name."""

DEFAULT_METRICS: Mapping[TaskName, tuple[str, ...]] = MappingProxyType(
    {
        "binary": ("roc_auc", "average_precision", "f1", "accuracy", "log_loss", "brier"),
        "multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc"),
        "regression": ("rmse", "mae", "r2"),
    }
)
"""What is reported where a spec names no metrics."""


DEFAULT_FAIRNESS: Mapping[TaskName, tuple[str, ...]] = MappingProxyType(
    {
        "binary": ("demographic_parity_difference", "equalized_odds_difference"),
        "multiclass": ("accuracy_difference",),
        "regression": ("mae_difference",),
    }
)
"""What groups are held against each other by where a spec's ``fairness`` names no metrics."""


def metrics_for(task: TaskName) -> tuple[str, ...]:
    """The names of all metrics that say how good a model of a task is on some rows."""
    return _fitting(_QUALITY, task)


def fairness_for(task: TaskName) -> tuple[str, ...]:
    """The names of all metrics that hold groups of rows against each other, for a task."""
    return _fitting(_FAIRNESS, task)


def _fitting(metrics: tuple[Metric, ...], task: TaskName) -> tuple[str, ...]:
    return tuple(metric.name for metric in metrics if task in metric.tasks)


MetricName = Annotated[str, Field(json_schema_extra={"enum": [m.name for m in _QUALITY]})]
"""A metric as a spec names it: whether there is one, and for the task, is judged with the model."""

FairnessName = Annotated[str, Field(json_schema_extra={"enum": [m.name for m in _FAIRNESS]})]
"""A metric of fairness as a spec names it, judged alike."""
