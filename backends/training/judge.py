"""What a setting is worth: a fit, measured on the validation part.

A trial is judged as evaluations judge, on the framework's own scores in the precision of the
packaged model; labels are decided at a probability of 0.5, whatever threshold the evaluation has.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from backends.models.metrics import evaluate
from backends.training.problem import Part, Problem
from backends.training.trainers import Trainer, fit
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.digest import canonical
from compiler.graph.operations import Scalar, Tune


class Judged(Struct, frozen=True):
    """What a fit is worth, and the rounds it kept."""

    value: float
    rounds: int | None


class Judge(Struct, frozen=True):
    """Fits settings and measures them; a setting that comes again is not fitted again.

    Attributes:
        operation: What is searched.
        trainer: Fits the algorithm.
        problem: What it is fitted on; with a validation part only where early
            stopping watches one.
        validation: What it is judged on.
        known: What was measured, by the parameters as JSON.
    """

    operation: Tune
    trainer: Trainer
    problem: Problem
    validation: Part
    known: dict[bytes, Judged] = field(default_factory=dict)

    @classmethod
    def of(cls, operation: Tune, trainer: Trainer, problem: Problem) -> Judge:
        """A judge that has seen nothing."""
        if problem.validation is None:
            raise ValueError("trials are judged on a validation part")
        watched = problem if problem.patience is not None else replace(problem, validation=None)
        return cls(operation, trainer, watched, problem.validation)

    def judged(self, parameters: Mapping[str, Scalar]) -> Judged:
        """Fit and measure.

        Raises:
            StackcError: The fit is refused or diverges, or the metric is not
                defined for what it predicts (E713).
        """
        key = canonical(dict(parameters))
        if key not in self.known:
            self.known[key] = self._measured(parameters)
        return self.known[key]

    def _measured(self, parameters: Mapping[str, Scalar]) -> Judged:
        metric = self.operation.metric
        fitted = fit(self.trainer, self.operation.algorithm, parameters, self.problem)
        with np.errstate(over="ignore"):
            scores = np.asarray(fitted.predict(self.validation.x)).astype(np.float32)
        if not np.isfinite(scores).all():
            raise fail(
                Code.TRAINING_FAILED, "the fit diverged: its predictions are not finite numbers"
            )
        value = evaluate((metric,), self.problem.task.value, self.validation.y, scores)[metric]
        if value is None:
            raise fail(Code.TRAINING_FAILED, f"`{metric}` is undefined on the validation part")
        return Judged(value, fitted.rounds)
