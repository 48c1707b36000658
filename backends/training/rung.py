"""The rung of a search: the rounds after which a trial is held against the others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from compiler.graph.operations import Scalar, Tune

ROUNDS: Mapping[str, str] = MappingProxyType(
    {
        "random_forest": "n_estimators",
        "hist_gradient_boosting": "n_estimators",
        "mlp": "max_epochs",
        "xgboost": "n_estimators",
        "lightgbm": "n_estimators",
        "torch_mlp": "max_epochs",
    }
)
"""The parameter that says how long an algorithm learns, where a short fit is the beginning of a
long one. A linear model's `max_iter` is no such thing: a solver that stops early has no model."""

REDUCTION = 4
"""The rung is at one in so many rounds, and one in so many trials goes on from it."""


def rung_of(operation: Tune) -> int | None:
    """A quarter of the most rounds a trial may take; None where no trial is given up.

    There is no earlier rung: after a sixteenth of the rounds a high learning
    rate looks best whatever it comes to, and searches ended at worse values.
    """
    if operation.scheduler == "none" or operation.algorithm not in ROUNDS:
        return None
    return _most(operation, ROUNDS[operation.algorithm]) // REDUCTION or None


def shortened(
    algorithm: str, parameters: Mapping[str, Scalar], rung: int | None
) -> dict[str, Scalar] | None:
    """The parameters of a fit up to the rung; None for a fit that is no longer than that."""
    name = ROUNDS.get(algorithm)
    whole = parameters.get(name) if name else None
    if name is None or rung is None or not isinstance(whole, int) or whole <= rung:
        return None
    return {**parameters, name: rung}


def _most(operation: Tune, name: str) -> int:
    for dimension in operation.space:
        if dimension.name == name:
            return int(max(float(value or 0) for value in (dimension.high, *dimension.choices)))
    return int(dict(operation.parameters)[name] or 0)
