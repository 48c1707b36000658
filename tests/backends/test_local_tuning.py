"""The local backend searches as every backend must, and what is its own way of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends import local
from backends.local import BACKEND
from backends.training.judge import Judge
from backends.training.rung import ROUNDS, rung_of, shortened
from compiler.codes import Code
from compiler.diagnostics import fail
from compiler.graph.operations import Dimension, Tune
from compiler.graph.types import Task
from specs.algorithms import ALGORITHMS, algorithm_of
from tests.conformance.bench import Bench, real
from tests.conformance.tuning import RATE, SearchSuite, TrialSuite, tuning
from tests.house.cli import Answer, stackc

SPEC = """\
stackc: 1
name: shop
sources:
  orders:
    path: orders.csv
    columns: {amount: float64, weight: float64, late: bool}
datasets:
  all: {from: orders, split: {train: 0.5, validation: 0.25, test: 0.25, seed: 1}}
models:
  late:
    dataset: all
    target: late
    features: [amount, weight]
    algorithm: {kind: hist_gradient_boosting, n_estimators: 32}
    tune:
      space:
        learning_rate: {range: [0.01, 0.5], log: true}
        max_leaves: {choice: [4, 8]}
        min_samples_leaf: {range: [2, 20]}
      trials: 8
    gates: [roc_auc >= 0.5]
"""


class TestLocal(SearchSuite, TrialSuite):
    backend = BACKEND

    def test_progress_tells_the_best_so_far(self, bench: Bench) -> None:
        said: list[str] = []
        operation = tuning(Task.BINARY, "linear", Dimension("fit_intercept", choices=(True, False)))
        train = bench.table(real(Task.BINARY))
        fitted = bench.fitted("linear", train)
        inputs = {"features": fitted, "train": train, "validation": train}
        outcome = bench.run(operation, inputs, progress=said.append)
        assert said[:2] == ["reading the matrix", "trial 1 of 6"]
        assert said[-1].startswith("trial 6 of 6, best log_loss 0.")
        assert set(outcome.summary) == {"trials", "value", "seconds"}

    def test_a_setting_that_comes_again_is_not_fitted_again(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        measured: list[Any] = []
        plain = Judge._measured

        def counted(judge: Judge, parameters: Any) -> Any:
            measured.append(parameters)
            return plain(judge, parameters)

        monkeypatch.setattr(Judge, "_measured", counted)
        space = Dimension("fit_intercept", choices=(True, False))
        made = self.found(bench, tuning(Task.BINARY, "linear", space, trials=9))
        assert len(made["trials"]) == 9
        assert len(measured) == 2

    def test_predictions_that_are_no_numbers_fail_the_trial(self, bench: Bench) -> None:
        space = Dimension("learning_rate", choices=(0.1, 10.0))
        operation = tuning(
            Task.REGRESSION, "xgboost", space, search="random", given={"n_estimators": 200}
        )
        made = self.found(bench, operation)
        ended = {t["parameters"]["learning_rate"]: t["status"] for t in made["trials"]}
        assert ended == {0.1: "done", 10.0: "failed"}

    def test_a_winner_of_the_rung_that_fails_in_the_end_is_told_of(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain = Judge._measured

        def breaking(judge: Judge, parameters: Any) -> Any:
            if parameters["n_estimators"] == 64:
                raise fail(Code.TRAINING_FAILED, "too long")
            return plain(judge, parameters)

        monkeypatch.setattr(Judge, "_measured", breaking)
        operation = tuning(
            Task.BINARY, "xgboost", RATE, scheduler="asha", trials=9, given={"n_estimators": 64}
        )
        (found,) = self.refused(bench, operation).diagnostics
        assert "fell behind one that failed later" in found.message
        assert found.notes == ("too long",)

    def test_without_optuna_a_search_names_the_extra(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "optuna", None)
        (found,) = self.refused(bench, tuning(Task.BINARY, "xgboost", RATE)).diagnostics
        assert found.code is Code.BACKEND_MISSING
        assert found.help == ("pip install 'stackc[tune]'",)


def test_rounds_are_parameters_of_their_algorithms() -> None:
    for kind, name in ROUNDS.items():
        assert kind in ALGORITHMS
        assert isinstance(getattr(algorithm_of(kind, {}), name), int)


@pytest.mark.parametrize(("most", "wanted"), [(1, None), (3, None), (4, 1), (16, 4), (1000, 250)])
def test_the_rung_is_at_a_quarter(most: int, wanted: int | None) -> None:
    found = tuning(Task.BINARY, "xgboost", RATE, scheduler="asha", given={"n_estimators": most})
    assert rung_of(found) == wanted


def test_the_rung_follows_the_longest_trial_of_the_space() -> None:
    def searched(rounds: Dimension) -> Tune:
        return tuning(Task.BINARY, "xgboost", rounds, scheduler="asha")

    assert rung_of(searched(Dimension("n_estimators", 10, 320, whole=True))) == 80
    assert rung_of(searched(Dimension("n_estimators", choices=(10, 320)))) == 80
    given = {"n_estimators": 90, "max_depth": 3}
    assert shortened("xgboost", given, 80) == {"n_estimators": 80, "max_depth": 3}
    assert shortened("xgboost", given, 90) is None


def test_what_has_no_rounds_has_no_rung() -> None:
    space = Dimension("reg_lambda", 0.1, 1.0)
    assert rung_of(tuning(Task.BINARY, "linear", space, scheduler="asha")) is None
    assert shortened("linear", {"max_iter": 1000}, None) is None


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    random = np.random.default_rng(3)
    lines = ["amount,weight,late"]
    for amount, weight, noise in random.normal(size=(240, 3)):
        late = str(bool(amount * weight + noise / 4 > 0)).lower()
        lines.append(f"{amount:.4f},{weight:.4f},{late}")
    (tmp_path / "orders.csv").write_text("\n".join([*lines, ""]), "utf-8")
    (tmp_path / "stack.yaml").write_text(SPEC, "utf-8")
    return tmp_path


def applied(shop: Path) -> Answer:
    answer = stackc("apply", "stack.yaml", "--yes", cwd=shop)
    assert answer.code == 0, answer.text
    return answer


def test_a_model_is_tuned_once_and_only_what_concerns_the_search_tunes_it_again(
    shop: Path,
) -> None:
    said = applied(shop).out
    assert "models.late/tune" in said
    assert "nothing to do" in applied(shop).out
    page = (shop / ".stackc" / "report.html").read_text("utf-8")
    assert 'class="trials"' in page
    assert "on the validation part" in page
    stricter = SPEC.replace("gates: [roc_auc >= 0.5]", "gates: [roc_auc >= 0.55]")
    threshold = stricter + "    evaluation: {threshold: 0.4}\n"
    for changed in (stricter, threshold):
        (shop / "stack.yaml").write_text(changed, "utf-8")
        said = applied(shop).out
        assert "models.late/gates" in said
        assert "models.late/tune" not in said
        assert "models.late/train" not in said
    (shop / "stack.yaml").write_text(threshold.replace("trials: 8", "trials: 9"), "utf-8")
    planned = json.loads(stackc("plan", "stack.yaml", "--format", "json", cwd=shop).out)
    assert planned["blocks"] == {"models.late": "retrain"}


def test_without_optuna_a_search_is_refused_where_it_is_asked_for(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = local._installed
    monkeypatch.setattr(local, "_installed", lambda name: name != "optuna" and plain(name))
    answer = stackc("compile", "stack.yaml", cwd=shop)
    planned = answer if answer.code else stackc("plan", "stack.yaml", cwd=shop)
    assert planned.code == 1
    assert "--> stack.yaml:15:5" in planned.err
    assert "pip install 'stackc[tune]'" in planned.err
