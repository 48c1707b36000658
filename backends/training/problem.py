"""What a trainer is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from compiler.graph.types import Task

if TYPE_CHECKING:
    from onnx import ModelProto

GLIMPSE = 2000
"""Rows of the training part that learning curves are drawn from: all of them cost 15 % more."""

Floats: TypeAlias = NDArray[np.float32]
Array: TypeAlias = NDArray[Any]


class Part(Struct, frozen=True):
    """Rows to learn from or to watch: ``x`` float32 [N, F], ``y`` [N], ``weight`` [N] or None.

    ``y`` is int64 codes into the classes, or float64 values for regression.
    """

    x: Floats
    y: Array
    weight: Array | None = None

    def glimpse(self) -> Part:
        """Up to ``GLIMPSE`` rows, spread evenly."""
        pick = np.unique(np.linspace(0, len(self.y) - 1, min(len(self.y), GLIMPSE)).astype(int))
        weight = self.weight[pick] if self.weight is not None else None
        return Part(self.x[pick], self.y[pick], weight)


class Problem(Struct, frozen=True):
    """Everything a trainer may use besides its own parameters.

    Attributes:
        task: What is predicted.
        train: The rows to fit.
        validation: The rows that early stopping watches; None without it.
        classes: The labels in code order; empty for regression.
        patience: Rounds without improvement before stopping; None without.
        seed: Where all randomness comes from.
        categories: For each column of the matrix how many codes it has; 0 for
            a number. Empty where there are no codes.
        threads: Threads the fit may use; they never change its result.
    """

    task: Task
    train: Part
    validation: Part | None
    classes: tuple[Any, ...]
    patience: int | None
    seed: int
    threads: int
    categories: tuple[int, ...] = ()

    @property
    def regression(self) -> bool:
        """Whether the target is a number."""
        return self.task is Task.REGRESSION

    @property
    def codes(self) -> tuple[int, ...]:
        """``categories`` for every column of the matrix."""
        return self.categories or (0,) * self.train.x.shape[1]

    @property
    def margins(self) -> int:
        """Raw scores per row: one for regression and two classes, else one a class."""
        return 1 if len(self.classes) <= 2 else len(self.classes)


class Fitted(Struct, frozen=True):
    """A fitted estimator.

    Attributes:
        model: The estimator as ONNX, held to the contract of ``contract.py``.
        predict: The framework's own predictions, [N, C] or [N].
        seconds: The bare fit, without reading or converting.
        importances: One weight per matrix column, not yet normalised; None
            where the algorithm has no such notion.
        probes: Thresholds as (feature, value) where a rounding would show.
        rounds: Rounds or trees kept; None where there are none.
        curve: Metric name to one value per round.
        converged: False when the solver ran out of iterations.
        workers: Processes that it was divided among.
        resumed: The rounds after which it was cut off and went on.
    """

    model: ModelProto
    predict: Callable[[Floats], Array]
    seconds: float
    importances: Array | None = None
    probes: tuple[Array, Array] | None = None
    rounds: int | None = None
    curve: dict[str, list[float]] = field(default_factory=dict)
    converged: bool = True
    workers: int = 1
    resumed: tuple[int, ...] = ()
