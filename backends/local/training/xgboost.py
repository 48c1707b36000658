"""XGBoost: its native training, its trees as ONNX."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import xgboost as xgb

from backends.local.training.contract import Builder, from_margins
from backends.local.training.problem import Array, Fitted, Floats, Part, Problem
from backends.local.training.trees import Tree, ensemble, probes, reachable
from specs.algorithms import XGBoost


def fit(algorithm: XGBoost, problem: Problem) -> Fitted:
    """Boost trees; early stopping keeps the rounds up to the best one."""
    with xgb.config_context(verbosity=0):
        started = time.perf_counter()
        booster, curve = _boost(algorithm, problem)
        seconds = time.perf_counter() - started
        trees, base = _trees(booster, problem)
    builder = Builder()
    margins = ensemble(builder, trees, base, strict=True)
    width = problem.train.x.shape[1]
    return Fitted(
        model=from_margins(builder, margins, problem.classes, width),
        predict=lambda x: _predict(booster, x, problem),
        seconds=seconds,
        importances=_gain(booster, width),
        probes=probes(trees),
        rounds=booster.num_boosted_rounds(),
        curve=curve,
    )


def _parameters(algorithm: XGBoost, problem: Problem) -> dict[str, Any]:
    goal: dict[str, Any] = {"objective": "reg:squarederror", "eval_metric": "rmse"}
    if problem.margins > 1:
        goal = {"objective": "multi:softprob", "eval_metric": "mlogloss"}
        goal["num_class"] = problem.margins
    elif not problem.regression:
        goal = {"objective": "binary:logistic", "eval_metric": "logloss"}
    named = algorithm.model_dump(exclude={"kind", "n_estimators", "max_bins", "max_leaves"})
    return {
        **goal,
        **named,
        "max_bin": algorithm.max_bins,
        "max_leaves": algorithm.max_leaves,
        "tree_method": "hist",
        "device": "cpu",
        "nthread": problem.threads,
        "seed": problem.seed,
        "verbosity": 0,
    }


def _boost(algorithm: XGBoost, problem: Problem) -> tuple[xgb.Booster, dict[str, list[float]]]:
    parameters = _parameters(algorithm, problem)
    train = _matrix(problem.train, algorithm, problem)
    watched = [(_matrix(problem.train.glimpse(), algorithm, problem, train), "train")]
    if problem.validation is not None:
        watched.append((_matrix(problem.validation, algorithm, problem, train), "validation"))
    seen: dict[str, dict[str, list[float]]] = {}
    booster = xgb.train(
        parameters,
        train,
        algorithm.n_estimators,
        evals=watched,
        evals_result=seen,
        early_stopping_rounds=problem.patience if problem.validation is not None else None,
        verbose_eval=False,
    )
    if problem.patience is not None and problem.validation is not None:
        booster = booster[: booster.best_iteration + 1]
    names = {"rmse": "rmse", "logloss": "log_loss", "mlogloss": "log_loss"}
    curve = {
        f"{part}_{names[metric]}": [float(value) for value in values]
        for part, metrics in seen.items()
        for metric, values in metrics.items()
    }
    return booster, curve


def _matrix(
    part: Part, algorithm: XGBoost, problem: Problem, reference: Any = None
) -> xgb.QuantileDMatrix:
    return xgb.QuantileDMatrix(
        part.x,
        part.y,
        weight=part.weight,
        max_bin=algorithm.max_bins,
        nthread=problem.threads,
        ref=reference,
    )


def _trees(booster: xgb.Booster, problem: Problem) -> tuple[list[Tree], Array]:
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    model = learner["gradient_booster"]["model"]
    trees = [
        reachable(_tree(entry, output))
        for entry, output in zip(model["trees"], model["tree_info"], strict=True)
    ]
    score = json.loads(learner["learner_model_param"]["base_score"])
    base = np.broadcast_to(np.asarray(score, np.float64), (problem.margins,))
    if problem.margins == 1 and not problem.regression:
        base = np.log(base) - np.log1p(-base)
    return trees, base


def _tree(entry: dict[str, Any], output: int) -> Tree:
    left = np.array(entry["left_children"])
    condition = np.array(entry["split_conditions"], np.float32).astype(np.float64)
    return Tree(
        left=left,
        right=np.array(entry["right_children"]),
        feature=np.array(entry["split_indices"]),
        threshold=condition,
        missing_left=np.array(entry["default_left"], bool),
        values=condition[:, None],
        output=output,
    )


def _gain(booster: xgb.Booster, width: int) -> Array:
    gains = np.zeros(width)
    for name, value in booster.get_score(importance_type="total_gain").items():
        gains[int(name[1:])] = value
    return gains


def _predict(booster: xgb.Booster, x: Floats, problem: Problem) -> Array:
    found: Array = booster.predict(xgb.DMatrix(x, nthread=problem.threads))
    if problem.regression or problem.margins > 1:
        return found
    return np.column_stack([1 - found, found])
