"""What every backend of ``train``, ``predict`` and ``register`` must do, from table to champion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from compiler.backend import Backend
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.graph.operations import Evaluate, Fairness, Package, Score, Train
from compiler.graph.types import Column, DataType, EstimatorType, ModelType, Task
from specs.algorithms import ALGORITHMS, TRAITS
from specs.metrics import fairness_for, metrics_for
from tests.conformance.bench import GOOD, REQUEST, TARGETS, Bench, artifact, parts, real, training


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

    @pytest.mark.parametrize("task", list(Task))
    def test_groups_are_held_against_each_other_by_scored_rows(
        self, bench: Bench, task: Task
    ) -> None:
        """Fairness is of the labels that scoring gives, group by group, on every backend."""
        train, test = parts(bench, task)
        model = bench.model(training(task, "linear"), train).model
        target, names = TARGETS[task].name, fairness_for(task.value)
        evaluate = Evaluate((), target, fairness=Fairness(("size",), names, 1))
        found = bench.evaluation(evaluate, model, test)
        scored = bench.run(Score((target, "size")), {"model": model, "table": test})
        rows = pq.read_table(scored.files["table"]).to_pandas()
        if task is Task.REGRESSION:
            right = (rows[target] - rows["prediction"].astype(float)).abs()
        else:
            right = rows[target] == rows["prediction"]
        means = right.groupby(rows["size"]).mean()
        (grouping,) = found["fairness"]["groupings"]
        told = {group["values"][0]: group["rates"] for group in grouping["groups"]}
        name = "mae" if task is Task.REGRESSION else "accuracy"
        assert {size: rates[name] for size, rates in told.items()} == pytest.approx(dict(means))
        assert found["metrics"][f"{name}_difference"] == pytest.approx(means.max() - means.min())
        assert found["metrics"].keys() == {*names}

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_the_same_rows_and_seed_give_the_same_bytes(self, bench: Bench, algorithm: str) -> None:
        train, _ = parts(bench, Task.BINARY)
        operation = training(Task.BINARY, algorithm, seed=11)
        first = bench.model(operation, train).model.digest
        bench.threads = 1
        assert bench.model(operation, train).model.digest == first

    @pytest.mark.parametrize("task", list(Task))
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_law_9_scored_rows_equal_evaluated_rows_bit_for_bit(
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
