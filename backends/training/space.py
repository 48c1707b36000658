"""A search's space as Optuna has it, and back: whichever backend searches, it is the same space."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.operations import Dimension, Scalar, Tune


def optuna() -> Any:
    """The module, imported when it is first needed: it takes longer than many a search.

    Raises:
        StackcError: It is not installed (E504).
    """
    try:
        found = importlib.import_module("optuna")
    except ImportError as error:
        raise fail(
            Code.BACKEND_MISSING,
            f"a search needs Optuna, which is not installed: {error}",
            help="pip install 'stackc[tune]'",
        ) from error
    found.logging.set_verbosity(found.logging.WARNING)
    return found


def sampler(operation: Tune) -> Any:
    """What proposes settings; all its randomness is from the operation's seed."""
    samplers = optuna().samplers
    kinds = {"tpe": samplers.TPESampler, "random": samplers.RandomSampler}
    return kinds[operation.search](seed=operation.seed)


def distributions(operation: Tune) -> dict[str, Any]:
    """The space, by the name of what is searched."""
    return {entry.name: _distribution(entry) for entry in operation.space}


def decoded(operation: Tune, found: Mapping[str, Any]) -> dict[str, Scalar]:
    """A setting as the algorithm takes it, from one as Optuna has it."""
    return {entry.name: _decoded(entry, found[entry.name]) for entry in operation.space}


def _distribution(entry: Dimension) -> Any:
    """Choices go by their place: Optuna takes 1, 1.0 and true for one choice."""
    distributions = optuna().distributions
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


def own(operation: Tune) -> dict[str, Any] | None:
    """The model's own parameters as Optuna has them; None where the space lacks one.

    Whoever tries them first is never worse on the validation part than no search.
    """
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
