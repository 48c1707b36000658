"""What every backend of ``train``, ``predict`` and ``register`` must do, from table to champion."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from compiler.backend import Applied, Artifact, Backend, Lowering, Outcome, Settings, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.graph.operations import (
    Evaluate,
    FeatureSpec,
    FitFeatures,
    Operation,
    Package,
    Score,
    Train,
    params,
)
from compiler.graph.types import (
    Column,
    DataType,
    DocumentType,
    EstimatorType,
    FeaturesType,
    ModelType,
    TableType,
    Task,
    ValueType,
)
from specs.algorithms import ALGORITHMS, TRAITS, algorithm_of, parameters_of
from specs.metrics import metrics_for

SMALL: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 10},
    "hist_gradient_boosting": {"n_estimators": 15},
    "mlp": {"max_epochs": 30, "hidden_layers": (12,), "learning_rate": 0.02},
    "xgboost": {"n_estimators": 15, "max_depth": 3, "learning_rate": 0.1},
    "lightgbm": {"n_estimators": 15},
}
GOOD = {
    Task.BINARY: ("roc_auc", 0.9),
    Task.MULTICLASS: ("accuracy", 0.7),
    Task.REGRESSION: ("r2", 0.1),
}
TARGETS = {
    Task.BINARY: Column("malignant", DataType("bool"), False),
    Task.MULTICLASS: Column("cultivar", DataType("string"), False),
    Task.REGRESSION: Column("progression", DataType("float64"), False),
}


@cache
def real(task: Task) -> pa.Table:
    """Six measurements, one with nulls, a text made of another, and the target."""
    loads = {
        Task.BINARY: load_breast_cancer,
        Task.MULTICLASS: load_wine,
        Task.REGRESSION: load_diabetes,
    }
    x, y = loads[task](return_X_y=True)
    order = np.random.default_rng(1).permutation(len(x))
    x, y = x[order], y[order]
    columns = {f"x{at}": pa.array(x[:, at]) for at in range(6)}
    columns["x5"] = pa.array(x[:, 5], mask=np.arange(len(x)) % 11 == 0)
    size = np.digitize(x[:, 0], np.quantile(x[:, 0], [0.3, 0.7]))
    columns["size"] = pa.array([["small", "medium", "large"][at] for at in size])
    made = {
        Task.BINARY: pa.array(y == 0),
        Task.MULTICLASS: pa.array([["barolo", "grignolino", "barbera"][int(v) % 3] for v in y]),
        Task.REGRESSION: pa.array(y),
    }
    columns[TARGETS[task].name] = made[task]
    return pa.table(columns)


REQUEST = (
    *(Column(f"x{at}", DataType("float64"), at == 5) for at in range(6)),
    Column("size", DataType("string"), False),
)


def features(algorithm: str) -> tuple[FeatureSpec, ...]:
    """The columns as features, prepared as the algorithm needs them."""
    traits = TRAITS[algorithm]
    numbers = tuple(
        FeatureSpec(
            f"x{at}",
            f"x{at}",
            impute="none" if traits.missing else "median",
            scale="standard" if traits.scaling else "none",
        )
        for at in range(6)
    )
    return (*numbers, FeatureSpec("size", "size", encode="one_hot"))


@dataclass(slots=True)
class Bench:
    """Runs single operations of a backend in folders of their own, as the engine does."""

    backend: Backend
    folder: Path
    threads: int = 2
    settings: Settings = field(default_factory=Settings)
    count: int = 0

    def context(self, **changed: Any) -> TaskContext:
        """A fresh context; input keys are the digests where a test does not say."""
        self.count += 1
        workdir = self.folder / f"work{self.count}"
        workdir.mkdir()
        plain = TaskContext(
            address="models.m/step",
            key="key",
            input_keys={},
            observed=None,
            project=self.folder,
            state=self.folder / ".stackc",
            workdir=workdir,
            threads=self.threads,
            memory=1 << 30,
            settings=self.settings,
            secret=lambda text: text,
            progress=lambda text: None,
        )
        return replace(plain, **changed)

    def table(self, rows: pa.Table, group: int | None = None) -> Artifact:
        """Rows as a stored table."""
        self.count += 1
        path = self.folder / f"table{self.count}.parquet"
        pq.write_table(rows, path, row_group_size=group)
        return artifact(path, TableType(()))

    def lowering(self, operation: Operation) -> Lowering:
        """How the backend runs it."""
        return self.backend.lowerings[type(operation)]

    def target(self, operation: Operation) -> Any:
        """What runs it."""
        return loaded(self.lowering(operation).target)

    def run(self, operation: Operation, inputs: Mapping[str, Artifact], **changed: Any) -> Outcome:
        """A step's outcome."""
        outcome: Outcome = self.target(operation)(operation, inputs, self.context(**changed))
        return outcome

    def apply(
        self,
        operation: Operation,
        inputs: Mapping[str, Artifact],
        operation_id: str,
        **changed: Any,
    ) -> Applied:
        """A resource as it was made."""
        keys = {name: f"key of {entry.digest}" for name, entry in inputs.items()}
        context = self.context(**{"input_keys": keys, **changed})
        applied: Applied = self.target(operation)().apply(operation, inputs, operation_id, context)
        return applied

    def fitted(self, algorithm: str, train: Artifact) -> Artifact:
        """The features of an algorithm, fitted."""
        specs = features(algorithm)
        outcome = self.run(FitFeatures(specs, REQUEST), {"train": train})
        kind = FeaturesType(REQUEST, tuple(spec.name for spec in specs))
        return artifact(outcome.files["features"], kind)

    def model(self, operation: Train, train: Artifact, **inputs: Artifact) -> Model:
        """Features, estimator and package in a row."""
        fitted = self.fitted(operation.algorithm, train)
        outcome = self.run(operation, {"features": fitted, "train": train, **inputs})
        estimator = artifact(outcome.files["estimator"], EstimatorType(operation.task))
        package = Package(TARGETS[operation.task], operation.task)
        packaged = self.run(package, {"features": fitted, "estimator": estimator})
        model = artifact(packaged.files["model"], ModelType(operation.task, REQUEST, ()))
        return Model(model, estimator, json.loads(outcome.files["training"].read_bytes()))

    def evaluation(self, operation: Evaluate, model: Artifact, table: Artifact) -> dict[str, Any]:
        """The metrics document."""
        outcome = self.run(operation, {"model": model, "table": table})
        found: dict[str, Any] = json.loads(outcome.files["metrics"].read_bytes())
        return found


@dataclass(frozen=True, slots=True)
class Model:
    """A packaged model, its estimator, and the document of its training."""

    model: Artifact
    estimator: Artifact
    training: dict[str, Any]


def loaded(target: str) -> Any:
    """What ``package.module:name`` names."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def artifact(path: Path, kind: ValueType) -> Artifact:
    """A file as the store hands it out."""
    return Artifact(path, sha256(path.read_bytes()).hexdigest(), kind)


def document(path: Path, kind: str) -> Artifact:
    """A JSON document as the store hands it out."""
    return artifact(path, DocumentType(kind))


def training(task: Task, algorithm: str, **changed: Any) -> Train:
    """The operation, small."""
    spec = algorithm_of(algorithm, SMALL.get(algorithm, {}))
    plain = Train(task, TARGETS[task].name, algorithm, params(parameters_of(spec)))
    return replace(plain, **changed)


def parts(bench: Bench, task: Task) -> tuple[Artifact, Artifact]:
    """Two thirds to learn from, the rest to judge by."""
    rows = real(task)
    cut = rows.num_rows * 2 // 3
    return bench.table(rows.slice(0, cut)), bench.table(rows.slice(cut))


class TrainingSuite:
    """Inherit it, and set ``backend``."""

    backend: Backend

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        return Bench(self.backend, tmp_path)

    @pytest.mark.parametrize("task", list(Task))
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_every_algorithm_learns_every_task(
        self, bench: Bench, algorithm: str, task: Task
    ) -> None:
        train, test = parts(bench, task)
        made = bench.model(training(task, algorithm), train)
        evaluate = Evaluate(metrics_for(task.value), TARGETS[task].name, ("size",))
        found = bench.evaluation(evaluate, made.model, test)
        metric, least = GOOD[task]
        assert found["metrics"][metric] >= least
        assert found["rows"] == pq.read_metadata(test.path).num_rows
        assert sum(entry["rows"] for entry in found["slices"]) == found["rows"]
        assert made.training["fidelity"] <= 1e-5
        assert made.training["rows"] == pq.read_metadata(train.path).num_rows
        shares = [entry["value"] for entry in made.training["importances"]]
        assert not shares or sum(shares) == pytest.approx(1)

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_the_same_rows_and_seed_give_the_same_bytes(self, bench: Bench, algorithm: str) -> None:
        train, _ = parts(bench, Task.BINARY)
        operation = training(Task.BINARY, algorithm, seed=11)
        first = bench.model(operation, train).model.digest
        bench.threads = 1
        assert bench.model(operation, train).model.digest == first

    @pytest.mark.parametrize("task", list(Task))
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_scored_rows_equal_evaluated_rows_bit_for_bit(
        self, bench: Bench, algorithm: str, task: Task
    ) -> None:
        """Law 9 for batch scoring: other batches, other threads, same bits."""
        train, test = parts(bench, task)
        model = bench.model(training(task, algorithm), train).model
        rows = pq.read_table(test.path)
        scored = pq.read_table(
            bench.run(Score(("x0",)), {"model": model, "table": test}).files["table"]
        )
        bench.threads = 1
        alone = pa.concat_tables(
            pq.read_table(
                bench.run(
                    Score(("x0",)), {"model": model, "table": bench.table(rows.slice(at, 41))}
                ).files["table"]
            )
            for at in range(0, rows.num_rows, 41)
        )
        assert scored.combine_chunks().equals(alone.combine_chunks())
        assert scored["x0"].equals(rows["x0"])
        target = TARGETS[task].name
        found = bench.evaluation(Evaluate(metrics_for(task.value), target), model, test)
        assert found["metrics"] == self.measured(task, rows[target], scored, found)

    def measured(
        self, task: Task, truth: pa.ChunkedArray, scored: pa.Table, found: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The evaluation's metrics, those that scored rows can tell taken from the rows."""
        told = dict(found["metrics"])
        if task is Task.REGRESSION:
            off = truth.to_numpy() - scored["prediction"].to_numpy().astype(np.float64)
            told["mae"] = float(np.mean(np.abs(off)))
        else:
            same = pc.equal(truth, scored["prediction"]).to_numpy()
            told["accuracy"] = float(same.sum() / len(same))
        return told

    @pytest.mark.parametrize("task", list(Task))
    @pytest.mark.parametrize("algorithm", [a for a in ALGORITHMS if TRAITS[a].early_stopping])
    def test_early_stopping_watches_the_validation_part(
        self, bench: Bench, algorithm: str, task: Task
    ) -> None:
        train, test = parts(bench, task)
        made = bench.model(training(task, algorithm, early_stopping=2), train, validation=test)
        assert any(name.startswith("validation_") for name in made.training["curve"])

    def test_balanced_weights_find_more_of_the_rare_class(self, bench: Bench) -> None:
        rows = real(Task.BINARY)
        rare = rows.filter(pc.field("malignant")).slice(0, 12)
        train = bench.table(pa.concat_tables([rare, rows.filter(~pc.field("malignant"))]))
        found = []
        for weight in (None, "balanced"):
            made = bench.model(training(Task.BINARY, "linear", class_weight=weight), train)
            evaluate = Evaluate(("recall",), "malignant")
            found.append(bench.evaluation(evaluate, made.model, bench.table(rows)))
        assert found[0]["metrics"]["recall"] < found[1]["metrics"]["recall"]

    @pytest.mark.parametrize(
        ("labels", "expected"),
        [
            (pa.array([False, True] * 100), [False, True]),
            (pa.array([7, -3] * 100), [-3, 7]),
            (pa.array(["yes", "Nö"] * 100), ["Nö", "yes"]),
        ],
    )
    def test_labels_are_sorted_and_come_back_in_their_type(
        self, bench: Bench, labels: pa.Array, expected: list[Any]
    ) -> None:
        rows = real(Task.BINARY).slice(0, 200)
        at = rows.schema.names.index("malignant")
        table = bench.table(rows.set_column(at, "malignant", labels))
        fitted = bench.fitted("linear", table)
        outcome = bench.run(training(Task.BINARY, "linear"), {"features": fitted, "train": table})
        estimator = artifact(outcome.files["estimator"], EstimatorType(Task.BINARY))
        kind = DataType("int64" if pa.types.is_integer(labels.type) else str(labels.type))
        package = Package(Column("malignant", kind), Task.BINARY)
        packaged = bench.run(package, {"features": fitted, "estimator": estimator})
        model = artifact(packaged.files["model"], ModelType(Task.BINARY, REQUEST, ()))
        found = bench.evaluation(Evaluate(("accuracy",), "malignant"), model, table)
        assert found["classes"] == expected
        scored = bench.run(Score(()), {"model": model, "table": table})
        answers = pq.read_table(scored.files["table"])
        assert set(answers["prediction"].to_pylist()) <= set(expected)
        assert answers.schema.field("prediction").type == labels.type

    def test_the_estimator_keeps_its_contract(self, bench: Bench) -> None:
        train, _ = parts(bench, Task.MULTICLASS)
        estimator = onnx.load(
            bench.model(training(Task.MULTICLASS, "xgboost"), train).estimator.path
        )
        assert [entry.name for entry in estimator.graph.input] == ["features"]
        assert [entry.name for entry in estimator.graph.output] == ["probabilities"]
        kept = {entry.key: entry.value for entry in estimator.metadata_props}
        assert json.loads(kept["classes"]) == ["barbera", "barolo", "grignolino"]

    def refused(self, bench: Bench, rows: pa.Table, operation: Train) -> StackcError:
        """The error of training on these rows."""
        table = bench.table(rows)
        with pytest.raises(StackcError) as caught:
            bench.model(operation, table, validation=table)
        return caught.value

    def replaced(self, task: Task, values: Any) -> pa.Table:
        """The real rows with another target."""
        rows, name = real(task), TARGETS[task].name
        return rows.set_column(rows.schema.names.index(name), name, values)

    def test_a_missing_target_says_in_how_many_rows(self, bench: Bench) -> None:
        rows = real(Task.BINARY)
        values = pa.array([None if at % 100 == 0 else at % 2 == 0 for at in range(rows.num_rows)])
        error = self.refused(
            bench, self.replaced(Task.BINARY, values), training(Task.BINARY, "linear")
        )
        assert error.diagnostics[0].code is Code.TRAINING_FAILED
        assert "6 of 569 rows" in error.diagnostics[0].message

    def test_nan_in_a_numeric_target_counts_as_missing(self, bench: Bench) -> None:
        rows = real(Task.REGRESSION)
        values = rows["progression"].to_numpy().copy()
        values[:3] = np.nan
        table = self.replaced(Task.REGRESSION, pa.array(values))
        error = self.refused(bench, table, training(Task.REGRESSION, "linear"))
        assert "3 of 442 rows" in error.diagnostics[0].message

    @pytest.mark.parametrize(
        ("values", "task", "code"),
        [
            (lambda n: pa.array([True] * n), Task.BINARY, Code.TOO_FEW_ROWS),
            (lambda n: pa.array([at % 3 for at in range(n)]), Task.BINARY, Code.TRAINING_FAILED),
            (
                lambda n: pa.array([f"v{at}" for at in range(n * 10)][:n]),
                Task.BINARY,
                Code.TRAINING_FAILED,
            ),
            (lambda n: pa.array([4.5] * n), Task.REGRESSION, Code.TRAINING_FAILED),
        ],
    )
    def test_a_target_that_teaches_nothing_is_refused(
        self, bench: Bench, values: Any, task: Task, code: Code
    ) -> None:
        rows = real(task)
        table = self.replaced(task, values(rows.num_rows))
        error = self.refused(bench, table, training(task, "linear"))
        assert error.diagnostics[0].code is code
        assert error.diagnostics[0].help

    def test_too_few_rows_are_refused(self, bench: Bench) -> None:
        error = self.refused(bench, real(Task.BINARY).slice(0, 5), training(Task.BINARY, "linear"))
        assert error.diagnostics[0].code is Code.TOO_FEW_ROWS

    @pytest.mark.parametrize("algorithm", [a for a in ALGORITHMS if not TRAITS[a].scaling])
    def test_infinite_features_are_named(self, bench: Bench, algorithm: str) -> None:
        rows = real(Task.BINARY)
        values = rows["x1"].to_numpy().copy()
        values[5] = 1e39
        table = rows.set_column(1, "x1", pa.array(values))
        error = self.refused(bench, table, training(Task.BINARY, algorithm))
        assert error.diagnostics[0].code is Code.TRAINING_FAILED
        assert "`x1`" in error.diagnostics[0].message

    @pytest.mark.parametrize("algorithm", [a for a in ALGORITHMS if not TRAITS[a].missing])
    def test_missing_features_are_named_where_they_cannot_be_taken(
        self, bench: Bench, algorithm: str
    ) -> None:
        train, _ = parts(bench, Task.BINARY)
        fitted = bench.fitted("xgboost", train)
        with pytest.raises(StackcError) as caught:
            bench.run(training(Task.BINARY, algorithm), {"features": fitted, "train": train})
        assert "`x5`" in caught.value.diagnostics[0].message

    def test_a_label_unseen_in_training_is_named(self, bench: Bench) -> None:
        train, test = parts(bench, Task.MULTICLASS)
        model = bench.model(training(Task.MULTICLASS, "linear"), train).model
        rows = pq.read_table(test.path)
        at = rows.schema.names.index("cultivar")
        other = rows.set_column(at, "cultivar", pa.array(["merlot"] * rows.num_rows))
        with pytest.raises(StackcError) as caught:
            bench.evaluation(Evaluate(("accuracy",), "cultivar"), model, bench.table(other))
        assert "'merlot'" in caught.value.diagnostics[0].message

    def test_an_empty_table_scores_to_an_empty_one_and_evaluates_to_an_error(
        self, bench: Bench
    ) -> None:
        train, test = parts(bench, Task.BINARY)
        model = bench.model(training(Task.BINARY, "linear"), train).model
        none = bench.table(pq.read_table(test.path).slice(0, 0))
        scored = bench.run(Score(("x0",)), {"model": model, "table": none})
        answers = pq.read_table(scored.files["table"])
        assert answers.num_rows == 0
        assert answers.column_names == ["x0", "prediction", "probability"]
        with pytest.raises(StackcError) as caught:
            bench.evaluation(Evaluate(("accuracy",), "malignant"), model, none)
        assert caught.value.diagnostics[0].code is Code.TOO_FEW_ROWS

    def test_a_column_the_model_needs_is_named_when_it_is_gone(self, bench: Bench) -> None:
        train, test = parts(bench, Task.BINARY)
        model = bench.model(training(Task.BINARY, "linear"), train).model
        table = bench.table(pq.read_table(test.path).drop_columns(["x3"]))
        with pytest.raises(StackcError) as caught:
            bench.run(Score(()), {"model": model, "table": table})
        assert "`x3`" in caught.value.diagnostics[0].message

    def test_the_threshold_moves_the_labels_and_not_the_probabilities(self, bench: Bench) -> None:
        train, test = parts(bench, Task.BINARY)
        model = bench.model(training(Task.BINARY, "linear"), train).model
        low, high = (
            pq.read_table(
                bench.run(Score((), bound), {"model": model, "table": test}).files["table"]
            )
            for bound in (0.05, 0.95)
        )
        assert low["probability"].equals(high["probability"])
        assert pc.sum(low["prediction"]).as_py() > pc.sum(high["prediction"]).as_py()
