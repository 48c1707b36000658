"""LightGBM: its native training, its trees as ONNX."""

from __future__ import annotations

import time
from typing import Any

import lightgbm as lgb
import numpy as np

from backends.training.contract import Builder, from_margins
from backends.training.crew import ALONE, Crew, Curves, Learnt
from backends.training.problem import Array, Fitted, Floats, Problem
from backends.training.trees import Tree, ensemble, probes
from specs.algorithms import LightGBM

_DEFAULT_LEFT = 2
_MISSING_NAN = 2
_ZERO = np.float32(1e-35)
_BELOW_ZERO = np.nextafter(-_ZERO, np.float32(-1))


def fit(algorithm: LightGBM, problem: Problem) -> Fitted:
    """Boost trees; early stopping keeps the rounds up to the best one."""
    started = time.perf_counter()
    learnt = learn(algorithm, problem, ALONE)
    return fitted(learnt, problem, time.perf_counter() - started)


def learn(algorithm: LightGBM, problem: Problem, crew: Crew) -> Learnt:
    """The booster of all rounds, and its curves.

    Each member brings its share of the training rows. All watch the same rows:
    LightGBM does not add up the metrics of several machines. Nothing is kept on
    the way: a fit that goes on would draw other rows than the one that was cut off.
    """
    parameters = {**_parameters(algorithm, problem), **crew.network}
    part = crew.share(problem.train)
    train = lgb.Dataset(part.x, part.y, weight=part.weight, params=parameters)
    part = problem.train.glimpse()
    # Early stopping does not look at the set of this name.
    watched, names = [train.create_valid(part.x, part.y, weight=part.weight)], ["training"]
    seen: dict[str, dict[str, list[float]]] = {}
    callbacks: list[Any] = [lgb.record_evaluation(seen)]
    if problem.validation is not None and problem.patience is not None:
        part = problem.validation
        watched.append(train.create_valid(part.x, part.y, weight=part.weight))
        names.append("validation")
        callbacks.append(lgb.early_stopping(problem.patience, verbose=False))
    booster = lgb.train(
        parameters,
        train,
        algorithm.n_estimators,
        valid_sets=watched,
        valid_names=names,
        callbacks=callbacks,
    )
    return Learnt(booster, _curve(seen, problem))


def fitted(learnt: Learnt, problem: Problem, seconds: float) -> Fitted:
    """The booster as ONNX, and as it predicts itself."""
    booster = learnt.model
    rounds = booster.best_iteration
    if rounds <= 0:
        rounds = booster.current_iteration()
    trees = _trees(booster.model_to_string(num_iteration=rounds), problem.margins)
    builder = Builder()
    margins = ensemble(builder, trees, np.zeros(problem.margins))
    return Fitted(
        model=from_margins(builder, margins, problem.classes, problem.train.x.shape[1]),
        predict=lambda x: _predict(booster, rounds, x, problem),
        seconds=seconds,
        importances=booster.feature_importance("gain", iteration=rounds),
        probes=probes(trees),
        rounds=rounds,
        curve=learnt.curve,
    )


def _parameters(algorithm: LightGBM, problem: Problem) -> dict[str, Any]:
    goal: dict[str, Any] = {"objective": "regression", "metric": "rmse"}
    if problem.margins > 1:
        goal = {"objective": "multiclass", "metric": "multi_logloss", "num_class": problem.margins}
    elif not problem.regression:
        goal = {"objective": "binary", "metric": "binary_logloss"}
    return {
        **goal,
        "learning_rate": algorithm.learning_rate,
        "num_leaves": algorithm.max_leaves,
        "max_depth": algorithm.max_depth or -1,
        "min_data_in_leaf": algorithm.min_samples_leaf,
        "min_gain_to_split": algorithm.min_split_gain,
        "bagging_fraction": algorithm.subsample,
        "bagging_freq": int(algorithm.subsample < 1),
        "feature_fraction": algorithm.colsample_bytree,
        "lambda_l2": algorithm.reg_lambda,
        "lambda_l1": algorithm.reg_alpha,
        "max_bin": algorithm.max_bins,
        "num_threads": problem.threads,
        "seed": problem.seed,
        # Together these make the trees independent of the number of threads.
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def _curve(seen: dict[str, dict[str, list[float]]], problem: Problem) -> Curves:
    metric = "rmse" if problem.regression else "log_loss"
    shown = {"training": "train", "validation": "validation"}
    return {
        f"{shown[name]}_{metric}": [float(value) for value in next(iter(found.values()))]
        for name, found in seen.items()
    }


def _trees(text: str, margins: int) -> list[Tree]:
    blocks = text.split("\nend of trees", 1)[0].split("\nTree=")[1:]
    return [_tree(_fields(block), number % margins) for number, block in enumerate(blocks)]


def _fields(block: str) -> dict[str, str]:
    lines = (line.partition("=") for line in block.splitlines() if "=" in line)
    return {name: value for name, _, value in lines}


def _numbers(fields: dict[str, str], name: str, kind: type) -> Array:
    return np.array(fields.get(name, "").split(), dtype=kind)


def _tree(fields: dict[str, str], output: int) -> Tree:
    """Splits come first, then the leaves, which LightGBM numbers ``~n``."""
    left, right = _numbers(fields, "left_child", int), _numbers(fields, "right_child", int)
    splits, leaves = len(left), _numbers(fields, "leaf_value", float)
    threshold = _numbers(fields, "threshold", float)
    # Prediction takes all of [-1e-35, 1e-35] for 0, its ends included.
    around = np.where(threshold >= 0, float(_ZERO), float(_BELOW_ZERO))
    threshold = np.where(np.abs(threshold) <= _ZERO, around, threshold)
    decision = _numbers(fields, "decision_type", int)
    # Where training saw no NaN, prediction takes it for 0.
    as_missing = (decision >> 2) & 3 == _MISSING_NAN
    missing_left = np.where(as_missing, decision & _DEFAULT_LEFT != 0, threshold >= 0)
    none = np.full(len(leaves), -1)
    values = np.concatenate([np.zeros(splits), leaves])
    return Tree(
        left=np.concatenate([np.where(left < 0, splits + ~left, left), none]),
        right=np.concatenate([np.where(right < 0, splits + ~right, right), none]),
        feature=np.concatenate([_numbers(fields, "split_feature", int), none]),
        threshold=np.concatenate([threshold, np.zeros(len(leaves))]),
        missing_left=np.concatenate([missing_left, none < 0]),
        values=values[:, None],
        output=output,
    )


def _predict(booster: lgb.Booster, rounds: int, x: Floats, problem: Problem) -> Array:
    found: Array = np.asarray(booster.predict(x, num_iteration=rounds, num_threads=problem.threads))
    if problem.regression or problem.margins > 1:
        return found
    return np.column_stack([1 - found, found])
