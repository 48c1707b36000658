"""XGBoost: its native training, its trees as ONNX."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

from backends.training.contract import Builder, from_margins
from backends.training.crew import ALONE, Crew, Curves, Learnt, best_of, rested
from backends.training.problem import Array, Fitted, Floats, Part, Problem
from backends.training.trees import Tree, ensemble, probes, reachable
from specs.algorithms import XGBoost

_BOOSTER = "booster.ubj"
_CURVE = "curve.json"
_NAMES = {"rmse": "rmse", "logloss": "log_loss", "mlogloss": "log_loss"}


def fit(algorithm: XGBoost, problem: Problem) -> Fitted:
    """Boost trees; early stopping keeps the rounds up to the best one."""
    started = time.perf_counter()
    learnt = learn(algorithm, problem, ALONE)
    return fitted(learnt, problem, time.perf_counter() - started)


def learn(algorithm: XGBoost, problem: Problem, crew: Crew) -> Learnt:
    """The booster of all rounds, and its curves.

    Each member brings its share of the rows; histograms and metrics are those of all.
    """
    with xgb.config_context(verbosity=0):
        train = _matrix(crew.share(problem.train), algorithm, problem)
        parts = {"train": problem.train.glimpse()}
        if problem.validation is not None:
            parts["validation"] = problem.validation
        watched = [
            (_matrix(crew.share(part), algorithm, problem, train), name)
            for name, part in parts.items()
        ]
        return _boosted(algorithm, problem, crew, train, watched)


def fitted(learnt: Learnt, problem: Problem, seconds: float) -> Fitted:
    """The booster as ONNX, and as it predicts itself."""
    booster = learnt.model
    if problem.patience is not None and problem.validation is not None:
        booster = booster[: best_of(_validation(learnt.curve)) + 1]
    with xgb.config_context(verbosity=0):
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
        curve=learnt.curve,
    )


def _parameters(algorithm: XGBoost, problem: Problem, crew: Crew) -> dict[str, Any]:
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
        # A fit that goes on after a worker died draws what it would have drawn.
        "seed_per_iteration": crew.keeps,
        "verbosity": 0,
    }


def _boosted(
    algorithm: XGBoost, problem: Problem, crew: Crew, train: Any, watched: list[tuple[Any, str]]
) -> Learnt:
    """All rounds, from the last that was kept."""
    kept = crew.kept()
    begin = partial(
        xgb.Booster,
        _parameters(algorithm, problem, crew),
        [train, *(matrix for matrix, _ in watched)],
    )
    booster = begin(model_file=str(kept / _BOOSTER) if kept else None)
    curve: Curves = json.loads((kept / _CURVE).read_bytes()) if kept else {}
    while booster.num_boosted_rounds() < algorithm.n_estimators:
        if rested(_validation(curve), problem.patience):
            break
        number = booster.num_boosted_rounds()
        booster.update(train, number)
        _note(curve, booster.eval_set(watched, number))
        if crew.keep(number + 1, partial(_write, booster, curve)):
            # What samples columns begins anew with a booster. Here too, so that a fit that goes
            # on is the fit that was never cut off.
            booster = begin(model_file=booster.save_raw("ubj"))
    return Learnt(booster.reset(), curve)


def _note(curve: Curves, told: str) -> None:
    """Add what a round was worth; it is told as ``[0]<tab>train-rmse:0.5<tab>...``."""
    for entry in told.split()[1:]:
        name, _, value = entry.rpartition(":")
        part, _, metric = name.partition("-")
        curve.setdefault(f"{part}_{_NAMES[metric]}", []).append(float(value))


def _validation(curve: Curves) -> list[float]:
    return next((seen for name, seen in curve.items() if name.startswith("validation_")), [])


def _write(booster: xgb.Booster, curve: Curves, folder: Path) -> None:
    booster.save_model(folder / _BOOSTER)
    (folder / _CURVE).write_text(json.dumps(curve))


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
