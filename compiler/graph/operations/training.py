"""Operations that make a model: features, search, training, packaging."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from compiler.graph.operations.operation import Operation, Params, Scalar
from compiler.graph.types import Column, Task


class FeatureSpec(Struct, frozen=True):
    """One feature: a row-level expression and how it is fitted into the matrix.

    ``impute``: none, mean, median, most_frequent, constant (``fill``).
    ``scale``: none, standard, min_max, robust. ``encode``: none (numbers),
    one_hot, ordinal. Values rarer than ``min_frequency`` (share of training
    rows) or beyond ``max_categories`` are one ``rare`` category together with
    those unknown at fitting; null is a category of its own when encoded.
    """

    name: str
    expression: str
    impute: str = "none"
    fill: Scalar = None
    scale: str = "none"
    encode: str = "none"
    min_frequency: float = 0.0
    max_categories: int = 64


class FitFeatures(Operation, frozen=True):
    """Fit the preprocessing on the training part; features and fit become one ONNX graph.

    Inputs: ``train``. Outputs: ``features``.
    """

    capability = "train"
    category = "retrain"
    version = 2  # one divided by a column is what DuckDB says of it, to the last bit
    features: tuple[FeatureSpec, ...]
    request: tuple[Column, ...]


class Dimension(Struct, frozen=True):
    """The values one parameter may take: from ``low`` to ``high``, or one of ``choices``.

    ``whole`` numbers only; ``log`` searches by orders of magnitude.
    """

    name: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Scalar, ...] = ()
    whole: bool = False
    log: bool = False


class Tune(Operation, frozen=True):
    """Search an algorithm's parameters, judged by ``metric`` on the validation part.

    Inputs: ``features``, ``train``, ``validation``. Outputs: ``tuning``
    (document: trials, the best parameters).
    """

    capability = "tune"
    category = "retrain"
    task: Task
    target: str
    algorithm: str
    parameters: Params
    space: tuple[Dimension, ...]
    metric: str
    trials: int
    search: Literal["tpe", "random"] = "tpe"
    scheduler: Literal["asha", "none"] = "asha"
    timeout_s: int | None = None
    class_weight: str | None = None
    early_stopping: int | None = None
    seed: int = 0


class Train(Operation, frozen=True):
    """Fit an estimator on the matrix of the features and convert it to ONNX.

    Inputs: ``features``, ``train``, ``validation`` where early stopping asks
    for it, and ``tuning``, whose best parameters stand over ``parameters``.
    Outputs: ``estimator``, ``training`` (document: curves, importances, rows,
    seconds, classes).
    """

    capability = "train"
    category = "retrain"
    task: Task
    target: str
    algorithm: str
    parameters: Params
    class_weight: str | None = None
    early_stopping: int | None = None
    seed: int = 0


class Package(Operation, frozen=True):
    """Join features and estimator to one model that takes raw columns.

    Inputs: ``features``, ``estimator``. Outputs: ``model``.
    """

    capability = "train"
    category = "retrain"
    target: Column
    task: Task
