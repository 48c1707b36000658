"""Where a search looks next: an Optuna study in memory behind a few plain calls."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from backends.training.rung import REDUCTION
from backends.training.space import decoded, distributions, optuna, own, sampler
from compiler.graph.operations import Scalar, Tune


class Suggestion(Struct, frozen=True):
    """A setting to try, with the study's own notion of it."""

    parameters: dict[str, Scalar]
    study: Any
    trial: Any

    def falls_behind(self, value: float, rounds: int) -> bool:
        """Whether it is not among the best of those that got to the rung."""
        self.trial.report(value, rounds)
        return bool(self.trial.should_prune())

    def done(self, value: float) -> None:
        """Tell what it reached."""
        self.study.tell(self.trial, value)

    def ended(self, status: str) -> None:
        """Tell that it was given up (``pruned``) or ``failed``."""
        self.study.tell(self.trial, state=optuna().trial.TrialState[_STATES[status]])


_STATES = {"pruned": "PRUNED", "failed": "FAIL"}


class Search(Struct, frozen=True):
    """A study over a space; equal seeds and equal answers give equal suggestions."""

    operation: Tune
    study: Any

    @classmethod
    def begin(cls, operation: Tune, better: str, rung: int | None) -> Search:
        """A study that first tries the model's own parameters, where the space holds them.

        Raises:
            StackcError: Optuna is not installed (E504).
        """
        study = optuna().create_study(
            direction="maximize" if better == "higher" else "minimize",
            sampler=sampler(operation),
            pruner=_pruner(rung),
        )
        first = own(operation)
        if first is not None:
            study.enqueue_trial(first)
        return cls(operation, study)

    def suggest(self) -> Suggestion:
        """The setting to try next."""
        trial = self.study.ask(distributions(self.operation))
        return Suggestion(decoded(self.operation, trial.params), self.study, trial)


def _pruner(rung: int | None) -> Any:
    pruners = optuna().pruners
    if rung is None:
        return pruners.NopPruner()
    return pruners.SuccessiveHalvingPruner(min_resource=rung, reduction_factor=REDUCTION)
