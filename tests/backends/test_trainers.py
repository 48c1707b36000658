"""Every algorithm on every task: true to its framework, the same bytes again."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from backends.local import BACKEND
from backends.training import fidelity
from backends.training.contract import INPUT
from backends.training.problem import Array, Fitted, Part, Problem
from backends.training.trainers import load
from backends.training.trees import MAX_NODES, Tree, ensemble, reachable, round_down
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.graph.types import Task
from specs.algorithms import ALGORITHMS, TRAITS, algorithm_of
from tests.conformance.bench import Bench, parts, training
from tests.house.cli import ROOT

SMALL: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 15},
    "hist_gradient_boosting": {"n_estimators": 20},
    "mlp": {"max_epochs": 30, "hidden_layers": (16, 8), "learning_rate": 0.02},
    "torch_mlp": {"max_epochs": 30, "hidden_layers": (16,), "learning_rate": 0.02},
    "xgboost": {"n_estimators": 20, "subsample": 0.8},
    "lightgbm": {"n_estimators": 20, "subsample": 0.8},
}
LEAST = {Task.BINARY: 0.9, Task.MULTICLASS: 0.85, Task.REGRESSION: 0.2}


@cache
def _data(task: Task, missing: bool) -> tuple[Array, Array]:
    loads = {
        Task.BINARY: load_breast_cancer,
        Task.MULTICLASS: load_wine,
        Task.REGRESSION: load_diabetes,
    }
    x, y = loads[task](return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)[order]
    if missing:
        x[::7, 3] = np.nan
    kind = np.float64 if task is Task.REGRESSION else np.int64
    return x, y.astype(kind)[order]


def problem(task: Task, *, missing: bool = False, patience: int | None = None) -> Problem:
    """The first 70 % to learn from, the rest to watch."""
    x, y = _data(task, missing)
    cut = int(len(x) * 0.7)
    watched = Part(x[cut:], y[cut:]) if patience is not None else None
    classes = () if task is Task.REGRESSION else tuple(range(int(y.max()) + 1))
    return Problem(task, Part(x[:cut], y[:cut]), watched, classes, patience, seed=3, threads=1)


def fit(kind: str, given: Problem, **parameters: Any) -> Fitted:
    """The fitted algorithm, small."""
    return load(kind)(algorithm_of(kind, {**SMALL.get(kind, {}), **parameters}), given)


def score(fitted: Fitted, task: Task) -> float:
    """Accuracy or R² of the ONNX model on the rows kept back."""
    x, y = _data(task, False)
    cut = int(len(x) * 0.7)
    found = fidelity.run(fitted.model, x[cut:])
    if task is Task.REGRESSION:
        return float(1 - np.var(y[cut:] - found) / np.var(y[cut:]))
    return float(np.mean(found.argmax(axis=1) == y[cut:]))


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("kind", ALGORITHMS)
def test_the_onnx_model_predicts_what_the_framework_does_and_predicts_well(
    kind: str, task: Task
) -> None:
    given = problem(task)
    fitted = fit(kind, given)
    missing = TRAITS[kind].missing
    assert fidelity.measure(fitted, given.train.x, missing=missing) <= fidelity.TOLERANCE
    assert score(fitted, task) >= LEAST[task]


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("kind", [kind for kind in ALGORITHMS if TRAITS[kind].missing])
def test_missing_values_go_the_same_way_in_onnx(kind: str, task: Task) -> None:
    given = problem(task, missing=True)
    fitted = fit(kind, given)
    assert fidelity.measure(fitted, given.train.x, missing=True) <= fidelity.TOLERANCE


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("kind", ALGORITHMS)
def test_the_bytes_repeat_whatever_the_threads(kind: str, task: Task) -> None:
    patience = 3 if TRAITS[kind].early_stopping else None
    given = problem(task, patience=patience)
    first = fit(kind, given).model.SerializeToString(deterministic=True)
    again = fit(kind, replace(given, threads=2)).model.SerializeToString(deterministic=True)
    assert first == again


@pytest.mark.parametrize("kind", ["random_forest", "mlp", "torch_mlp", "xgboost", "lightgbm"])
def test_another_seed_is_another_model(kind: str) -> None:
    given = problem(Task.BINARY)
    first = fit(kind, given).model.SerializeToString(deterministic=True)
    other = fit(kind, replace(given, seed=4)).model.SerializeToString(deterministic=True)
    assert first != other


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("kind", [kind for kind in ALGORITHMS if TRAITS[kind].early_stopping])
def test_early_stopping_watches_the_given_part(kind: str, task: Task) -> None:
    given = problem(task, patience=3)
    network = kind in ("mlp", "torch_mlp")
    rounds = "max_epochs" if network else "n_estimators"
    fitted = fit(kind, given, **{rounds: 300, "learning_rate": 0.02 if network else 0.3})
    assert fitted.rounds is not None
    assert 0 < fitted.rounds < 300
    watched = next(v for name, v in fitted.curve.items() if name.startswith("validation"))
    assert len(watched) >= fitted.rounds
    assert fidelity.measure(fitted, given.train.x, missing=False) <= fidelity.TOLERANCE


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_weights_of_the_rows_change_the_fit(kind: str) -> None:
    given = problem(Task.BINARY)
    weights = np.where(given.train.y == 1, 50.0, 1.0)
    heavy = replace(given, train=replace(given.train, weight=weights))
    x = given.train.x
    plain = fidelity.run(fit(kind, given).model, x)[:, 1].mean()
    assert fidelity.run(fit(kind, heavy).model, x)[:, 1].mean() > plain


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_a_row_predicts_the_same_alone_and_among_others(kind: str) -> None:
    given = problem(Task.MULTICLASS)
    model = fit(kind, given).model
    rows = given.train.x[:64]
    together = fidelity.run(model, rows)
    alone = np.concatenate([fidelity.run(model, rows[at : at + 1]) for at in range(len(rows))])
    assert together.tobytes() == alone.tobytes()


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_two_classes_of_a_multiclass_task_are_two_probabilities(kind: str) -> None:
    given = replace(problem(Task.BINARY), task=Task.MULTICLASS)
    fitted = fit(kind, given)
    assert fidelity.run(fitted.model, given.train.x[:5]).shape == (5, 2)


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_the_model_keeps_the_contract(kind: str) -> None:
    model = fit(kind, problem(Task.REGRESSION)).model
    assert [entry.name for entry in model.graph.input] == [INPUT]
    assert [entry.name for entry in model.graph.output] == ["prediction"]
    assert {entry.key: entry.value for entry in model.metadata_props} == {"classes": "[]"}


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "hist_gradient_boosting"])
def test_rows_too_few_to_split_still_make_a_model(kind: str) -> None:
    x = np.arange(12, dtype=np.float32).reshape(12, 1)
    y = np.arange(12) % 2
    given = Problem(Task.BINARY, Part(x, y), None, (0, 1), None, 0, 1)
    fitted = fit(kind, given)
    assert fidelity.measure(fitted, x, missing=True) <= fidelity.TOLERANCE


def test_pruned_trees_keep_only_what_rows_can_reach() -> None:
    given = problem(Task.REGRESSION)
    fitted = fit("xgboost", given, gamma=5000.0)
    assert fidelity.measure(fitted, given.train.x, missing=True) <= fidelity.TOLERANCE


def test_thresholds_are_rounded_down() -> None:
    thresholds = np.array([0.1, -0.1, 1 / 3, 1e-40, 1.0, 1e300, -1e300, 5e-324, -5e-324])
    rounded = round_down(thresholds)
    assert rounded.dtype == np.float32
    assert np.all(rounded.astype(np.float64) <= thresholds)
    with np.errstate(over="ignore"):
        above = np.nextafter(rounded, np.float32(np.inf)).astype(np.float64)
    assert np.all(above > thresholds)


def _stump(nodes: int) -> Tree:
    none = np.full(nodes, -1)
    zeros = np.zeros(nodes)
    return Tree(none, none, none, zeros, zeros.astype(bool), zeros[:, None])


def test_unreachable_nodes_are_left_out() -> None:
    assert len(reachable(_stump(3)).left) == 1


def test_an_ensemble_too_large_for_one_file_says_so() -> None:
    from backends.training.contract import Builder

    with pytest.raises(StackcError) as caught:
        ensemble(Builder(), [_stump(MAX_NODES + 1)], np.zeros(1))
    assert caught.value.diagnostics[0].code is Code.TRAINING_FAILED
    assert "max_depth" in caught.value.diagnostics[0].help[0]


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_frameworks_say_nothing_of_their_own(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    few = {"mlp": {"max_epochs": 2}, "linear": {"max_iter": 1}}.get(kind, {})
    fit(kind, problem(Task.BINARY), **few)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "hist_gradient_boosting"])
def test_a_fit_that_diverges_says_so(kind: str) -> None:
    given = problem(Task.REGRESSION)
    fitted = fit(kind, given, learning_rate=10.0, n_estimators=200)
    with pytest.raises(StackcError) as caught:
        fidelity.measure(fitted, given.train.x, missing=True)
    assert "diverged" in caught.value.diagnostics[0].message


def test_what_a_framework_refuses_is_a_diagnostic(tmp_path: Path) -> None:
    bench = Bench(BACKEND, tmp_path)
    train, _ = parts(bench, Task.BINARY)
    refused = training(Task.BINARY, "lightgbm", parameters=(("subsample", 1e-6),))
    with pytest.raises(StackcError) as caught:
        bench.model(refused, train)
    (found,) = caught.value.diagnostics
    assert found.code is Code.TRAINING_FAILED
    assert found.message == "lightgbm refused the fit: Check failed: (num_data) > (0)"


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_a_framework_that_is_not_installed_is_named_with_its_extra(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, kind, None)
    monkeypatch.delitem(sys.modules, f"backends.training.{kind}", raising=False)
    with pytest.raises(StackcError) as caught:
        load(kind)
    (found,) = caught.value.diagnostics
    assert found.code is Code.BACKEND_MISSING
    assert found.help == (f"pip install 'stackc[{kind}]'",)


def test_the_table_of_the_backend_imports_nothing_heavy() -> None:
    code = (
        "import sys, backends.local; print(sorted({'numpy', 'onnx', 'pyarrow'} & {*sys.modules}))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert answer.stdout == "[]\n"
