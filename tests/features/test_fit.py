"""The tasks FitFeatures and Package, as the engine runs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backends.models.feed import matrix
from backends.training import fit
from compiler.backend import Artifact, Settings, TaskContext
from compiler.codes import Code
from compiler.diagnostics import StackcError
from compiler.graph.operations import FeatureSpec, FitFeatures
from compiler.graph.types import Column, DataType, TableType

REQUEST = (Column("x", DataType("float64")),)


def context(folder: Path) -> TaskContext:
    return TaskContext(
        address="models.m/features",
        key="k",
        input_keys={},
        observed=None,
        project=folder,
        state=folder,
        workdir=folder,
        threads=1,
        memory=10**6,
        settings=Settings(),
        secret=lambda text: text,
        progress=lambda text: None,
    )


def train(folder: Path, values: pa.Array) -> dict[str, Artifact]:
    path = folder / "train.parquet"
    pq.write_table(pa.table({"x": values}), path)
    return {"train": Artifact(path, "d", TableType(REQUEST))}


def test_features_are_fitted_and_give_a_matrix(tmp_path: Path) -> None:
    inputs = train(tmp_path, pa.array([1.0, None, 3.0]))
    spec = FeatureSpec("x", "x", impute="mean")
    outcome = fit.run(FitFeatures((spec,), REQUEST), inputs, context(tmp_path))
    found = matrix(outcome.files["features"], inputs["train"].path)
    np.testing.assert_array_equal(found, np.array([[1.0], [2.0], [3.0]], np.float32))
    assert outcome.summary == {"features": 1, "columns": 1, "rows": 3}


def test_an_empty_training_part_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StackcError) as refused:
        fit.run(
            FitFeatures((FeatureSpec("x", "x"),), REQUEST),
            train(tmp_path, pa.array([], pa.float64())),
            context(tmp_path),
        )
    assert refused.value.diagnostics[0].code is Code.TOO_FEW_ROWS


def test_a_damaged_training_part_is_an_error(tmp_path: Path) -> None:
    inputs = train(tmp_path, pa.array([1.0, 2.0]))
    path = inputs["train"].path
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StackcError) as refused:
        fit.run(FitFeatures((FeatureSpec("x", "x"),), REQUEST), inputs, context(tmp_path))
    assert refused.value.diagnostics[0].code is Code.SOURCE_UNREADABLE


@pytest.mark.parametrize("name", ["x.null", "prediction", "probability"])
def test_a_column_that_takes_a_name_of_the_model_is_refused(name: str, tmp_path: Path) -> None:
    request = (*REQUEST, Column(name, DataType("int64")))
    with pytest.raises(StackcError) as refused:
        fit.run(
            FitFeatures((FeatureSpec("x", "x"),), request),
            train(tmp_path, pa.array([1.0])),
            context(tmp_path),
        )
    assert refused.value.diagnostics[0].code is Code.REQUEST_COLUMNS
