"""Where a search looks next: an Optuna study in memory behind a few plain calls."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from backends.local.training.rung import REDUCTION
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.operations import Dimension, Scalar, Tune


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
        self.study.tell(self.trial, state=_optuna().trial.TrialState[_STATES[status]])


_STATES = {"pruned": "PRUNED", "failed": "FAIL"}


class Search(Struct, frozen=True):
    """A study over a space; equal seeds and equal answers give equal suggestions."""

    space: tuple[Dimension, ...]
    study: Any

    @classmethod
    def begin(cls, operation: Tune, better: str, rung: int | None) -> Search:
        """A study that first tries the model's own parameters, where the space holds them.

        A search is then never worse on the validation part than no search.

        Raises:
            StackcError: Optuna is not installed (E504).
        """
        optuna = _optuna()
        samplers = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
        study = optuna.create_study(
            direction="maximize" if better == "higher" else "minimize",
            sampler=samplers[operation.search](seed=operation.seed),
            pruner=_pruner(optuna, rung),
        )
        own = _own(operation)
        if own is not None:
            study.enqueue_trial(own)
        return cls(operation.space, study)

    def suggest(self) -> Suggestion:
        """The setting to try next."""
        trial = self.study.ask({entry.name: _distribution(entry) for entry in self.space})
        found = {entry.name: _decoded(entry, trial.params[entry.name]) for entry in self.space}
        return Suggestion(found, self.study, trial)


def _optuna() -> Any:
    """The module, imported when it is first needed: it takes longer than many a search."""
    try:
        optuna = importlib.import_module("optuna")
    except ImportError as error:
        raise fail(
            Code.BACKEND_MISSING,
            f"a search needs Optuna, which is not installed: {error}",
            help="pip install 'stackc[tune]'",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _pruner(optuna: Any, rung: int | None) -> Any:
    if rung is None:
        return optuna.pruners.NopPruner()
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=rung, reduction_factor=REDUCTION)


def _distribution(entry: Dimension) -> Any:
    """Choices go by their place: Optuna takes 1, 1.0 and true for one choice."""
    distributions = _optuna().distributions
    if entry.choices:
        return distributions.CategoricalDistribution(range(len(entry.choices)))
    low, high = entry.low or 0.0, entry.high or 0.0
    if entry.whole:
        return distributions.IntDistribution(int(low), int(high), log=entry.log)
    return distributions.FloatDistribution(low, high, log=entry.log)


def _decoded(entry: Dimension, found: Any) -> Scalar:
    if entry.choices:
        return entry.choices[int(found)]
    return int(found) if entry.whole else float(found)


def _own(operation: Tune) -> dict[str, Any] | None:
    """The model's own parameters as the study writes them; None where the space lacks one."""
    given = dict(operation.parameters)
    found = {entry.name: _encoded(entry, given) for entry in operation.space}
    return None if None in found.values() else found


def _encoded(entry: Dimension, given: Mapping[str, Scalar]) -> int | float | None:
    value = given.get(entry.name)
    if entry.choices:
        same = [
            isinstance(c, bool) == isinstance(value, bool) and c == value for c in entry.choices
        ]
        return same.index(True) if True in same else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not (entry.low or 0.0) <= value <= (entry.high or 0.0):
        return None
    return value if entry.whole else float(value)
