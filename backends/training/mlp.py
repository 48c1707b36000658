"""scikit-learn's neural network, with early stopping on the given validation part."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from backends.training.contract import Builder, from_margins
from backends.training.layers import affine
from backends.training.problem import Array, Fitted, Floats, Part, Problem
from backends.training.sklearn import quiet, timed
from specs.algorithms import Mlp

_TINY = 1e-15


def fit(algorithm: Mlp, problem: Problem) -> Fitted:
    """Adam over mini-batches; a regression's target is standardised and scaled back inside."""
    shift, scale = _standard(problem)
    estimator = _estimator(algorithm, problem)
    curve: dict[str, list[float]] = {}
    with quiet():
        seconds = timed(lambda: _train(estimator, algorithm, problem, (shift, scale), curve))
    layers = list(zip(estimator.coefs_, estimator.intercepts_, strict=True))
    weights, bias = layers[-1]
    layers[-1] = (weights.astype(np.float64) * scale, bias.astype(np.float64) * scale + shift)
    builder = Builder()
    margins = affine(builder, layers, algorithm.activation)
    rounds = len(estimator.loss_curve_)
    return Fitted(
        model=from_margins(builder, margins, problem.classes, problem.train.x.shape[1]),
        predict=lambda x: _predict(estimator, problem, x, shift, scale),
        seconds=seconds,
        rounds=rounds,
        curve=curve,
        converged=problem.validation is not None or rounds < algorithm.max_epochs,
    )


def _standard(problem: Problem) -> tuple[float, float]:
    if not problem.regression:
        return 0.0, 1.0
    return float(np.mean(problem.train.y)), float(np.std(problem.train.y)) or 1.0


def _estimator(algorithm: Mlp, problem: Problem) -> Any:
    kind = MLPRegressor if problem.regression else MLPClassifier
    return kind(
        hidden_layer_sizes=algorithm.hidden_layers,
        activation=algorithm.activation,
        learning_rate_init=algorithm.learning_rate,
        batch_size=min(algorithm.batch_size, len(problem.train.y)),
        max_iter=algorithm.max_epochs,
        alpha=algorithm.reg_lambda,
        random_state=problem.seed,
    )


def _train(
    estimator: Any,
    algorithm: Mlp,
    problem: Problem,
    standard: tuple[float, float],
    curve: dict[str, list[float]],
) -> None:
    part = _standardised(problem.train, problem, standard)
    loss = "half_squared_error" if problem.regression else "log_loss"
    if problem.validation is None or problem.patience is None:
        estimator.fit(part.x, part.y, sample_weight=part.weight)
    else:
        watched = _standardised(problem.validation, problem, standard)
        curve[f"validation_{loss}"] = _watch(
            estimator, part, watched, problem, (algorithm.max_epochs, problem.patience)
        )
    curve[f"train_{loss}"] = [float(value) for value in estimator.loss_curve_]


def _standardised(part: Part, problem: Problem, standard: tuple[float, float]) -> Part:
    if not problem.regression:
        return part
    return Part(part.x, ((part.y - standard[0]) / standard[1]).astype(np.float32), part.weight)


def _watch(
    estimator: Any, part: Part, watched: Part, problem: Problem, limits: tuple[int, int]
) -> list[float]:
    """One epoch at a time until the validation loss rests; the best epoch's weights stay."""
    epochs, patience = limits
    known = {} if problem.regression else {"classes": np.arange(len(problem.classes))}
    losses: list[float] = []
    best: tuple[list[Array], list[Array]] = ([], [])
    for _ in range(epochs):
        estimator.partial_fit(part.x, part.y, sample_weight=part.weight, **known)
        losses.append(_loss(estimator, watched, problem))
        if losses[-1] == min(losses):
            best = _copies(estimator.coefs_), _copies(estimator.intercepts_)
        if len(losses) - 1 - int(np.argmin(losses)) >= patience:
            break
    estimator.coefs_, estimator.intercepts_ = best
    return losses


def _copies(arrays: list[Array]) -> list[Array]:
    return [array.copy() for array in arrays]


def _loss(estimator: Any, part: Part, problem: Problem) -> float:
    if problem.regression:
        terms = (estimator.predict(part.x) - part.y) ** 2 / 2
    else:
        chances = estimator.predict_proba(part.x)[np.arange(len(part.y)), part.y]
        terms = -np.log(np.maximum(chances, _TINY))
    return float(np.average(terms, weights=part.weight))


def _predict(estimator: Any, problem: Problem, x: Floats, shift: float, scale: float) -> Array:
    if not problem.regression:
        found: Array = estimator.predict_proba(x)
        return found
    values: Array = estimator.predict(x).astype(np.float64) * scale + shift
    return values
