"""Answers against labels: the metrics of scikit-learn on the same rows, joined by hand."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as sklearn

from backends.duckdb import BACKEND as DUCKDB
from backends.local import BACKEND as LOCAL
from backends.serving.answers import AnswerLog
from backends.serving.rows import Reader, Scores
from compiler.backend import Artifact
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.graph.documents import Performance, WindowPerformance
from compiler.graph.operations import Evaluate, Labels, Measure, Score
from compiler.graph.types import Column, DataType, TableType, Task
from specs.metrics import METRICS
from tests.backends.test_answers import answered, place
from tests.conformance.bench import Bench, artifact, parts, training

ROWS = 400
READER = Reader.of((Column("x", DataType("float64"), False),), (Column("id", DataType("int64")),))
CLASSES: dict[Task, tuple[Any, ...]] = {
    Task.BINARY: (False, True),
    Task.MULTICLASS: ("barbera", "barolo", "grignolino"),
    Task.REGRESSION: (),
}
ORACLES: dict[str, Any] = {
    "accuracy": lambda truth, codes, chances: sklearn.accuracy_score(truth, codes),
    "f1": lambda truth, codes, chances: sklearn.f1_score(truth, codes),
    "recall": lambda truth, codes, chances: sklearn.recall_score(truth, codes),
    "f1_macro": lambda truth, codes, chances: sklearn.f1_score(truth, codes, average="macro"),
    "roc_auc": lambda truth, codes, chances: sklearn.roc_auc_score(truth, chances[:, 1]),
    "log_loss": lambda truth, codes, chances: sklearn.log_loss(
        truth, chances / chances.sum(axis=1, keepdims=True)
    ),
    "rmse": lambda truth, codes, chances: sklearn.root_mean_squared_error(truth, chances),
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(LOCAL, tmp_path)


def measure(metric: str, task: Task, **changed: Any) -> Measure:
    plain = {"bound": 0.5, "key": ("id",), "label": "truth", "min_rows": 30}
    return Measure(metric=metric, task=task, **{**plain, **changed})


def scores_of(task: Task, seed: int = 0) -> tuple[Scores, np.ndarray[Any, Any]]:
    """Scores that are right more often than not, and what was true."""
    random = np.random.default_rng(seed)
    classes = CLASSES[task]
    if not classes:
        truth = random.normal(size=ROWS)
        said = (truth + random.normal(scale=0.3, size=ROWS)).astype(np.float32)
        return Scores(said, task, (), 0.5), truth
    codes = random.integers(len(classes), size=ROWS)
    raw = random.random((ROWS, len(classes))) + np.eye(len(classes))[codes] * 0.4
    chances = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
    return Scores(chances, task, classes, 0.5), codes


def asked(operation: Measure, scores: Scores, folder: Path, ids: Any = range(ROWS)) -> Artifact:
    """The answers of a window, as who serves keeps them."""
    log = AnswerLog()
    rows = [{"x": 0.0, "id": at} for at in ids]
    log.update(answered(rows, scores, operation, READER))
    log.write(partial(place, folder))
    return Artifact(folder, "", TableType(()))


def labels_of(bench: Bench, task: Task, truth: Any, ids: Any = range(ROWS)) -> Artifact:
    classes = CLASSES[task]
    values = [classes[int(code)] for code in truth] if classes else [float(v) for v in truth]
    return bench.table(pa.table({"id": pa.array(list(ids), pa.int64()), "truth": values}))


def windows(bench: Bench, operation: Measure, **inputs: Artifact) -> list[WindowPerformance]:
    outcome = bench.run(operation, inputs)
    found: Performance = json.loads(outcome.files["performance"].read_bytes())
    return found["windows"]


@pytest.mark.parametrize(
    ("metric", "task"),
    [
        *((m, Task.BINARY) for m in ("accuracy", "f1", "recall", "roc_auc", "log_loss")),
        *((m, Task.MULTICLASS) for m in ("accuracy", "f1_macro", "log_loss")),
        ("rmse", Task.REGRESSION),
    ],
)
def test_the_value_is_that_of_the_same_rows_joined_by_hand(
    metric: str, task: Task, bench: Bench, tmp_path: Path
) -> None:
    """Labels are there for three rows in four, and in another order."""
    operation = measure(metric, task)
    scores, truth = scores_of(task)
    order = [at for at in np.random.default_rng(1).permutation(ROWS) if at % 4]
    labels = labels_of(bench, task, truth[order], order)
    answers = asked(operation, scores, tmp_path / "answers")
    (window,) = windows(bench, operation, noon=answers, labels=labels)
    there = np.arange(ROWS) % 4 > 0
    chances = scores.values[there].astype(np.float64)
    codes = chances.argmax(axis=1) if scores.classes else None
    expected = ORACLES[metric](truth[there], codes, chances)
    assert window["value"] == pytest.approx(expected, rel=1e-6)
    assert (window["window"], window["rows"], window["labelled"]) == ("noon", ROWS, ROWS * 3 // 4)
    higher = METRICS[metric].better == "higher"
    assert window["dropped"] == (expected < 0.5 if higher else expected > 0.5)


KEYS: dict[str, tuple[list[Any], pa.DataType]] = {
    "bool": ([True, False], pa.bool_()),
    "int8": ([1, -2], pa.int8()),
    "uint64": ([1, 2**62], pa.uint64()),
    "string": (["ann@home", "o'brien"], pa.string()),
    "decimal(10, 2)": (["1.25", 3], pa.decimal128(10, 2)),
    "date": (["2026-11-27", "1969-12-31"], pa.date32()),
    "time": (["13:05:59.5", "00:00:00"], pa.time64("us")),
    "timestamp": (["2026-11-27T13:05:59.000001", "1969-12-31T00:00:00"], pa.timestamp("us")),
    "timestamptz": (
        ["2026-11-27T13:05:59+02:00", "2026-11-27T00:00:00Z"],
        pa.timestamp("us", "UTC"),
    ),
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_of_any_type_finds_its_label(kind: str, bench: Bench, tmp_path: Path) -> None:
    """The same values, as JSON brings them and as DuckDB reads them from texts."""
    said, arrow = KEYS[kind]
    operation = measure("accuracy", Task.BINARY, min_rows=1)
    reader = Reader.of((Column("x", DataType("float64"), False),), (Column("id", DataType(kind)),))
    log = AnswerLog()
    scores = Scores(np.array([[0.2, 0.8]] * 2, np.float32), Task.BINARY, (False, True), 0.5)
    rows = [{"x": 0.0, "id": value} for value in said]
    log.update(answered(rows, scores, operation, reader))
    log.write(partial(place, tmp_path / "answers"))
    texts = [str(value).lower() if kind == "bool" else str(value) for value in said]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        typed = {"timestamptz": "TIMESTAMPTZ", "uint64": "UBIGINT", "int8": "TINYINT"}
        cast = f"CAST(unnest(?) AS {typed.get(kind, kind)}) AS id"
        sql = f"SELECT {cast}, unnest([true, false]) AS truth"
        found: pa.Table = connection.sql(sql, params=[texts]).to_arrow_table()
    assert found["id"].type == arrow
    answers = Artifact(tmp_path / "answers", "", TableType(()))
    (window,) = windows(bench, operation, noon=answers, labels=bench.table(found))
    assert (window["rows"], window["labelled"], window["value"]) == (2, 2, 0.5)


def test_each_answer_counts_where_a_key_was_asked_for_twice(bench: Bench, tmp_path: Path) -> None:
    operation = measure("accuracy", Task.BINARY)
    scores, truth = scores_of(Task.BINARY)
    ids = [at % 50 for at in range(ROWS)]
    labels = labels_of(bench, Task.BINARY, truth[:50], range(50))
    answers = asked(operation, scores, tmp_path / "answers", ids)
    (window,) = windows(bench, operation, noon=answers, labels=labels)
    right = scores.values.argmax(axis=1) == truth[ids]
    assert window["labelled"] == ROWS
    assert window["value"] == pytest.approx(right.mean())


def test_too_few_labels_are_told_and_not_judged(bench: Bench, tmp_path: Path) -> None:
    operation = measure("f1", Task.BINARY, bound=1.0)
    scores, truth = scores_of(Task.BINARY)
    answers = asked(operation, scores, tmp_path / "answers")
    for count, detail in ((0, "no label has come"), (29, "fewer than 30 labelled rows"), (30, "")):
        labels = labels_of(bench, Task.BINARY, truth[:count], range(count))
        (window,) = windows(bench, operation, noon=answers, labels=labels)
        assert (window["labelled"], window["detail"]) == (count, detail)
        assert (window["value"] is None) == (count < 30)
        assert window["dropped"] == (count >= 30)


def test_a_label_that_no_model_knows_is_told_and_left_out(bench: Bench, tmp_path: Path) -> None:
    operation = measure("accuracy", Task.MULTICLASS)
    scores, truth = scores_of(Task.MULTICLASS)
    names = [CLASSES[Task.MULTICLASS][code] for code in truth]
    names[:10] = ["chianti"] * 10
    labels = bench.table(pa.table({"id": range(ROWS), "truth": names}))
    answers = asked(operation, scores, tmp_path / "answers")
    (window,) = windows(bench, operation, noon=answers, labels=labels)
    right = scores.values.argmax(axis=1)[10:] == truth[10:]
    assert window["strange"] == 10
    assert window["value"] == pytest.approx(right.mean())
    assert window["detail"] == "10 with a label that the model does not know"


def test_answers_that_were_kept_for_another_key_are_left_out(bench: Bench, tmp_path: Path) -> None:
    scores, truth = scores_of(Task.BINARY)
    answers = asked(measure("f1", Task.BINARY), scores, tmp_path / "answers")
    labels = labels_of(bench, Task.BINARY, truth)
    for operation in (measure("f1", Task.BINARY, key=("other",)), measure("brier", Task.BINARY)):
        (window,) = windows(bench, operation, noon=answers, labels=labels)
        assert (window["rows"], window["left_out"], window["value"]) == (0, ROWS, None)


def test_models_that_know_other_classes_are_measured_together(bench: Bench, tmp_path: Path) -> None:
    """A window in which a model was trained anew, on wines of which there were fewer."""
    operation = measure("accuracy", Task.MULTICLASS)
    scores, truth = scores_of(Task.MULTICLASS)
    half = ROWS // 2
    first = Scores(scores.values[:half], scores.task, scores.classes, 0.5)
    rest = scores.values[half:, 1:]
    fewer = Scores(rest / rest.sum(axis=1, keepdims=True), scores.task, scores.classes[1:], 0.5)
    folder, log = tmp_path / "answers", AnswerLog()
    for part, ids in ((first, range(half)), (fewer, range(half, ROWS))):
        log.update(answered([{"x": 0.0, "id": at} for at in ids], part, operation, READER))
    log.write(partial(place, folder))
    answers = Artifact(folder, "", TableType(()))
    labels = labels_of(bench, Task.MULTICLASS, truth)
    (window,) = windows(bench, operation, noon=answers, labels=labels)
    codes = [*first.values.argmax(axis=1), *(fewer.values.argmax(axis=1) + 1)]
    assert window["value"] == pytest.approx(np.mean(np.array(codes) == truth))


@pytest.mark.parametrize("metric", ["f1", "roc_auc", "log_loss"])
def test_a_prediction_is_measured_as_its_evaluation_is(metric: str, bench: Bench) -> None:
    """The table that a model has scored, against the column it was split from."""
    train, test = parts(bench, Task.BINARY)
    model = bench.model(training(Task.BINARY, "linear"), train).model
    numbered = bench.table(_numbered(test))
    scored = bench.run(Score(keep=("id",)), {"model": model, "table": numbered}).files["table"]
    truth = _numbered(test).select(["id", "malignant"])
    operation = measure(metric, Task.BINARY, label="malignant")
    answers = artifact(scored, TableType(()))
    inputs = {"answers": answers, "labels": bench.table(truth), "model": model}
    (window,) = windows(bench, operation, **inputs)
    evaluated = bench.evaluation(Evaluate((metric,), "malignant"), model, test)
    assert window["value"] == pytest.approx(evaluated["metrics"][metric], rel=1e-6)
    assert (window["window"], window["left_out"]) == ("", 0)


def _numbered(table: Artifact) -> pa.Table:
    found = pq.read_table(table.path)
    return found.append_column("id", pa.array(range(found.num_rows), pa.int64()))


def test_labels_are_one_row_a_key(tmp_path: Path) -> None:
    """What has no key or no label is left out; the same label twice is one."""
    bench = Bench(DUCKDB, tmp_path)
    rows = pa.table(
        {
            "id": pa.array([3, 1, 1, 2, None, 4], pa.int64()),
            "late": [True, False, False, None, True, None],
        }
    )
    kind = TableType((Column("id", DataType("int64")), Column("late", DataType("bool"))))
    table = artifact(bench.table(rows).path, kind)
    outcome = bench.run(Labels(("id",), "late"), {"table": table})
    assert pq.read_table(outcome.files["table"]).to_pydict() == {
        "id": [1, 3],
        "late": [False, True],
    }


def test_two_labels_of_one_key_are_refused_without_their_values(tmp_path: Path) -> None:
    bench = Bench(DUCKDB, tmp_path)
    rows = pa.table({"id": ["ann@home", "ann@home", "bob@home"], "late": [True, False, True]})
    kind = TableType((Column("id", DataType("string")), Column("late", DataType("bool"))))
    table = artifact(bench.table(rows).path, kind)
    with pytest.raises(StackcError) as caught:
        bench.run(Labels(("id",), "late"), {"table": table})
    (found,) = caught.value.diagnostics
    assert found.code is Code.LABELS_TWICE
    assert found.message.startswith("1 key has several labels")
    assert "home" not in str(found)
