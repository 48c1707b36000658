"""What every backend of ``tune`` must do: search, judge, and hand its best to ``train``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from compiler.backend import Artifact, Backend
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.graph.operations import Dimension, Evaluate, Train, Tune, params
from compiler.graph.types import Task
from specs.algorithms import ALGORITHMS
from tests.conformance.bench import TARGETS, Bench, document, parts, training

RATE = Dimension("learning_rate", 1e-3, 0.5, log=True)
SPACES: dict[str, Dimension] = {
    "linear": Dimension("reg_lambda", 0.01, 10.0, log=True),
    "random_forest": Dimension("max_depth", 2, 6, whole=True),
    "mlp": Dimension("activation", choices=("relu", "tanh")),
    "torch_mlp": Dimension("hidden_layers", choices=("[8]", "[12]")),
}
"""What is searched of an algorithm; the others have a learning rate."""


def tuning(task: Task, algorithm: str, *space: Dimension, **changed: Any) -> Tune:
    """The operation over a small algorithm; ``given`` stands over its parameters."""
    given = changed.pop("given", {})
    plain = training(task, algorithm)
    found = Tune(
        task=task,
        target=plain.target,
        algorithm=algorithm,
        parameters=params({**dict(plain.parameters), **given}),
        space=space,
        metric="rmse" if task is Task.REGRESSION else "log_loss",
        trials=6,
        scheduler="none",
    )
    return replace(found, **changed)


def settled(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Trials without what differs from run to run."""
    return [{**trial, "seconds": 0} for trial in trials]


class Searching:
    """Inherit a suite below, and set ``backend``."""

    backend: Backend

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        return Bench(self.backend, tmp_path)

    def searched(self, bench: Bench, operation: Tune, **changed: Artifact) -> Artifact:
        """The document of a search over the real rows."""
        train, validation = parts(bench, operation.task)
        inputs = {"train": train, "validation": validation, **changed}
        fitted = bench.fitted(operation.algorithm, train)
        outcome = bench.run(operation, {"features": fitted, **inputs})
        return document(outcome.files["tuning"], "tuning")

    def found(self, bench: Bench, operation: Tune, **changed: Artifact) -> dict[str, Any]:
        """What it says."""
        told: dict[str, Any] = json.loads(
            self.searched(bench, operation, **changed).path.read_bytes()
        )
        return told

    def refused(self, bench: Bench, operation: Tune, **changed: Artifact) -> StackcError:
        """The error of a search."""
        with pytest.raises(StackcError) as caught:
            self.searched(bench, operation, **changed)
        return caught.value


class SearchSuite(Searching):
    """What a search comes to, however its trials are run."""

    @pytest.mark.parametrize("task", list(Task))
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_every_algorithm_is_searched_for_every_task(
        self, bench: Bench, algorithm: str, task: Task
    ) -> None:
        space = SPACES.get(algorithm, RATE)
        made = self.found(bench, tuning(task, algorithm, space, trials=3))
        values = [trial["value"] for trial in made["trials"]]
        assert [trial["status"] for trial in made["trials"]] == ["done"] * 3
        assert [trial["number"] for trial in made["trials"]] == [0, 1, 2]
        assert made["value"] == min(values)
        assert made["best"] == made["trials"][values.index(min(values))]["parameters"]
        assert made["better"] == "lower"

    def test_the_model_is_trained_with_the_best_and_evaluates_to_its_value(
        self, bench: Bench
    ) -> None:
        depth = Dimension("max_depth", 1, 5, whole=True)
        operation = tuning(Task.BINARY, "xgboost", RATE, depth, metric="f1")
        tuned = self.searched(bench, operation)
        made = json.loads(tuned.path.read_bytes())
        train, validation = parts(bench, Task.BINARY)
        plain = Train(Task.BINARY, operation.target, "xgboost", operation.parameters)
        model = bench.model(plain, train, tuning=tuned)
        wanted = {**dict(operation.parameters), **made["best"], "seed": 0}
        assert model.training["parameters"] == wanted
        evaluate = Evaluate(("f1",), TARGETS[Task.BINARY].name)
        assert bench.evaluation(evaluate, model.model, validation)["metrics"]["f1"] == made["value"]

    @pytest.mark.parametrize("search", ["tpe", "random"])
    @pytest.mark.parametrize("scheduler", ["asha", "none"])
    def test_the_same_seed_tries_the_same(self, bench: Bench, search: str, scheduler: str) -> None:
        operation = tuning(
            Task.BINARY, "xgboost", RATE, trials=14, search=search, scheduler=scheduler, seed=5
        )
        first = self.found(bench, operation)
        bench.threads = 1
        again = self.found(bench, operation)
        other = self.found(bench, replace(operation, seed=6))
        assert settled(again["trials"]) == settled(first["trials"])
        assert settled(other["trials"]) != settled(first["trials"])

    def test_a_trial_that_fails_stops_nothing(self, bench: Bench) -> None:
        space = Dimension("subsample", choices=(1e-6, 0.8))
        made = self.found(bench, tuning(Task.BINARY, "lightgbm", space, search="random"))
        ended = {trial["parameters"]["subsample"]: trial["status"] for trial in made["trials"]}
        assert ended == {1e-6: "failed", 0.8: "done"}
        assert all((t["value"] is None) == (t["status"] == "failed") for t in made["trials"])
        assert made["best"] == {"subsample": 0.8}

    def test_a_search_without_any_fit_says_why(self, bench: Bench) -> None:
        space = Dimension("subsample", 1e-7, 1e-6)
        error = self.refused(bench, tuning(Task.BINARY, "lightgbm", space, trials=3))
        (found,) = error.diagnostics
        assert found.code is Code.TRAINING_FAILED
        assert "3 of 3 failed" in found.message
        assert "lightgbm refused the fit" in found.notes[0]
        assert found.help

    def test_asha_gives_up_those_that_fall_behind(self, bench: Bench) -> None:
        operation = tuning(
            Task.BINARY, "xgboost", RATE, scheduler="asha", trials=12, given={"n_estimators": 64}
        )
        made = self.found(bench, operation)
        pruned = [trial for trial in made["trials"] if trial["status"] == "pruned"]
        assert pruned
        assert all(trial["value"] is None for trial in pruned)
        assert all(trial["rounds"] < 64 for trial in pruned)
        done = [trial for trial in made["trials"] if trial["status"] == "done"]
        assert {trial["rounds"] for trial in done} == {64}
        assert made["value"] == min(trial["value"] for trial in done)

    def test_no_trial_begins_after_the_timeout(self, bench: Bench) -> None:
        made = self.found(bench, tuning(Task.BINARY, "linear", SPACES["linear"], timeout_s=0))
        assert len(made["trials"]) == 1

    def test_an_empty_validation_part_is_refused(self, bench: Bench) -> None:
        rows = pq.read_table(parts(bench, Task.BINARY)[1].path)
        operation = tuning(Task.BINARY, "linear", SPACES["linear"])
        error = self.refused(bench, operation, validation=bench.table(rows.slice(0, 0)))
        assert error.diagnostics[0].code is Code.TOO_FEW_ROWS
        assert "trials are judged on" in error.diagnostics[0].message


class TrialSuite(Searching):
    """What is tried and how it is measured."""

    def test_a_better_parameter_is_found(self, bench: Bench) -> None:
        given = {"learning_rate": 1e-3}
        operation = tuning(Task.BINARY, "xgboost", RATE, given=given, trials=12)
        made = self.found(bench, operation)
        assert made["trials"][0]["parameters"] == given
        assert made["best"]["learning_rate"] > 0.02
        assert made["value"] < made["trials"][0]["value"] / 2

    def test_the_better_direction_is_the_metrics(self, bench: Bench) -> None:
        made = self.found(bench, tuning(Task.BINARY, "xgboost", RATE, metric="roc_auc"))
        assert made["better"] == "higher"
        assert made["value"] == max(trial["value"] for trial in made["trials"])

    def test_a_search_is_never_worse_than_none(self, bench: Bench) -> None:
        operation = tuning(Task.BINARY, "xgboost", RATE, trials=1, given={"learning_rate": 0.2})
        train, validation = parts(bench, Task.BINARY)
        plain = Train(Task.BINARY, operation.target, "xgboost", operation.parameters)
        evaluate = Evaluate(("log_loss",), TARGETS[Task.BINARY].name)
        without = bench.evaluation(evaluate, bench.model(plain, train).model, validation)
        made = self.found(bench, operation)
        assert made["value"] == pytest.approx(without["metrics"]["log_loss"], rel=1e-5)

    def test_values_keep_their_types(self, bench: Bench) -> None:
        space = (
            Dimension("bootstrap", choices=(True, False)),
            Dimension("max_features", choices=("sqrt", 0.5, 1.0)),
            Dimension("n_estimators", 3, 9, whole=True, log=True),
        )
        made = self.found(bench, tuning(Task.BINARY, "random_forest", *space, trials=8))
        for trial in made["trials"]:
            tried = trial["parameters"]
            assert type(tried["bootstrap"]) is bool
            assert tried["max_features"] in ("sqrt", 0.5, 1.0)
            assert type(tried["n_estimators"]) is int
            assert trial["rounds"] == tried["n_estimators"]

    def test_early_stopping_watches_the_validation_part_of_each_trial(self, bench: Bench) -> None:
        operation = tuning(
            Task.BINARY, "xgboost", RATE, early_stopping=2, given={"n_estimators": 200}
        )
        made = self.found(bench, operation)
        assert min(trial["rounds"] for trial in made["trials"]) < 200

    def test_a_metric_that_the_validation_part_leaves_undefined_is_named(
        self, bench: Bench
    ) -> None:
        rows = pq.read_table(parts(bench, Task.BINARY)[1].path)
        alike = rows.filter(rows["malignant"])
        operation = tuning(Task.BINARY, "linear", SPACES["linear"], metric="roc_auc", trials=2)
        error = self.refused(bench, operation, validation=bench.table(alike))
        assert error.diagnostics[0].notes == ("`roc_auc` is undefined on the validation part",)
