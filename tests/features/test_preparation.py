"""Fitted preparation: agrees with scikit-learn, keeps its promises on nulls and strangers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

from backends.models.feed import feeds, matrix
from backends.models.sessions import metadata, session
from backends.training.statistics import learn
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.features.models import FEATURES, features_model
from compiler.features.onnx_graph import to_bytes
from compiler.graph.operations import FeatureSpec
from compiler.graph.types import Column, DataType

REQUEST = (
    Column("x", DataType("float64")),
    Column("n", DataType("int64")),
    Column("s", DataType("string")),
    Column("b", DataType("bool")),
)
X = FeatureSpec("x", "x")
S = FeatureSpec("s", "s", encode="one_hot")


def data(rows: int = 500, seed: int = 3) -> pa.Table:
    random = np.random.default_rng(seed)
    x = random.normal(5, 3, rows)
    holes = random.random(rows) < 0.1
    words = random.choice(["a", "b", "c", "d", "é"], rows, p=[0.5, 0.3, 0.15, 0.04, 0.01])
    return pa.table(
        {
            "x": pa.array(x, mask=holes),
            "n": pa.array(random.integers(0, 6, rows), mask=random.random(rows) < 0.2),
            "s": pa.array(words, pa.string(), mask=random.random(rows) < 0.1),
            "b": pa.array(random.random(rows) < 0.3, mask=random.random(rows) < 0.1),
        }
    )


def fitted(table: pa.Table, *specs: FeatureSpec, folder: Path) -> tuple[ort.InferenceSession, Any]:
    path = folder / "train.parquet"
    pq.write_table(table, path)
    statistics = learn(specs, REQUEST, path, threads=1, memory=10**6)
    content = to_bytes(features_model(specs, REQUEST, statistics))
    (folder / "features.onnx").write_bytes(content)
    return session(content), matrix(folder / "features.onnx", path)


def numbers(table: pa.Table, name: str = "x") -> Any:
    return np.array(table[name].to_pylist(), dtype=np.float64)[:, None]


@pytest.mark.parametrize(
    ("scale", "theirs"),
    [("standard", StandardScaler()), ("min_max", MinMaxScaler()), ("robust", RobustScaler())],
)
def test_scaling_is_scikit_learns(scale: str, theirs: Any, tmp_path: Path) -> None:
    table = data()
    _, ours = fitted(table, replace(X, scale=scale), folder=tmp_path)
    expected = theirs.fit_transform(numbers(table)).astype(np.float32)
    np.testing.assert_allclose(ours, expected, rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize("impute", ["mean", "median", "most_frequent"])
@pytest.mark.parametrize("name", ["x", "n"])
def test_imputation_is_scikit_learns(impute: str, name: str, tmp_path: Path) -> None:
    table = data()
    _, ours = fitted(table, FeatureSpec(name, name, impute=impute), folder=tmp_path)
    expected = SimpleImputer(strategy=impute).fit_transform(numbers(table, name))
    np.testing.assert_allclose(ours, expected.astype(np.float32), rtol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.06])
def test_rare_categories_are_scikit_learns(share: float, tmp_path: Path) -> None:
    table = data()
    opened, ours = fitted(table, replace(S, min_frequency=share), folder=tmp_path)
    (entry,) = json.loads(metadata(opened)[FEATURES])
    words = np.array(table["s"].to_pylist(), dtype=object)[:, None]
    encoder = OneHotEncoder(min_frequency=share or None, sparse_output=False).fit(words)
    expected = encoder.transform(words)
    theirs = [name.removeprefix("x0_") for name in encoder.get_feature_names_out()]
    names = {"infrequent_sklearn": "s=rare", "None": "s=null"}
    for place, name in enumerate(theirs):
        column = entry["columns"].index(names.get(name, f"s={name}"))
        np.testing.assert_array_equal(ours[:, column], expected[:, place])
    assert (ours.sum(axis=1) == 1).all()


def test_categories_come_by_frequency_and_unknown_ones_are_rare(tmp_path: Path) -> None:
    table = pa.table(
        {
            "x": pa.array([0.0] * 6),
            "n": pa.array([4, 4, 9, 9, 2, None]),
            "s": pa.array(["b", "b", "a", "a", "c", None]),
            "b": pa.array([True, None, False, True, True, True]),
        }
    )
    ordinal = FeatureSpec("n", "n", encode="ordinal")
    opened, ours = fitted(table, replace(S, max_categories=2), ordinal, folder=tmp_path)
    assert ours.tolist()[0][:4] == [0, 1, 0, 0]
    assert [row[4] for row in ours.tolist()] == [0, 0, 1, 1, 2, 4]
    strange = pa.table({"x": [0.0], "n": [77], "s": ["new"], "b": [True]})
    (row,) = opened.run(None, feeds(strange, REQUEST))[0].tolist()
    assert row == [0, 0, 1, 0, 3]


def test_columns_stand_in_the_order_of_the_features(tmp_path: Path) -> None:
    specs = (S, X, FeatureSpec("b", "b", encode="one_hot"), FeatureSpec("n", "n * 2"))
    opened, ours = fitted(data(), *specs, folder=tmp_path)
    entries = json.loads(metadata(opened)[FEATURES])
    assert [entry["name"] for entry in entries] == ["s", "x", "b", "n"]
    columns = [column for entry in entries for column in entry["columns"]]
    np.testing.assert_array_equal(
        ours[:, columns.index("x")], numbers(data()).astype(np.float32)[:, 0]
    )
    np.testing.assert_array_equal(
        ours[:, columns.index("n")], 2 * numbers(data(), "n").astype(np.float32)[:, 0]
    )
    assert columns.index("b=true") < columns.index("b=rare") < columns.index("b=null")


def test_what_is_missing_stays_missing_unless_it_is_filled(tmp_path: Path) -> None:
    table = data()
    _, left = fitted(table, X, FeatureSpec("b", "b"), folder=tmp_path)
    np.testing.assert_array_equal(np.isnan(left[:, 0]), np.isnan(numbers(table))[:, 0])
    assert set(np.unique(left[:, 1])[:2]) == {0.0, 1.0}
    _, filled = fitted(table, replace(X, impute="constant", fill=-1), folder=tmp_path)
    assert (filled[np.isnan(left[:, 0]), 0] == -1).all()


def test_a_feature_that_is_always_missing_or_constant_is_no_failure(tmp_path: Path) -> None:
    table = pa.table(
        {
            "x": pa.array([None, None], pa.float64()),
            "n": pa.array([7, 7]),
            "s": pa.array([None, None], pa.string()),
            "b": pa.array([None, True]),
        }
    )
    specs = (
        replace(X, impute="mean", scale="standard"),
        FeatureSpec("n", "n", scale="standard"),
        FeatureSpec("m", "n", scale="min_max"),
        S,
    )
    _, ours = fitted(table, *specs, folder=tmp_path)
    assert ours.tolist() == [[0, 0, 0, 0, 1], [0, 0, 0, 0, 1]]


def test_infinities_are_seen_by_no_statistic_and_stay(tmp_path: Path) -> None:
    table = data(4).set_column(0, "x", pa.array([1.0, 3.0, float("inf"), 1e300]))
    _, ours = fitted(table, replace(X), folder=tmp_path)
    assert ours[:, 0].tolist() == [1.0, 3.0, float("inf"), float("inf")]


def test_a_null_is_handled_alike_alone_and_among_others(tmp_path: Path) -> None:
    specs = (
        replace(X, impute="median", scale="standard"),
        S,
        FeatureSpec("n", "coalesce(n, -1) + x", impute="mean"),
        FeatureSpec("b", "b or n > 3", impute="most_frequent"),
    )
    table = data(200)
    opened, together = fitted(table, *specs, folder=tmp_path)
    for row in range(0, 200, 7):
        alone = opened.run(None, feeds(table.slice(row, 1), REQUEST))[0]
        np.testing.assert_array_equal(alone[0], together[row])


def test_fitting_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    specs = (replace(X, scale="robust"), S, FeatureSpec("n", "n", encode="ordinal"))
    (tmp_path / "first").mkdir()
    fitted(data(), *specs, folder=tmp_path)
    fitted(data(), *specs, folder=tmp_path / "first")
    again = (tmp_path / "first" / "features.onnx").read_bytes()
    assert (tmp_path / "features.onnx").read_bytes() == again


@pytest.mark.parametrize(
    "spec",
    [
        FeatureSpec("s", "s"),
        FeatureSpec("s", "s", encode="one_hot", scale="standard"),
        FeatureSpec("s", "s", encode="one_hot", impute="mean"),
        FeatureSpec("x", "x", encode="one_hot"),
        FeatureSpec("x", "x", impute="constant", fill="no"),
        FeatureSpec("s", "s", encode="one_hot", impute="constant", fill=3),
    ],
)
def test_a_preparation_that_does_not_fit_the_type_is_refused(spec: FeatureSpec) -> None:
    with pytest.raises(StackcError) as refused:
        features_model((spec,), REQUEST, ())
    assert refused.value.diagnostics[0].code is Code.EXPRESSION_TYPE
