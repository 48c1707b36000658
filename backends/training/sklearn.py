"""scikit-learn: linear models, forests, histogram boosting, neural networks."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from backends.training.contract import Builder, from_margins, from_shares
from backends.training.layers import affine
from backends.training.problem import Array, Fitted, Floats, Problem
from backends.training.trees import Tree, ensemble, probes
from specs.algorithms import HistGradientBoosting, Linear, RandomForest


@contextmanager
def quiet(*, threads: int = 1) -> Iterator[None]:
    """No Python warnings, and so many threads in OpenMP and BLAS.

    One BLAS thread makes a linear fit's bytes independent of the machine.
    """
    with warnings.catch_warnings(), threadpool_limits(limits={"openmp": threads, "blas": 1}):
        warnings.simplefilter("ignore")
        yield


def timed(work: Callable[[], Any]) -> float:
    """Seconds that the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def predictor(estimator: Any, problem: Problem) -> Callable[[Floats], Array]:
    """The estimator's own predictions as the contract gives them."""
    return estimator.predict if problem.regression else estimator.predict_proba  # type: ignore[no-any-return]


def linear(algorithm: Linear, problem: Problem) -> Fitted:
    """Ridge, or logistic regression by L-BFGS, in float64."""
    part = problem.train
    x = part.x.astype(np.float64)
    estimator = _ridge(algorithm) if problem.regression else _logistic(algorithm)
    with quiet():
        seconds = timed(lambda: estimator.fit(x, part.y, sample_weight=part.weight))
    weights = np.atleast_2d(estimator.coef_).T
    bias = np.broadcast_to(np.atleast_1d(estimator.intercept_), (weights.shape[1],))
    builder = Builder()
    margins = affine(builder, [(weights, bias)])
    rounds = None if problem.regression else int(np.max(estimator.n_iter_))
    return Fitted(
        model=from_margins(builder, margins, problem.classes, x.shape[1]),
        predict=lambda rows: predictor(estimator, problem)(rows.astype(np.float64)),
        seconds=seconds,
        importances=np.abs(weights).mean(axis=1),
        rounds=rounds,
        converged=rounds is None or rounds < algorithm.max_iter,
    )


def _ridge(algorithm: Linear) -> Any:
    return Ridge(
        alpha=algorithm.reg_lambda,
        fit_intercept=algorithm.fit_intercept,
        copy_X=False,
        solver="svd" if algorithm.reg_lambda == 0 else "cholesky",
    )


def _logistic(algorithm: Linear) -> Any:
    strength = np.inf if algorithm.reg_lambda == 0 else 1 / algorithm.reg_lambda
    return LogisticRegression(
        C=strength, fit_intercept=algorithm.fit_intercept, max_iter=algorithm.max_iter
    )


def random_forest(algorithm: RandomForest, problem: Problem) -> Fitted:
    """Bagged trees; each has its own seed, so threads change nothing."""
    kind = RandomForestRegressor if problem.regression else RandomForestClassifier
    values = algorithm.model_dump(exclude={"kind", "max_features"})
    wanted = algorithm.max_features or (1.0 if problem.regression else "sqrt")
    estimator = kind(
        **values, max_features=wanted, random_state=problem.seed, n_jobs=problem.threads
    )
    part = problem.train
    with quiet():
        seconds = timed(lambda: estimator.fit(part.x, part.y, sample_weight=part.weight))
        importances = estimator.feature_importances_
    trees = [_bagged(member.tree_, problem, len(estimator)) for member in estimator.estimators_]
    builder = Builder()
    shares = ensemble(builder, trees, np.zeros(problem.margins))
    finish = from_margins if problem.regression else from_shares
    return Fitted(
        model=finish(builder, shares, problem.classes, part.x.shape[1]),
        predict=predictor(estimator, problem),
        seconds=seconds,
        importances=importances,
        probes=probes(trees),
        rounds=len(trees),
    )


def _bagged(tree: Any, problem: Problem, count: int) -> Tree:
    values = tree.value[:, 0, :]
    if not problem.regression:
        values = values / values.sum(axis=1, keepdims=True)
        values = values[:, 1:] if problem.margins == 1 else values
    return Tree(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=np.zeros(len(tree.feature), bool),
        values=values / count,
    )


def hist_gradient_boosting(algorithm: HistGradientBoosting, problem: Problem) -> Fitted:
    """Histogram boosting; early stopping watches the validation part."""
    kind = HistGradientBoostingRegressor if problem.regression else HistGradientBoostingClassifier
    estimator = kind(
        max_iter=algorithm.n_estimators,
        learning_rate=algorithm.learning_rate,
        max_leaf_nodes=algorithm.max_leaves,
        max_depth=algorithm.max_depth,
        min_samples_leaf=algorithm.min_samples_leaf,
        l2_regularization=algorithm.reg_lambda,
        max_features=algorithm.max_features,
        max_bins=algorithm.max_bins,
        categorical_features=None,
        early_stopping=problem.validation is not None,
        n_iter_no_change=problem.patience or 10,
        random_state=problem.seed,
    )
    with quiet(threads=problem.threads):
        seconds = timed(lambda: _fit_watched(estimator, problem))
    stages = estimator._predictors
    trees = [_boosted(t.nodes, output) for stage in stages for output, t in enumerate(stage)]
    builder = Builder()
    margins = ensemble(builder, trees, np.ravel(estimator._baseline_prediction))
    width = problem.train.x.shape[1]
    return Fitted(
        model=from_margins(builder, margins, problem.classes, width),
        predict=predictor(estimator, problem),
        seconds=seconds,
        importances=_split_gain(stages, width),
        probes=probes(trees),
        rounds=len(stages),
        curve=_watched_curve(estimator, problem),
    )


def _fit_watched(estimator: Any, problem: Problem) -> None:
    part, watched = problem.train, problem.validation
    beside: dict[str, Any] = {}
    if watched is not None:
        beside = {"X_val": watched.x, "y_val": watched.y, "sample_weight_val": watched.weight}
        if watched.weight is None:
            del beside["sample_weight_val"]
    estimator.fit(part.x, part.y, sample_weight=part.weight, **beside)


def _watched_curve(estimator: Any, problem: Problem) -> dict[str, list[float]]:
    if problem.validation is None:
        return {}
    # scikit-learn's loss of a regression is half the squared error.
    name = "half_squared_error" if problem.regression else "log_loss"
    found = {"train": estimator.train_score_, "validation": estimator.validation_score_}
    return {f"{part}_{name}": [-float(v) for v in values] for part, values in found.items()}


def _boosted(nodes: Any, output: int) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        values=nodes["value"][:, None],
        output=output,
    )


def _split_gain(stages: Any, width: int) -> Array:
    gains = np.zeros(width)
    for stage in stages:
        for tree in stage:
            inner = ~tree.nodes["is_leaf"].astype(bool)
            features = tree.nodes["feature_idx"][inner].astype(np.int64)
            np.add.at(gains, features, np.maximum(tree.nodes["gain"][inner], 0.0))
    return gains
