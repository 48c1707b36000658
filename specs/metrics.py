"""The metrics that evaluations know: which tasks each fits, and which way is better."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import Field

TaskName = Literal["binary", "multiclass", "regression"]


class Metric(Struct, frozen=True):
    """One metric: the tasks it fits, the better direction, and the values it can take."""

    name: str
    tasks: tuple[TaskName, ...]
    better: Literal["higher", "lower"]
    floor: float | None
    ceiling: float | None
    description: str


_CLASSES: tuple[TaskName, ...] = ("binary", "multiclass")
_BINARY: tuple[TaskName, ...] = ("binary",)
_MULTICLASS: tuple[TaskName, ...] = ("multiclass",)
_NUMBERS: tuple[TaskName, ...] = ("regression",)

_ALL = (
    Metric("accuracy", _CLASSES, "higher", 0, 1, "Share of rows predicted right."),
    Metric("balanced_accuracy", _CLASSES, "higher", 0, 1, "Mean over classes of the share found."),
    Metric("precision", _BINARY, "higher", 0, 1, "Share of predicted positives that are positive."),
    Metric("recall", _BINARY, "higher", 0, 1, "Share of positives that are predicted."),
    Metric("f1", _BINARY, "higher", 0, 1, "Harmonic mean of precision and recall."),
    Metric("f1_macro", _MULTICLASS, "higher", 0, 1, "Mean of the classes' F1."),
    Metric("f1_weighted", _MULTICLASS, "higher", 0, 1, "Mean of the classes' F1 by their rows."),
    Metric(
        "roc_auc", _CLASSES, "higher", 0, 1, "Area under the ROC curve; one against rest, averaged."
    ),
    Metric("average_precision", _BINARY, "higher", 0, 1, "Area under the precision-recall curve."),
    Metric("log_loss", _CLASSES, "lower", 0, None, "Mean negative log probability of the truth."),
    Metric("brier", _BINARY, "lower", 0, 1, "Mean squared error of the probability."),
    Metric("mae", _NUMBERS, "lower", 0, None, "Mean absolute error."),
    Metric("mse", _NUMBERS, "lower", 0, None, "Mean squared error."),
    Metric("rmse", _NUMBERS, "lower", 0, None, "Root of the mean squared error."),
    Metric("r2", _NUMBERS, "higher", None, 1, "Share of the variance explained."),
    Metric("median_absolute_error", _NUMBERS, "lower", 0, None, "Median absolute error."),
    Metric("mape", _NUMBERS, "lower", 0, None, "Mean absolute error as a share of the truth."),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Every metric by name."""

DEFAULT_METRICS: Mapping[TaskName, tuple[str, ...]] = MappingProxyType(
    {
        "binary": ("roc_auc", "average_precision", "f1", "accuracy", "log_loss", "brier"),
        "multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc"),
        "regression": ("rmse", "mae", "r2"),
    }
)
"""What is reported where a spec names no metrics."""


def metrics_for(task: TaskName) -> tuple[str, ...]:
    """The names of all metrics that fit a task."""
    return tuple(name for name, metric in METRICS.items() if task in metric.tasks)


MetricName = Annotated[str, Field(json_schema_extra={"enum": [*METRICS]})]
"""A metric as a spec names it: whether there is one, and for the task, is judged with the model."""
